"""Every bad input is refused by run itself, before anything is submitted, with the value and the remedy."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from qiskit.circuit import ClassicalRegister, Parameter, QuantumCircuit, QuantumRegister
from qiskit.circuit.library import efficient_su2
from qiskit.primitives.containers.estimator_pub import EstimatorPub

from pilot_quantum.errors import CircuitError, CircuitTooLargeError, InvalidDescriptionError

ANSATZ = efficient_su2(2, reps=1)
PLAIN = QuantumCircuit(2)
MEASURED = PLAIN.measure_all(inplace=False)


def bad_values(value):
    values = np.zeros((3, ANSATZ.num_parameters))
    values[1, 2] = value
    return values


def with_reset():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.reset(0)
    return circuit


def with_control():
    circuit = QuantumCircuit(1, 1)
    with circuit.if_test((0, 1)):
        circuit.x(0)
    return circuit


ESTIMATOR = [
    ([(ANSATZ, "ZZ")], CircuitError, r"PUB 0.*8 parameters \(θ\[0\], θ\[1\].*assign_parameters"),
    ([(PLAIN, "ZZ"), (ANSATZ, "ZZ", [0.1, 0.2])], CircuitError, r"PUB 1"),
    ([(ANSATZ, "ZZ", {"a": 1.0})], CircuitError, r"PUB 0.*8 parameters"),
    ([(ANSATZ, "ZZ", bad_values(np.nan))], CircuitError, r"PUB 0.*'θ\[2\]' has the value nan at \(1,\).*finite"),
    ([(ANSATZ, "ZZ", bad_values(np.inf))], CircuitError, r"inf"),
    ([(PLAIN, "ZZZ")], CircuitError, r"PUB 0.*\(2\).*\(3\)"),
    ([(PLAIN, "ZQ")], CircuitError, r"PUB 0"),
    ([(PLAIN, ["ZZ", "Z"])], CircuitError, r"PUB 0"),
    ([(PLAIN, {"ZZ": 1j})], CircuitError, r"PUB 0.*imaginary"),
    ([(PLAIN, 3.0)], TypeError, r"PUB 0"),
    ([("circuit", "ZZ")], TypeError, r"PUB 0"),
    ([(PLAIN, "ZZ", None, -0.1)], CircuitError, r"PUB 0.*precision"),
    ([(PLAIN, "ZZ", None, "fine")], TypeError, r"PUB 0.*precision"),
    ([(PLAIN,)], CircuitError, r"PUB 0.*length"),
    ([PLAIN], CircuitError, r"PUB 0.*wrap it"),
    ([7], TypeError, r"PUB 0"),
    ((PLAIN, "ZZ"), TypeError, r"list of PUBs.*\[\(circuit, observables, values\)\]"),
    (PLAIN, TypeError, r"list of PUBs"),
    (EstimatorPub.coerce((PLAIN, "ZZ")), TypeError, r"list of PUBs"),
    (None, TypeError, r"list of PUBs"),
    ([(MEASURED, "ZZ")], CircuitError, r"PUB 0.*measures.*remove_final_measurements"),
    ([(with_reset(), "ZZ")], CircuitError, r"PUB 0.*'reset' on a qubit that was used before.*sampler"),
    ([(with_control(), "Z")], CircuitError, r"PUB 0.*classical control"),
    ([(ANSATZ, ["ZZ"] * 3, bad_values(0)[:2])], CircuitError, r"PUB 0.*broadcast"),
]


@pytest.mark.parametrize(("pubs", "kind", "text"), ESTIMATOR)
def test_what_an_estimator_refuses(inline, pubs, kind, text):
    with pytest.raises(kind, match=f"(?s){text}"):
        inline.estimator().run(pubs)
    assert inline.seen == []


def register_called(name):
    circuit = QuantumCircuit(QuantumRegister(1), ClassicalRegister(1, name))
    circuit.measure(0, 0)
    return circuit


SAMPLER = [
    ([ANSATZ], CircuitError, r"PUB 0.*8 parameters"),
    ([(MEASURED, None, 0)], CircuitError, r"PUB 0.*shots must be positive"),
    ([(MEASURED, None, -3)], CircuitError, r"PUB 0.*shots"),
    ([(MEASURED, None, 1.5)], TypeError, r"PUB 0.*shots must be an integer"),
    ([(MEASURED, [0.1])], CircuitError, r"PUB 0"),
    ([(ANSATZ, bad_values(np.nan))], CircuitError, r"nan"),
    ((MEASURED, [0.1]), TypeError, r"list of PUBs.*\[\(circuit, values\)\]"),
    (MEASURED, TypeError, r"list of PUBs"),
    (["circuit"], TypeError, r"PUB 0"),
    ([register_called("shape")], CircuitError, r"PUB 0.*'shape'.*Rename"),
    ([register_called("items")], CircuitError, r"PUB 0.*'items'.*Rename"),
]


@pytest.mark.parametrize(("pubs", "kind", "text"), SAMPLER)
def test_what_a_sampler_refuses(inline, pubs, kind, text):
    with pytest.raises(kind, match=f"(?s){text}"):
        inline.sampler().run(pubs)
    assert inline.seen == []


@pytest.mark.parametrize(
    ("shots", "kind"), [(0, CircuitError), (-1, CircuitError), (2.5, TypeError), (True, TypeError)]
)
def test_shots_of_a_call(inline, shots, kind):
    with pytest.raises(kind, match="shots"):
        inline.sampler().run([MEASURED], shots=shots)


@pytest.mark.parametrize(("precision", "kind"), [(-1, CircuitError), ("high", TypeError)])
def test_precision_of_a_call(inline, precision, kind):
    with pytest.raises(kind, match="precision"):
        inline.estimator().run([(PLAIN, "ZZ")], precision=precision)


@pytest.mark.parametrize("seed", [-1, 1.5, "seven", True])
def test_seeds_are_whole_numbers(inline, seed):
    for make in (inline.sampler, inline.estimator):
        with pytest.raises(InvalidDescriptionError, match=f"seed={seed!r}"):
            make(seed=seed)


def test_an_unknown_option_names_the_nearest(inline):
    with pytest.raises(InvalidDescriptionError, match=r"'default_shot'.*did you mean 'default_shots'"):
        inline.sampler(options={"default_shot": 3})
    assert inline.sampler(options={"default_shots": 3, "seed": 4}).default_shots == 3
    assert inline.estimator(options={"default_precision": 0.5}).default_precision == 0.5
    assert inline.sampler(options={"seed": 4}, seed=5).seed == 5


def test_options_may_be_changed_later(inline):
    sampler = inline.sampler()
    sampler.options.default_shots = 3
    assert sampler.run([MEASURED]).result()[0].data.meas.num_shots == 3
    with pytest.raises(AttributeError):
        sampler.options.default_shot = 3


def test_a_circuit_that_fits_no_pilot_is_refused_at_once_with_both_figures(small):
    wide = efficient_su2(24, reps=1)
    values = np.zeros(wide.num_parameters)
    for run in (
        lambda: small.estimator().run([(PLAIN, "ZZ"), (wide, "Z" * 24, values)]),
        lambda: small.sampler().run([MEASURED, (wide.measure_all(inplace=False), values)]),
    ):
        with pytest.raises(CircuitTooLargeError, match=r"PUB 1.*24 qubits.*768 MiB.*191 MiB"):
            run()
    assert small.seen == []


def test_a_wide_circuit_with_few_qubits_in_use_fits(small):
    wide = QuantumCircuit(100)
    wide.ry(0.3, 50)
    (found,) = small.estimator().run([(wide, "I" * 49 + "Z" + "I" * 50)]).result()
    assert found.data.evs == pytest.approx(np.cos(0.3))


def test_two_parameters_of_one_name_are_qiskit_s_own_error():
    circuit = QuantumCircuit(1)
    circuit.rx(Parameter("a"), 0)
    with pytest.raises(Exception, match="a"):
        circuit.ry(Parameter("a"), 0)


def test_without_qiskit_the_import_names_the_remedy():
    code = (
        "import sys\n"
        "sys.modules['qiskit_aer'] = None\n"
        "try:\n    import pilot_quantum.interfaces.qiskit\n"
        "except ImportError as error:\n    print(error)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'pilot-quantum[qiskit]'" in found.stdout
    assert "qiskit_aer" in found.stdout
