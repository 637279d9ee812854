"""The future of a task: a real `concurrent.futures.Future` whose parts are made only when somebody needs them.

A plain Future carries a condition, a lock, two lists and a dict: 1.7 kB before any result. A session may hold a million
of them, nearly none of which is waited for one by one. Here condition and lists are made on first use; the short path
of ending a future that nobody waits for takes one lock that all futures share.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Generator
from concurrent.futures import CancelledError, Future, InvalidStateError
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol, TypeVar

from pilot_quantum.errors import NotPicklableError
from pilot_quantum.resource import payload
from pilot_quantum.resource.values.file import Reference, loads
from pilot_quantum.resource.values.kept import Kept

if TYPE_CHECKING:
    from pilot_quantum.task.submission import Handle

T = TypeVar("T")

PENDING, RUNNING, CANCELLED, NOTIFIED, FINISHED = (
    "PENDING",
    "RUNNING",
    "CANCELLED",
    "CANCELLED_AND_NOTIFIED",
    "FINISHED",
)
ASKED = "it was asked for"
_parts = threading.Lock()
_log = logging.getLogger("concurrent.futures")


class Output(NamedTuple):
    """Where an attempt's output lies: byte ranges of its worker's files."""

    attempt: int
    stdout: Path
    stderr: Path
    ranges: tuple[int, int, int, int]


class Owner(Protocol):
    """What a future asks of the scheduler that it belongs to."""

    def cancel_queued(self, future: TaskFuture[Any]) -> None:
        """The future was cancelled before it was shipped."""


class TaskFuture(Future[T]):
    """The result of a task that will come. Everything a `concurrent.futures.Future` does; can be awaited too.

    Passed as an argument of another task (also inside lists, tuples, dicts) it makes a dependency.
    `cancel()` succeeds only before the task has been shipped; `session.cancel(future)` works at any time.
    """

    __slots__ = (
        "_calls",
        "_exception",
        "_lazy",
        "_outputs",
        "_result",
        "_state",
        "_watchers",
        "handle",
        "id",
        "inputs",
        "payload",
        "submitted",
    )

    def __init__(self, id: int, handle: Handle, payload: bytes, submitted: float) -> None:
        # Not calling Future.__init__ is the point: it would make the parts.
        self.id = id
        self.handle = handle
        self.payload: bytes | None = payload
        self.submitted = submitted
        self.inputs: tuple[bytes, ...] = ()
        self._state = PENDING
        self._result: Any = None
        self._exception: BaseException | None = None
        self._lazy: threading.Condition | None = None
        self._watchers: list[Any] | None = None
        self._calls: list[Callable[[Any], Any]] | None = None
        self._outputs: list[Output] | None = None

    # The names that the standard library uses for a future's parts.

    @property
    def _condition(self) -> threading.Condition:  # type: ignore[override]
        if self._lazy is None:
            with _parts:
                if self._lazy is None:
                    self._lazy = threading.Condition()
        return self._lazy

    @property
    def _waiters(self) -> list[Any]:  # type: ignore[override]
        if self._watchers is None:
            self._watchers = []
        return self._watchers

    @property
    def _done_callbacks(self) -> list[Callable[[Any], Any]]:
        if self._calls is None:
            self._calls = []
        return self._calls

    def done(self) -> bool:
        """Whether the task has ended or was cancelled."""
        return self._state in (FINISHED, CANCELLED, NOTIFIED)

    def result(self, timeout: float | None = None) -> T:
        """The value; raises what the task raised. See `concurrent.futures.Future.result`."""
        if self._state != FINISHED or self._exception is not None:
            since = monotonic()
            super().result(timeout)
            if timeout is not None:
                timeout -= monotonic() - since
        value = self._result
        return self._fetched(value, timeout) if type(value) is Kept else value

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What the task raised, if it did; the ResultLostError of a result that was kept and is lost."""
        error = super().exception(timeout)
        kept = self.kept
        return kept.error if error is None and kept is not None and kept.cause else error

    @property
    def kept(self) -> Kept | None:
        """The result, where it stays on its pilot and has not been asked for."""
        value = self._result
        return value if type(value) is Kept else None

    def _fetched(self, kept: Kept, timeout: float | None) -> T:
        """The value of a result that was kept: brought here once, and made once."""
        kept.ask(ASKED)
        until = None if timeout is None else monotonic() + timeout
        # Another thread may be making the value, for as long as that takes.
        if not (
            kept.wait(timeout) and kept.loading.acquire(timeout=-1 if until is None else max(0, until - monotonic()))
        ):
            raise TimeoutError(f"the result of task {self.id} ({self.handle.label}), {kept.place}, is on its way here.")
        try:
            if self._result is kept and self._exception is None:
                if kept.content is None:
                    self._exception = kept.error
                else:
                    content = kept.content
                    try:
                        self._result = content.value.load() if isinstance(content, Reference) else loads(content)
                    except Exception as problem:  # noqa: BLE001 - whatever unpickling raises is this future's; Ctrl-C is not
                        self._exception = unreadable(self.handle.label, problem)
        finally:
            kept.loading.release()
        if self._exception is not None:
            raise self._exception
        return self._result  # type: ignore[no-any-return]

    def cancel(self) -> bool:
        """Give the task up if it has not been shipped yet; False when it is too late for that."""
        already = self._state in (CANCELLED, NOTIFIED)
        if not super().cancel():
            return False
        if not already:
            self.handle.owner.cancel_queued(self)
        return True

    def set_result(self, result: T) -> NoReturn:
        """Not for this kind: its session ends it, and would go on trying to run a task that somebody else has ended."""
        raise InvalidStateError(f"task {self.id} is ended by its session; make a plain Future to set by hand.")

    def set_exception(self, exception: BaseException | None) -> NoReturn:
        """Not for this kind, see `set_result`."""
        raise InvalidStateError(f"task {self.id} is ended by its session; make a plain Future to set by hand.")

    def output(self, stream: str | None = None, attempt: int | None = None) -> str:
        """What the task's last attempt printed: stdout, then stderr, or only the named one ("stdout", "stderr").

        attempt: an earlier one instead, counted from 1.
        """
        if stream not in (None, "stdout", "stderr"):
            raise ValueError(f"stream={stream!r} must be 'stdout', 'stderr' or None (both).")
        outputs = [one for one in self._outputs or () if attempt in (None, one.attempt)]
        if not outputs:
            return ""
        last = outputs[-1]
        begin_out, end_out, begin_err, end_err = last.ranges
        text = ""
        if stream != "stderr":
            text += _read(last.stdout, begin_out, end_out)
        if stream != "stdout":
            text += _read(last.stderr, begin_err, end_err)
        return text

    def add_output(self, output: Output) -> None:
        """Remember where an attempt's output lies (called by the scheduler)."""
        if self._outputs is None:
            self._outputs = []
        self._outputs.append(output)

    # The scheduler's side.

    def claim(self) -> bool:
        """Mark the task as shipped; False when it was cancelled first."""
        with _parts:
            lazy = self._lazy
            if lazy is None:
                if self._state == PENDING:
                    self._state = RUNNING
                return self._state == RUNNING
        with lazy:
            if self._state == PENDING:
                self._state = RUNNING
            return self._state == RUNNING

    def end(self, result: Any, exception: BaseException | None, *, cancelled: bool = False) -> None:
        """End the future, tell those who wait, call back. A second end, or one after a cancellation, does nothing."""
        with _parts:
            lazy = self._lazy
            if lazy is None:
                if self._state in (PENDING, RUNNING):
                    self._settle(result, exception, cancelled)
                return
        with lazy:
            was_cancelled = self._state == CANCELLED
            if not self._conclude(lazy, result, exception, cancelled):
                return
        if not was_cancelled:  # else cancel() has called them
            self._call_back()

    def end_quietly(self, result: Any) -> bool:
        """End the future with `result`, unless somebody wants to be called back; whether that was done.

        For the scheduler's thread, which runs no user code.
        """
        with _parts:
            lazy = self._lazy
            if lazy is None:
                if self._state in (PENDING, RUNNING):
                    self._settle(result, None, cancelled=False)
                return True
        with lazy:
            if self._calls:
                return False
            self._conclude(lazy, result, None, cancelled=False)
            return True

    def _conclude(
        self, lazy: threading.Condition, result: Any, exception: BaseException | None, cancelled: bool
    ) -> bool:
        """Settle and tell those who wait, under the condition; False when it had ended before."""
        if self._state in (FINISHED, NOTIFIED):
            return False
        if self._state == CANCELLED:
            self._state = NOTIFIED
            self.payload, self.inputs = None, ()
        else:
            self._settle(result, exception, cancelled)
        for watcher in self._watchers or ():
            if self._state == NOTIFIED:
                watcher.add_cancelled(self)
            elif self._exception is not None:
                watcher.add_exception(self)
            else:
                watcher.add_result(self)
        lazy.notify_all()
        return True

    def _call_back(self) -> None:
        for callback in self._calls or ():
            try:
                callback(self)
            except BaseException as error:
                if not isinstance(error, Exception) and threading.current_thread() is threading.main_thread():
                    raise  # Ctrl-C, or an exit that the program itself asked for
                _log.exception("exception calling callback for %r", self)

    def _settle(self, result: Any, exception: BaseException | None, cancelled: bool) -> None:
        self._result, self._exception = result, exception
        self._state = NOTIFIED if cancelled else FINISHED
        self.payload, self.inputs = None, ()

    def __await__(self) -> Generator[Any, None, T]:
        if self.handle.options.keep_remote:
            return self._arrived().__await__()
        return asyncio.wrap_future(self).__await__()

    async def _arrived(self) -> T:
        """The same for a result that may have to be fetched, for which the event loop must not stand still."""
        loop = asyncio.get_running_loop()
        ended, here = asyncio.Event(), asyncio.Event()

        def tell(event: asyncio.Event) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits there
                loop.call_soon_threadsafe(event.set)

        self.add_done_callback(lambda _: tell(ended))
        try:
            await ended.wait()
        except asyncio.CancelledError:
            self.cancel()
            raise
        if self.cancelled():
            raise asyncio.CancelledError
        kept = self.kept
        if kept is None:
            return self.result()
        kept.ask(ASKED)
        kept.when_settled(lambda _: tell(here))
        await here.wait()
        return await asyncio.to_thread(self.result)

    def __reduce_ex__(self, protocol: object) -> Any:
        # A large value goes apart from the arguments, once for all tasks that use it.
        apart = payload.is_collecting() and (self.kept is not None or payload.is_bulky(self._result))
        if self._state == FINISHED and self._exception is None and not apart:
            return payload.same, (self.result(),)
        placeholder = payload.reference(self)
        if placeholder is None:
            raise TypeError(
                f"future of task {self.id} cannot be pickled: pass it as an argument of the task that needs its value; "
                "a function must not capture it."
            )
        return placeholder

    def __repr__(self) -> str:
        state = "pending" if self._state == PENDING else self._state.lower().replace("_and_notified", "")
        return f"<TaskFuture {self.id} {self.handle.label!r} {state}>"


def unreadable(label: str, problem: BaseException) -> NotPicklableError:
    """The error for a result that has come, and cannot be made of its bytes."""
    error = NotPicklableError(
        f"the result of task {label!r} arrived but cannot be rebuilt here: {type(problem).__name__}: {problem}. "
        "Return plain data, or make its class importable here."
    )
    error.__cause__ = problem
    return error


def _read(path: Path, begin: int, end: int) -> str:
    if begin >= end:
        return ""
    with path.open("rb") as file:
        file.seek(begin)
        return file.read(end - begin).decode("utf-8", "replace")


__all__ = ["CancelledError", "Output", "Owner", "TaskFuture"]
