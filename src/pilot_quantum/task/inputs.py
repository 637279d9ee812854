"""What stands in the places of futures and stored values among a task's arguments: their values, as bytes."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from pilot_quantum.resource.payload import BULKY, LARGEST, dump, is_bulky, pack
from pilot_quantum.resource.units import format_bytes
from pilot_quantum.resource.values.file import Reference
from pilot_quantum.resource.values.kept import Kept
from pilot_quantum.resource.values.store import Store
from pilot_quantum.task.future import TaskFuture
from pilot_quantum.task.stored import Stored

Input = TaskFuture[Any] | Stored[Any]

LIMIT = 256 << 20
"""Bytes of futures' large values that are kept packed for further tasks; the longest unused go first."""


class Inputs:
    """Packs values; a future's large one once for the tasks that use it within a while. Used from any thread."""

    def __init__(self, store: Store, limit: int = LIMIT) -> None:
        self._store = store
        self._limit = limit
        self._lock = threading.RLock()  # a future may go, and call back, while we hold it
        self._kept: OrderedDict[int, tuple[weakref.ref[TaskFuture[Any]], Reference]] = OrderedDict()

    def pack(self, inputs: Sequence[Input]) -> tuple[bytes, ...]:
        """The bytes of these, which all have values. Raises what pickling raises, OSError when there is no room."""
        return tuple(one.content if isinstance(one, Stored) else self._of(one) for one in inputs)

    def clear(self) -> None:
        """Keep nothing any more."""
        with self._lock:
            self._kept.clear()

    def _of(self, future: TaskFuture[Any]) -> bytes:
        kept = future.kept
        if kept is not None:
            return self._of_kept(kept)
        value = future.result(timeout=0)
        if not is_bulky(value):
            return dump(value)
        with self._lock:
            known = self._kept.get(id(future))
            if known is not None and known[0]() is future:
                self._kept.move_to_end(id(future))
                return known[1]
        parts = pack(value, frozen=False)
        size = sum(memoryview(part).nbytes for part in parts)
        content = self._store.keep(parts) if size >= BULKY else b"".join(parts)
        if isinstance(content, Reference):
            self._keep(future, content)
        elif len(content) > LARGEST:
            raise ValueError(f"it takes {format_bytes(size)}, and one object may take {format_bytes(LARGEST)}")
        return content

    def _of_kept(self, kept: Kept) -> bytes:
        """What stands for a result that stays where it is; what has come of it, where that is so. Raises its error."""
        if kept.cause:
            raise kept.error
        return kept.reference if kept.content is None else kept.content

    def _keep(self, future: TaskFuture[Any], content: Reference) -> None:
        key = id(future)

        def gone(_: object) -> None:
            with self._lock:
                self._kept.pop(key, None)

        with self._lock:
            self._kept[key] = weakref.ref(future, gone), content
            while len(self._kept) > 1 and sum(one.value.size for _, one in self._kept.values()) > self._limit:
                self._kept.popitem(last=False)
