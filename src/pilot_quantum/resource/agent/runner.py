"""Runs rows: holds what waits, loads functions once, adopts the slot's threads and GPUs, catches what is printed.

Ownership of a row is decided by one atomic `dict.pop` from what waits: whoever pops it, the thread that runs tasks to
begin it or another to withdraw it, has it.
"""

from __future__ import annotations

import os
import pickle
import sys
import traceback
from collections import deque
from collections.abc import Iterable, Sequence
from time import monotonic
from typing import Any, Generic, NamedTuple, TypeVar

from pilot_quantum.errors import NotPicklableError
from pilot_quantum.resource.agent import threads, wire
from pilot_quantum.resource.agent.capture import Capture
from pilot_quantum.resource.payload import dump, load_arguments
from pilot_quantum.resource.values.file import forget

HOSTS, ADDRESSES = "PILOT_QUANTUM_HOSTS", "PILOT_QUANTUM_ADDRESSES"
"""Environment variables that tell a gang's lead task its nodes: names and IP addresses, its own first."""
PATH = "PILOT_QUANTUM_PATH"
"""Environment variable that tells a program where the user's modules are."""

Key = tuple[int, int]
O = TypeVar("O")  # noqa: E741 - what is known of an attempt's output


class _Slot(NamedTuple):
    function: str
    cores: int
    gpus: str
    hosts: Sequence[str]


Claimed = tuple[_Slot, wire.ParcelRow]


class Runner(Generic[O]):
    """Runs what is added, one row after the other, in the one thread that calls `run_next` (or `claim` and `attempt`).

    All else may be called from any thread.
    """

    def __init__(self, capture: Capture[O]) -> None:
        self.current: tuple[int, int, float] | None = None
        """The (task, attempt) that runs, and since when."""
        self._capture = capture
        self._pending: dict[Key, Claimed] = {}
        self._order: deque[Key] = deque()
        self._functions: dict[str, bytes | Any] = {}
        self._hosts: Sequence[str] = ()
        self._process = os.getpid()
        path = [entry for entry in os.environ.get(PATH, "").split(os.pathsep) if entry]
        sys.path[:0] = [entry for entry in path if entry not in sys.path]

    @property
    def pending(self) -> int:
        """Rows that wait."""
        return len(self._pending)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to claim."""
        return not self._order

    def knows(self, digest: str) -> bool:
        """Whether this function is here."""
        return digest in self._functions

    def know(self, digest: str, blob: bytes) -> None:
        """A pickled function, which rows will refer to."""
        self._functions[digest] = blob

    def add(self, function: str, cores: int, gpus: str, hosts: Sequence[str], rows: Iterable[wire.ParcelRow]) -> None:
        """Rows to be run, and the slot that they share.

        gpus: as CUDA_VISIBLE_DEVICES names them. hosts: of a gang, "name=address" each, its own first; else empty.
        """
        slot = _Slot(function, cores, gpus, hosts)
        for row in rows:
            key = (row[0], row[1])
            self._pending[key] = (slot, row)
            self._order.append(key)

    def withdraw(self, items: Iterable[Key]) -> list[Key]:
        """Take these back; those that had not begun."""
        return [item for item in items if self._pending.pop(item, None) is not None]

    def run_next(self) -> tuple[wire.OutcomeRow, bytes, O | None] | None:
        """Run one row; None when none waits."""
        claimed = self.claim()
        if claimed is None:
            return None
        done = self.attempt(claimed)
        self.current = None
        return done

    def claim(self) -> Claimed | None:
        """The next row, which is `current` from now on."""
        order, pending = self._order, self._pending
        while order:
            claimed = pending.pop(order.popleft(), None)
            if claimed is not None:
                row = claimed[1]
                self.current = (row[0], row[1], monotonic())
                return claimed
        forget()
        return None

    def attempt(self, claimed: Claimed) -> tuple[wire.OutcomeRow, bytes, O | None]:
        """Run a claimed row."""
        slot, (task, attempt, payload, inputs) = claimed
        assert self.current is not None
        began = self.current[2]
        self._capture.begin()
        try:
            threads.adopt(slot.cores, slot.gpus)
            if slot.hosts != self._hosts:
                self._adopt_hosts(slot.hosts)
            function = self._function(slot.function)
            args, kwargs = load_arguments(payload, inputs)
            value = function(*args, **kwargs)
            del args, kwargs
            result, ok = _dump_result(value), True
        except BaseException as error:  # noqa: BLE001 - whatever user code raises belongs to its future
            result, ok = dump_error(error), False
        ended = monotonic()
        done = (task, attempt, began, ended, ok), result, self._capture.end(attempt)
        if os.getpid() != self._process:
            os._exit(not ok)  # a child that the task has forked, and that came back from the task
        return done

    def _function(self, digest: str) -> Any:
        function = self._functions[digest]
        if isinstance(function, bytes):
            function = self._functions[digest] = pickle.loads(function)
        return function

    def _adopt_hosts(self, hosts: Sequence[str]) -> None:
        pairs = [host.partition("=") for host in hosts]
        for variable, words in ((HOSTS, [pair[0] for pair in pairs]), (ADDRESSES, [pair[2] for pair in pairs])):
            if words:
                os.environ[variable] = ",".join(words)
            else:
                os.environ.pop(variable, None)
        self._hosts = hosts


def _dump_result(value: object) -> bytes:
    try:
        return dump(value)
    except Exception as error:
        raise NotPicklableError(
            f"the result (a {type(value).__module__}.{type(value).__qualname__}) cannot be sent back: "
            f"{type(error).__name__}: {error}. Return plain data (numbers, arrays, strings, dicts)."
        ) from error


def dump_error(error: BaseException) -> bytes:
    """A pickled (pickled exception or None, type, message, traceback): what a future needs to raise it again."""
    text = "".join(traceback.format_exception(error))
    blob: bytes | None
    try:
        blob = dump(error.with_traceback(None))
        pickle.loads(blob)
    except BaseException:  # noqa: BLE001 - an exception that does not survive the journey travels as text
        blob = None
    try:
        message = str(error)
    except BaseException:  # noqa: BLE001 - a broken __str__ must not lose the outcome
        message = "(no message: its __str__ raises)"
    return pickle.dumps((blob, f"{type(error).__module__}.{type(error).__qualname__}", message, text))
