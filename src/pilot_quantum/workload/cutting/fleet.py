"""Hands parts of cut circuits to a session, each with the memory that its fragment takes."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import replace
from functools import lru_cache
from reprlib import repr as short
from typing import Any

from pilot_quantum.circuit.fragments import CutCircuit
from pilot_quantum.errors import InvalidDescriptionError
from pilot_quantum.workload.batch import Batch
from pilot_quantum.workload.cutting.keys import PartKey
from pilot_quantum.workload.cutting.parts import FragmentWork, Part
from pilot_quantum.workload.cutting.slices import fragment_work, slices
from pilot_quantum.workload.memory import Method, bytes_needed, check_fits
from pilot_quantum.workload.submitter import Cancel, Resources, Submitter, simulating

Works = tuple[tuple[FragmentWork, ...], ...]
"""The slices of every fragment, in the order of the terms of its first legs."""


class Fleet:
    """The pilots as parts see them.

    submitter: a session, or its `with_options(...)`, whose options the tasks keep. resources: the pilots' profiles.
    cancel: ends tasks that have begun, too. simulator: what runs the fragments. Raises InvalidDescriptionError.
    """

    def __init__(
        self,
        submitter: Submitter,
        resources: Resources,
        cancel: Cancel,
        simulator: Method = Method.STATEVECTOR,
    ) -> None:
        self._simulator = simulator
        self._resources = resources
        self._cancel = cancel
        if not callable(getattr(submitter, "with_options", None)):
            raise InvalidDescriptionError(
                f"submitter={short(submitter)} takes no tasks: give a session, or session.with_options(...)."
            )
        for name, given, usual in (
            ("resources", resources, "session.resources"),
            ("cancel", cancel, "cancel=session.cancel"),
        ):
            if not callable(given):
                raise InvalidDescriptionError(
                    f"{name}={short(given)} has to be a function: give {usual}, without calling it."
                )
        options = getattr(submitter, "options", None)  # a session has none
        self._submitter = submitter if options and options.name else submitter.with_options(name="fragment")
        self._for_memory = lru_cache(maxsize=64)(self._with_memory)

    def works(self, cut: CutCircuit, strings: int | None) -> Works:
        """The fragments as they travel, heavy ones in slices.

        strings: how many are asked of the final states; None: they have to be in one task. Raises CircuitTooLargeError
        for a fragment that no pilot has the memory for.
        """
        found = []
        resources = self._resources()
        for index, fragment in enumerate(cut.fragments):
            whole = fragment_work(fragment, cut.links)
            each = (whole,) if strings is None else slices(fragment, cut.links, whole, strings)
            each = tuple(replace(work, simulator=self._simulator) for work in each)
            cuts = f"{each[0].shape.ancillas} of {len(fragment.legs)} cuts"
            check_fits(
                f"fragment {index} ({fragment.width} qubits and {cuts})", each[0].traits, resources, self._simulator
            )
            found.append(each)
        return tuple(found)

    def submit(self, parts: Iterable[tuple[PartKey, Part]]) -> Batch[PartKey]:
        """Hand the parts over, the longest first, as they decide when all have ended."""
        return Batch(self.futures(parts), self._cancel)

    def futures(self, parts: Iterable[tuple[PartKey, Part]]) -> list[tuple[PartKey, Future[Any]]]:
        """The same, for who waits for more than these."""
        futures = []
        for key, (function, work, *arguments) in sorted(parts, key=lambda part: -part[1][1].updates):
            submitter = self._for_memory(bytes_needed(work.traits, self._simulator))
            futures.append((key, submitter.submit(function, work, *arguments)))
        return futures

    def _with_memory(self, memory: int) -> Submitter:
        needs = simulating(self._submitter.options.needs, memory, self._simulator.capabilities)
        return self._submitter.with_options(needs=needs)
