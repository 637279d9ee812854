"""Dependencies: a task whose arguments hold futures waits here until their values are known. L2 never sees it before."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import Any, Protocol

from pilot_quantum.errors import DependencyError, NotPicklableError
from pilot_quantum.resource.payload import dump
from pilot_quantum.task.future import CancelledError, TaskFuture
from pilot_quantum.task.state import TaskState

Future = TaskFuture[Any]


class Scheduler(Protocol):
    """What the graph asks of L2."""

    def submit(self, future: Future) -> None:
        """Queue a task whose inputs are there."""


class Journal(Protocol):
    """Where transitions of tasks that L2 does not know yet are written."""

    def task_rows(self, rows: list[tuple[float, int, str, int, int, str, str, str]]) -> None:
        """Write transitions."""


class Graph:
    """Holds waiting tasks. Inputs end on the delivery thread, which then submits (or fails) what waited for them."""

    def __init__(self, scheduler: Scheduler, journal: Journal, call_soon: Callable[[Callable[[], None]], None]) -> None:
        self._scheduler = scheduler
        self._journal = journal
        self._call_soon = call_soon
        self._lock = threading.Lock()
        self._missing: dict[int, int] = {}
        """task -> how many of its inputs are not known yet."""
        self._waiting: dict[int, tuple[Future, Sequence[Future]]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def hold(self, future: Future, inputs: Sequence[Future]) -> None:
        """Submit `future` once `inputs` (by the index with which its arguments refer to them) have values."""
        distinct = {id(one): one for one in inputs}
        with self._lock:
            self._waiting[future.id] = (future, inputs)
            self._missing[future.id] = len(distinct)
        names = ", ".join(str(one.id) for one in distinct.values())
        self._record(future, TaskState.WAITING, f"for task {names}")
        for one in distinct.values():
            one.add_done_callback(partial(self._input_ended, future.id))

    def cancel(self, future: Future) -> bool:
        """Give up a task that waits; False when it does not wait here."""
        if self._pop(future.id) is None:
            return False
        self._record(future, TaskState.CANCELLED, "cancelled")
        future.end(None, None, cancelled=True)
        return True

    def cancel_all(self) -> None:
        """Give up every task that waits."""
        for future, _ in list(self._waiting.values()):
            self.cancel(future)

    def explain(self, future: Future) -> str | None:
        """For which inputs a task waits; None when it does not wait here."""
        found = self._waiting.get(future.id)
        if found is None:
            return None
        open_ = [f"{one.id} ({one.handle.label}, {_state(one)})" for one in found[1] if not one.done()]
        return f"task {future.id} ({future.handle.label}) is waiting for its inputs: task {', '.join(open_)}."

    def _input_ended(self, task: int, one: Any) -> None:
        error: BaseException | None
        try:
            error = one.exception(timeout=0)
        except CancelledError as cancelled:
            error = cancelled
        if error is not None:
            found = self._pop(task)
            if found is not None:
                self._fail(found[0], one, error)
            return
        with self._lock:
            if task not in self._missing:
                return
            self._missing[task] -= 1
            if self._missing[task]:
                return
        found = self._pop(task)
        if found is not None:
            self._release(*found)

    def _release(self, future: Future, inputs: Sequence[Future]) -> None:
        try:
            future.inputs = tuple(dump(one.result(timeout=0)) for one in inputs)
        except Exception as problem:  # noqa: BLE001 - the value's own pickling code may raise anything
            error = NotPicklableError(
                f"an input of task {future.id} ({future.handle.label}) cannot be sent on: "
                f"{type(problem).__name__}: {problem}."
            )
            error.__cause__ = problem
            self._record(future, TaskState.FAILED, "input cannot be sent on")
            future.end(None, error)
            return
        self._scheduler.submit(future)

    def _fail(self, future: Future, one: Future, error: BaseException) -> None:
        if isinstance(error, DependencyError):
            origin, first = error.args[1], error.__cause__
        else:
            origin, first = f"{one.id} ({one.handle.label})", error
        how = "was cancelled" if isinstance(first, CancelledError) else f"failed: {type(first).__name__}: {first}"
        failure = DependencyError(
            f"task {future.id} ({future.handle.label}) was not run, because task {origin} {how}", origin
        )
        failure.__cause__ = first
        self._record(future, TaskState.FAILED, f"input {origin} {how}"[:500])
        future.end(None, failure)

    def _pop(self, task: int) -> tuple[Future, Sequence[Future]] | None:
        with self._lock:
            self._missing.pop(task, None)
            return self._waiting.pop(task, None)

    def _record(self, future: Future, state: TaskState, cause: str) -> None:
        row = (monotonic(), future.id, state.value, 0, future.handle.group, "", "", cause)
        self._call_soon(lambda: self._journal.task_rows([row]))


def _state(future: Future) -> str:
    return "running" if future.running() else "pending"
