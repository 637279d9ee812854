"""Which large values tasks still need that have been handed on to a worker: until then they stay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pilot_quantum.resource.agent.router import node_of
from pilot_quantum.resource.agent.wire import ParcelRow
from pilot_quantum.resource.engines.events import EngineEvent, NodesLost, Outcomes, Revoked, WorkerLost
from pilot_quantum.resource.values.file import Reference

Key = tuple[int, int]


class Pins:
    """Holds the references in rows until a worker has reported them, given them back, or is lost."""

    def __init__(self) -> None:
        self._held: dict[str, dict[Key, list[Reference]]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._held.values()))

    def add(self, worker: str, rows: Iterable[ParcelRow]) -> None:
        """These rows go to a worker."""
        for task, attempt, payload, inputs in rows:
            references = [value for value in (payload, *inputs) if isinstance(value, Reference)]
            if references:
                self._held.setdefault(worker, {})[task, attempt] = references

    def note(self, event: EngineEvent) -> None:
        """What an engine reports."""
        if not self._held:
            return
        match event:
            case Outcomes():
                self._drop(event.worker, [item[:2] for item in event.items])
            case Revoked():
                self._drop(event.worker, event.items)
            case WorkerLost():
                self._held.pop(event.worker, None)
            case NodesLost():
                for worker in [worker for worker in self._held if node_of(worker) in event.nodes]:
                    del self._held[worker]
            case _:
                pass

    def _drop(self, worker: str, keys: Sequence[Key]) -> None:
        held = self._held.get(worker)
        if held is not None:
            for key in keys:
                held.pop(key, None)
            if not held:
                del self._held[worker]
