"""The public suite: large enough, and nothing that was fitted to."""

from __future__ import annotations

from pilot_quantum.circuit.observable import parse_observable
from pilot_quantum.dreamer import suite as fitting
from pilot_quantum.dreamer.public_suite import power_law_suite, public_suite


def test_there_are_sixty_cases_of_ten_families_and_each_has_a_name_of_its_own():
    cases = public_suite()
    assert len(cases) >= 60
    assert len({case.name for case in cases}) == len(cases)
    assert len({case.program.family for case in cases}) >= 10
    assert {case.program.qubits for case in cases} <= set(range(6, 25))


def test_no_circuit_was_fitted_to():
    fitted = {fitting.program(one).gates for one in fitting.suite() if one.family in fitting.FAMILIES}
    fitted |= {case.program.gates for case in power_law_suite()}
    assert not [case.name for case in public_suite() if case.program.gates in fitted]


def test_every_observable_fits_its_circuit():
    for case in (*public_suite(), *power_law_suite()):
        assert parse_observable(case.observable).fits(case.program.qubits), case.name
