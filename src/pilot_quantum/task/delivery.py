"""The delivery thread: rebuilds results and ends futures. All user code on the session's side (unpickling, callbacks)
runs here, so that it can never hold up the scheduler."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Sequence
from queue import SimpleQueue
from typing import Any, NamedTuple

from pilot_quantum.errors import RemoteTaskError
from pilot_quantum.resource.values.kept import KeptReference
from pilot_quantum.task.future import TaskFuture, unreadable
from pilot_quantum.task.state import TaskState

_STACK_GLOBAL = b"\x93"
_SMALL = 4096
loads = pickle.loads


def is_plain(payload: bytes) -> bool:
    """Whether unpickling is quick and can run no code: it is small and names no class or function (protocol 5)."""
    return len(payload) < _SMALL and _STACK_GLOBAL not in payload


class Ending(NamedTuple):
    """How a future ends: by what its worker sent (`payload`), by an error of the core, or cancelled."""

    future: TaskFuture[Any]
    state: TaskState
    payload: bytes | None
    error: Exception | None


class RemoteTraceback(Exception):
    """The traceback of a worker, as the cause of the exception that is raised here."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f'\n"""\n{self.text}"""'


class _Here(threading.local):
    delivering = False


_here = _Here()


def delivering() -> bool:
    """Whether this thread ends futures: it must not wait for any, since it would wait for itself."""
    return _here.delivering


class Delivery:
    """Ends futures in the order in which batches are put."""

    def __init__(self) -> None:
        self._batches: SimpleQueue[Sequence[Ending] | threading.Event | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="pilot-quantum-delivery", daemon=True)
        self._thread.start()

    def put(self, batch: Sequence[Ending]) -> None:
        """End these futures soon."""
        self._batches.put(batch)

    def flush(self) -> None:
        """Return when all that has been put has been delivered."""
        if threading.current_thread() is not self._thread:
            done = threading.Event()
            self._batches.put(done)
            while self._thread.is_alive() and not done.wait(timeout=1.0):
                pass

    def close(self) -> None:
        """End what has been put, then stop."""
        self._batches.put(None)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        _here.delivering = True
        while self._deliver(self._batches.get()):  # no name here: nothing shall outlive its delivery
            pass

    def _deliver(self, batch: Sequence[Ending] | threading.Event | None) -> bool:
        if batch is None:
            return False
        if isinstance(batch, threading.Event):
            batch.set()
            return True
        for future, state, payload, error in batch:
            if state is TaskState.DONE and payload is not None:
                try:
                    value = payload.kept if isinstance(payload, KeptReference) else loads(payload)
                except BaseException as problem:  # noqa: BLE001 - whatever unpickling raises is this future's
                    future.end(None, unreadable(future.handle.label, problem))
                else:
                    future.end(value, None)
            elif state is TaskState.CANCELLED:
                future.end(None, None, cancelled=True)
            else:
                future.end(None, error if error is not None else rebuild_error(payload))
        return True


def rebuild_error(payload: bytes | None) -> BaseException:
    """The exception that user code raised, with the worker's traceback as its cause."""
    if payload is None:
        return RemoteTaskError("the task failed and left no error.")
    blob, kind, message, text = pickle.loads(payload)
    error: BaseException
    try:
        if blob is None:
            raise ValueError(kind)
        error = pickle.loads(blob)
        if not isinstance(error, BaseException):
            raise TypeError(kind)
    except BaseException:  # noqa: BLE001 - then its text must do
        error = RemoteTaskError(f"the task raised {kind}: {message}")
    BaseException.__setattr__(error, "__cause__", RemoteTraceback(text))  # also where its class forbids assignments
    return error
