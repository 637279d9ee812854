"""Hands parts of cut circuits to a session, each with the memory that its fragment takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from pilot_quantum.circuit.fragments import CutCircuit
from pilot_quantum.workload.batch import Batch
from pilot_quantum.workload.blob import to_blob
from pilot_quantum.workload.cutting.choi import choi_circuit, choi_shape
from pilot_quantum.workload.cutting.expectation import Part
from pilot_quantum.workload.cutting.keys import PartKey
from pilot_quantum.workload.cutting.parts import FragmentWork
from pilot_quantum.workload.memory import bytes_needed, check_fits
from pilot_quantum.workload.submitter import Cancel, Resources, Submitter, simulating
from pilot_quantum.workload.traits import Traits, traits_of


class Fleet:
    """The pilots as parts see them.

    submitter: a session, or its `with_options(...)`, whose options the tasks keep. resources: the pilots' profiles.
    cancel: ends tasks that have begun, too.
    """

    def __init__(self, submitter: Submitter, resources: Resources, cancel: Cancel) -> None:
        self._resources = resources
        self._cancel = cancel
        self._submitter = submitter if submitter.options.name else submitter.with_options(name="fragment")
        self._for_memory = lru_cache(maxsize=64)(self._with_memory)

    def works(self, cut: CutCircuit) -> tuple[FragmentWork, ...]:
        """The fragments as they travel. Raises CircuitTooLargeError for one that no pilot has the memory for."""
        found = []
        resources = self._resources()
        for index, fragment in enumerate(cut.fragments):
            circuit = choi_circuit(fragment, cut.links)
            traits = traits_of(circuit)
            work = FragmentWork(to_blob(circuit, traits.standard), choi_shape(fragment, cut.links), len(circuit.data))
            name = f"fragment {index} ({fragment.width} qubits and {work.shape.ancillas} of {len(fragment.legs)} cuts)"
            check_fits(name, _traits(work), resources)
            found.append(work)
        return tuple(found)

    def submit(self, parts: Iterable[tuple[PartKey, Part]], works: Sequence[FragmentWork]) -> Batch[PartKey]:
        """Hand the parts over, the longest first, as they decide when all have ended."""
        ordered = sorted(parts, key=lambda part: -_updates(works[part[0].fragment]))
        futures = []
        for key, (function, *arguments) in ordered:
            submitter = self._for_memory(bytes_needed(_traits(works[key.fragment])))
            futures.append((key, submitter.submit(function, *arguments)))
        return Batch(futures, self._cancel)

    def _with_memory(self, memory: int) -> Submitter:
        return self._submitter.with_options(needs=simulating(self._submitter.options.needs, memory))


def _traits(work: FragmentWork) -> Traits:
    return Traits(work.instructions, work.shape.width + work.shape.ancillas)


def _updates(work: FragmentWork) -> int:
    return int(work.instructions * 2 ** (work.shape.width + work.shape.ancillas))
