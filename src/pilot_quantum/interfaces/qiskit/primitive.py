"""What sampler and estimator share: from checked PUBs to a job."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from qiskit.circuit import QuantumCircuit

from pilot_quantum.interfaces.qiskit.pubs import label
from pilot_quantum.workload.blob import to_blob
from pilot_quantum.workload.memory import bytes_needed, check_fits
from pilot_quantum.workload.submitter import Resources, Submitter, simulating
from pilot_quantum.workload.traits import Traits, traits_of


class Dispatcher:
    """Hands units to a session, each with the memory that its circuit takes.

    submitter: a session, or its `with_options(...)`, whose options the units keep. resources: the pilots' profiles.
    name: of the tasks, where the user gave none.
    """

    def __init__(self, submitter: Submitter, resources: Resources, name: str) -> None:
        self._resources = resources
        self._submitter = submitter if submitter.options.name else submitter.with_options(name=name)
        self.for_memory = lru_cache(maxsize=64)(self._for_memory)

    def check(self, circuits: Sequence[QuantumCircuit], traits: Sequence[Traits]) -> None:
        """Raise CircuitTooLargeError for a circuit that no pilot has the memory for."""
        resources = self._resources()
        for index, (circuit, each) in enumerate(zip(circuits, traits, strict=True)):
            check_fits(label(index, circuit), each, resources)

    def submitter(self, traits: Traits) -> Submitter:
        """Takes units of a circuit with these traits."""
        return self.for_memory(bytes_needed(traits))

    def _for_memory(self, memory: int) -> Submitter:
        needs = simulating(self._submitter.options.needs, memory)
        return self._submitter.with_options(needs=needs)


class Reading:
    """Traits and bytes of the circuits of one call: read once for each object, which cannot change meanwhile."""

    def __init__(self) -> None:
        self._traits: dict[int, Traits] = {}
        self._blobs: dict[int, bytes] = {}

    def traits(self, circuit: QuantumCircuit) -> Traits:
        """What the circuit does."""
        found = self._traits.get(id(circuit))
        if found is None:
            found = self._traits[id(circuit)] = traits_of(circuit)
        return found

    def blob(self, circuit: QuantumCircuit) -> bytes:
        """The circuit as bytes."""
        found = self._blobs.get(id(circuit))
        if found is None:
            found = self._blobs[id(circuit)] = to_blob(circuit, self.traits(circuit).standard)
        return found
