from __future__ import annotations

import msgspec
import pytest
from qiskit.circuit import QuantumCircuit
from tests.dreamer.circuits import ansatz

from pilot_quantum.circuit.skeleton import read_skeleton
from pilot_quantum.dreamer.models.qpu import QPURun
from pilot_quantum.resource.profile import QPUProfile

RUN = QPURun(QPUProfile("falcon", 27, 1e-4, 1e-2, 2e-2, 600.0, 2000.0, task_price=0.3, shot_price=0.01))


def test_a_job_waits_and_then_runs_its_shots():
    found = RUN.predict(ansatz(20), shots=4000)
    assert found.terms == {"queue": 600.0, "shots": 2.0}
    assert found.seconds == 602.0
    assert found.low == 202.0
    assert found.high == 1802.0
    assert RUN.price(4000) == pytest.approx(40.3)


def test_a_circuit_that_is_too_wide_is_refused_with_both_numbers():
    assert not RUN.fits(ansatz(28))
    with pytest.raises(ValueError, match="falcon has 27 qubits, and the circuit 28"):
        RUN.predict(ansatz(28), shots=1)


def test_a_swap_is_three_gates_on_two_qubits():
    circuit = QuantumCircuit(3)
    for pair in ((0, 1), (1, 2), (0, 2)):
        circuit.cz(*pair)
    skeleton = read_skeleton(circuit)
    chained = QPURun(msgspec.structs.replace(RUN.qpu, couplings=((0, 1), (1, 2))))

    assert (RUN.swaps(skeleton), chained.swaps(skeleton), chained.swaps(skeleton, skeleton)) == (0, 1, 2)
    assert (RUN.widest, chained.widest) == (27, 3)
    assert RUN.kept(skeleton, 1) == pytest.approx(0.99**3 * 0.98)
    assert chained.kept(skeleton, 1, chained.swaps(skeleton)) == pytest.approx(0.99**6 * 0.98)


def test_more_gates_leave_less_of_a_value():
    few, many = (RUN.kept(ansatz(10, layers), measured=1) for layers in (1, 4))
    assert 0 < many < few < 0.98
