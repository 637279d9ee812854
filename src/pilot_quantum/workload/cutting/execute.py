"""Cut circuits on a session's pilots: expectation values, probabilities, samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.primitives.containers.observables_array import ObservablesArrayLike

from pilot_quantum.circuit.cuts import Cuts
from pilot_quantum.circuit.fragment_cone import observed
from pilot_quantum.circuit.fragments import CutCircuit, cut_circuit
from pilot_quantum.errors import InvalidDescriptionError
from pilot_quantum.resource.checks import check_whole
from pilot_quantum.workload.blocks import entropy_of
from pilot_quantum.workload.cutting.distribution import CutDistribution, check_qubits
from pilot_quantum.workload.cutting.expectation import CutExpectation
from pilot_quantum.workload.cutting.fleet import Fleet
from pilot_quantum.workload.cutting.job import CutJob, SampledJob
from pilot_quantum.workload.cutting.keys import PartKey
from pilot_quantum.workload.cutting.observables import PauliSums, pauli_sums
from pilot_quantum.workload.cutting.parts import FragmentWork
from pilot_quantum.workload.cutting.sampled import SampledExpectation
from pilot_quantum.workload.memory import Method
from pilot_quantum.workload.readout import sampled
from pilot_quantum.workload.submitter import Cancel, Resources, Submitter, cancel_unshipped

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class CutRunner:
    """Runs circuits cut where they are told to be cut; exact unless shots are asked.

    submitter: what parts are handed to, a session or its `with_options(...)`. resources: gives the pilots' profiles,
    `session.resources`. cancel: ends tasks that have begun, too: the session's. simulator: what runs the fragments,
    Aer's state vector or Lightning's. Raises InvalidDescriptionError for what cannot be meant, here and below, before
    anything is submitted.
    """

    def __init__(
        self,
        submitter: Submitter,
        resources: Resources,
        *,
        cancel: Cancel = cancel_unshipped,
        simulator: Method = Method.STATEVECTOR,
    ) -> None:
        usable = "use Method.STATEVECTOR or Method.LIGHTNING."
        try:
            simulator = Method(simulator)
        except ValueError as error:
            raise InvalidDescriptionError(f"simulator={simulator!r} is none; {usable}") from error
        if not simulator.amplitudes:
            raise InvalidDescriptionError(
                f"simulator={simulator!r} gives no amplitudes to put fragments together from; {usable}"
            )
        self._fleet = Fleet(submitter, resources, cancel, simulator)

    def expectation(self, circuit: QuantumCircuit, cuts: Cuts, observables: ObservablesArrayLike) -> CutJob[Floats]:
        """Exact expectation values, on simulators; started at once.

        circuit: flat, all parameters bound; measurements at its end are ignored. observables: as Qiskit's Estimator
        takes them; the values have their shape. Raises CircuitError, CircuitTooLargeError.
        """
        return self.expectation_of(*_observed(circuit, cuts, observables))

    def expectation_of(self, cut: CutCircuit, sums: PauliSums) -> CutJob[Floats]:
        """The same of a circuit that is cut already, pruned to what `sums` depend on by `observed` or whole.

        Raises CircuitTooLargeError.
        """
        part = CutExpectation(cut, self._fleet.works(cut, len(sums.terms)), sums)
        return CutJob(self._fleet.submit(part.parts()), part.values)

    def sampled(
        self,
        circuit: QuantumCircuit,
        cuts: Cuts,
        observables: ObservablesArrayLike,
        *,
        shots: int,
        seed: int | None = None,
    ) -> SampledJob:
        """Expectation values from `shots` shots in all, with their standard errors; started at once.

        As on machines that give counts alone: quasi-probability decompositions, shots where they lower the error most.
        The same seed gives the same values on any number of workers; None draws one. Raises CircuitError,
        CircuitTooLargeError.
        """
        shots, entropy = check_whole("shots", shots, 1), entropy_of(seed)
        cut, sums = _observed(circuit, cuts, observables)
        part = SampledExpectation(cut, self._whole(cut), sums, shots, entropy)
        return SampledJob(part, self._fleet.submit)

    def probabilities(self, circuit: QuantumCircuit, cuts: Cuts, qubits: Sequence[int] | None = None) -> CutJob[Floats]:
        """Exact probabilities of the outcomes of `qubits` (None: all), the first the least significant bit.

        At most 26 qubits. Raises CircuitError, CircuitTooLargeError.
        """
        part = self._distribution(circuit, cuts, qubits)
        return CutJob(self._fleet.submit(part.parts()), part.probabilities)

    def samples(
        self,
        circuit: QuantumCircuit,
        cuts: Cuts,
        *,
        shots: int,
        qubits: Sequence[int] | None = None,
        seed: int | None = None,
    ) -> CutJob[Ints]:
        """Outcomes of `qubits` (None: all) drawn from their exact probabilities: shape (shots,), as in `probabilities`.

        At most 26 qubits. None draws a seed. Raises CircuitError, CircuitTooLargeError.
        """
        shots, entropy = check_whole("shots", shots, 1), entropy_of(seed)
        part = self._distribution(circuit, cuts, qubits)

        def drawn(found: Mapping[PartKey, Any]) -> Ints:
            return sampled(part.probabilities(found), shots, np.random.default_rng(entropy))

        return CutJob(self._fleet.submit(part.parts()), drawn)

    def _distribution(self, circuit: QuantumCircuit, cuts: Cuts, qubits: Sequence[int] | None) -> CutDistribution:
        cut = cut_circuit(circuit, cuts)
        asked = check_qubits(range(cut.qubits) if qubits is None else qubits, cut.qubits)
        cut = observed(cut, asked)
        return CutDistribution(cut, self._whole(cut), asked)

    def _whole(self, cut: CutCircuit) -> list[FragmentWork]:
        return [work for (work,) in self._fleet.works(cut, None)]


def prepared(fleet: Fleet, circuit: QuantumCircuit, cuts: Cuts, observables: ObservablesArrayLike) -> CutExpectation:
    """Everything before the parts are handed over. Raises CircuitError, CircuitTooLargeError."""
    cut, sums = _observed(circuit, cuts, observables)
    return CutExpectation(cut, fleet.works(cut, len(sums.terms)), sums)


def _observed(circuit: QuantumCircuit, cuts: Cuts, observables: ObservablesArrayLike) -> tuple[CutCircuit, PauliSums]:
    cut = cut_circuit(circuit, cuts)
    sums = pauli_sums(observables, cut.qubits)
    return observed(cut, sums.qubits), sums
