"""Dependencies: a task whose arguments hold futures waits here until their values are known; only then L2 sees it."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import Any, Protocol

from pilot_quantum.errors import DependencyError, NotPicklableError, ResultLostError
from pilot_quantum.resource.values.store import Store
from pilot_quantum.task.delivery import RemoteTraceback
from pilot_quantum.task.future import CancelledError, TaskFuture
from pilot_quantum.task.inputs import Input, Inputs
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


class _Held:
    """A task that waits for `missing` of its inputs; `releasing` while their values are being packed for it."""

    __slots__ = ("cancelled", "future", "inputs", "missing", "releasing")

    def __init__(self, future: Future, inputs: Sequence[Input], missing: int) -> None:
        self.future = future
        self.inputs = inputs
        self.missing = missing
        self.releasing = False
        self.cancelled = False


class _Here(threading.local):
    """Inputs that have ended and that this thread has not dealt with yet; None while it deals with none."""

    ended: deque[tuple[int, Future]] | None = None


class Graph:
    """Holds waiting tasks. Inputs end on the delivery thread, which then submits (or fails) what waited for them.

    A task stays held until L2 has it, so that nobody who looks can miss it, and nobody's cancellation is lost.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        journal: Journal,
        call_soon: Callable[[Callable[[], None]], None],
        inputs: Inputs | None = None,
    ) -> None:
        self._scheduler = scheduler
        self._journal = journal
        self._call_soon = call_soon
        self._inputs = Inputs(Store()) if inputs is None else inputs
        self._lock = threading.Lock()
        self._emptied = threading.Condition(self._lock)
        self._held: dict[int, _Held] = {}
        self._here = _Here()
        self.ended: Counter[TaskState] = Counter()
        """How many tasks have ended here, without L2 having known them."""
        self.released = 0
        """How many tasks L2 has been given."""

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, future: Future, inputs: Sequence[Input]) -> None:
        """Submit `future` once `inputs` (by the index with which its arguments refer to them) have values."""
        distinct = {id(one): one for one in inputs if isinstance(one, TaskFuture)}
        names = ", ".join(str(one.id) for one in distinct.values())
        self._record(future, TaskState.WAITING, f"for task {names}")
        with self._lock:
            self._held[future.id] = _Held(future, inputs, len(distinct))
        for one in distinct.values():
            one.add_done_callback(partial(self._input_ended, future.id))

    def cancel(self, future: Future) -> bool:
        """Give up a task that waits; False when it does not wait here."""
        with self._lock:
            held = self._held.get(future.id)
            if held is None:
                return False
            held.cancelled = True
            if held.releasing:
                return True  # the thread that packs its inputs will see to it
            self._forget(future)
        self._cancelled(future)
        return True

    def cancel_all(self) -> None:
        """Give up every task that waits; all are taken first, so that none fails for the sake of another's end."""
        with self._lock:
            for held in self._held.values():
                held.cancelled = True
            futures = [held.future for held in self._held.values() if not held.releasing]
            for future in futures:
                self._forget(future)
        for future in futures:
            self._cancelled(future)

    def wait_until_empty(self) -> None:
        """Return when no task waits here."""
        with self._emptied:
            while self._held:
                self._emptied.wait()

    def explain(self, future: Future) -> str | None:
        """For which inputs a task waits; None when it does not wait here."""
        held = self._held.get(future.id)
        if held is None:
            return None
        inputs = {one.id: f"{one.id} ({one.handle.label}, {_state(one)})" for one in _futures(held) if not one.done()}
        words = f"for its inputs: task {', '.join(inputs.values())}" if inputs else "until its inputs have been packed"
        return f"task {future.id} ({future.handle.label}) is waiting {words}."

    def _input_ended(self, task: int, one: Any) -> None:
        """An input has ended, with which others may end in turn: one after the other, for chains can be long."""
        here = self._here
        if here.ended is not None:
            here.ended.append((task, one))
            return
        here.ended = deque([(task, one)])
        try:
            while here.ended:
                self._settle(*here.ended.popleft())
        finally:
            here.ended = None

    def _settle(self, task: int, one: Future) -> None:
        if self._comes_later(task, one):
            return
        error = _error_of(one)
        with self._lock:
            held = self._held.get(task)
            if held is None or held.releasing:
                return
            if error is None:
                held.missing -= 1
                if held.missing:
                    return
                held.releasing = True
            else:
                self._forget(held.future)
        if error is None:
            self._release(held)
        else:
            self._fail(held.future, one, error)

    def _comes_later(self, task: int, one: Future) -> bool:
        """Whether an input is kept on a pilot of another session: it has to be fetched, for ours knows no way there."""
        kept, held = one.kept, self._held.get(task)
        if kept is None or kept.settled or held is None or one.handle.owner is held.future.handle.owner:
            return False
        kept.ask(f"task {task} of another session needs it")
        kept.when_settled(lambda _: self._input_ended(task, one))
        return True

    def _release(self, held: _Held) -> None:
        future, problem = held.future, None
        try:
            future.inputs = self._inputs.pack(held.inputs)
        except BaseException as raised:  # noqa: BLE001 - the value's own pickling code may raise anything
            problem = raised
        with self._lock:
            self._forget(future)
            if problem is None and not held.cancelled:
                future.submitted = monotonic()  # what it waited for its inputs is not time in a queue
                self.released += 1
                self._scheduler.submit(future)  # before the lock is free: a cancellation must find it here or there
                return
        if held.cancelled:
            self._cancelled(future)
            return
        if isinstance(problem, ResultLostError):
            lost = next(one for one in _futures(held) if one.kept is not None and one.kept.cause)
            self._fail(future, lost, problem)
            return
        error = NotPicklableError(
            f"an input of task {future.id} ({future.handle.label}) cannot be sent on: "
            f"{type(problem).__name__}: {problem}. Return plain data from the task that makes it."
        )
        error.__cause__ = problem
        self._end(future, TaskState.FAILED, "input cannot be sent on", error)

    def _fail(self, future: Future, one: Future, error: BaseException) -> None:
        origin, first = f"{one.id} ({one.handle.label})", error
        if isinstance(error, DependencyError) and not isinstance(error.__cause__, RemoteTraceback):
            origin, first = error.origin, error.__cause__ or error  # `one` was not run either
        how = "was cancelled" if isinstance(first, CancelledError) else f"failed: {type(first).__name__}: {first}"
        failure = DependencyError(f"task {future.id} ({future.handle.label}) was not run, because task {origin} {how}")
        failure.origin, failure.__cause__ = origin, first
        self._end(future, TaskState.FAILED, f"input {origin} {how}"[:500], failure)

    def _cancelled(self, future: Future) -> None:
        self._end(future, TaskState.CANCELLED, "cancelled", None)

    def _end(self, future: Future, state: TaskState, cause: str, error: Exception | None) -> None:
        with self._lock:
            self.ended[state] += 1
        self._record(future, state, cause)
        future.end(None, error, cancelled=state is TaskState.CANCELLED)

    def _forget(self, future: Future) -> None:
        """With the lock held."""
        del self._held[future.id]
        if not self._held:
            self._emptied.notify_all()

    def _record(self, future: Future, state: TaskState, cause: str) -> None:
        cause = cause.encode("utf-8", "backslashreplace").decode()  # messages may hold half characters of file names
        row = (monotonic(), future.id, state.value, 0, future.handle.group, "", "", cause)
        self._call_soon(lambda: self._journal.task_rows([row]))


def _error_of(one: Future) -> BaseException | None:
    try:
        return one.exception(timeout=0)
    except CancelledError as cancelled:
        return cancelled


def _futures(held: _Held) -> list[Future]:
    return [one for one in held.inputs if isinstance(one, TaskFuture)]


def _state(future: Future) -> str:
    return "running" if future.running() else "pending"
