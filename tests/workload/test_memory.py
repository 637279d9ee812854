from __future__ import annotations

import pytest

from pilot_quantum.errors import CircuitError, CircuitTooLargeError, UnsatisfiableError
from pilot_quantum.resource.profile import ResourceProfile
from pilot_quantum.workload.memory import PROCESS, Method, bytes_needed, check_fits, method_of
from pilot_quantum.workload.traits import Traits


def profile(memory, name="local-1", capabilities=frozenset({"simulator"})):
    return ResourceProfile(name, 1, 2, 0, 0, memory, capabilities)


def test_a_state_vector_takes_forty_bytes_an_amplitude():
    assert bytes_needed(Traits(10, 24)) == PROCESS + 40 * 2**24


def test_wide_clifford_circuits_take_stabilizers():
    ghz = Traits(100, 100, clifford=True)
    assert method_of(ghz) is Method.STABILIZER
    assert bytes_needed(ghz) < PROCESS + 2**20
    assert method_of(Traits(10, 12, clifford=True)) is Method.STATEVECTOR
    assert method_of(Traits(100, 100)) is Method.STATEVECTOR


def test_a_circuit_too_large_is_refused_with_both_figures_and_a_remedy():
    with pytest.raises(CircuitTooLargeError) as caught:
        check_fits("PUB 3: circuit 'big'", Traits(10, 36), [profile(2**33), profile(2**34, "local-2")])
    text = str(caught.value)
    assert "PUB 3" in text
    assert "36 qubits" in text
    assert "2.5 TiB" in text
    assert "16 GiB" in text
    assert "'local-2'" in text
    assert "Add a pilot" in text
    assert isinstance(caught.value, CircuitError | UnsatisfiableError)


def test_what_fits_the_largest_pilot_or_has_no_pilot_yet_passes():
    check_fits("PUB 0", Traits(10, 26), [profile(2**20), profile(2**33)])
    check_fits("PUB 0", Traits(10, 60), [])
    check_fits("PUB 0", Traits(10, 60), [profile(2**50, capabilities=frozenset())])


def test_a_method_that_is_given_decides_and_so_do_the_pilots_that_have_it():
    ghz = Traits(100, 30, clifford=True)
    assert bytes_needed(ghz, Method.LIGHTNING) == PROCESS + 40 * 2**30
    with pytest.raises(ValueError, match="bonds"):
        bytes_needed(ghz, Method.MPS)
    large = profile(2**40)
    lightning = profile(2**33, "local-2", frozenset({"simulator", "lightning"}))
    check_fits("PUB 0", ghz, [large, lightning], Method.STATEVECTOR)
    check_fits("PUB 0", ghz, [large], Method.LIGHTNING)
    with pytest.raises(CircuitTooLargeError, match="'local-2'"):
        check_fits("PUB 0", ghz, [large, lightning], Method.LIGHTNING)
    with pytest.raises(CircuitTooLargeError, match="2 TiB"):
        check_fits("PUB 0", ghz, [large], Method.MPS, 2**41)


@pytest.mark.parametrize("qubits", [70, 5000])
def test_absurd_widths_have_a_readable_error(qubits):
    with pytest.raises(CircuitTooLargeError, match=f"{qubits} qubits"):
        check_fits("PUB 0", Traits(10, qubits), [profile(2**33)])
