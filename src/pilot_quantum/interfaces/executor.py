"""The `concurrent.futures.Executor` face of a session."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from concurrent.futures import wait as wait_for
from typing import Any, Protocol, TypeVar

from pilot_quantum.errors import NotPicklableError
from pilot_quantum.task.delivery import delivering
from pilot_quantum.task.future import TaskFuture

T = TypeVar("T")


class Submitter(Protocol):
    """What the executor needs of a session."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> TaskFuture[Any]:
        """Run `fn(*args, **kwargs)` somewhere."""


class SessionExecutor(Executor):
    """Runs calls as tasks of a session, with the options it was made with. Made by `Session.executor(**options)`.

    It keeps the promises of CPython's own executors; shutting it down ends its own tasks, not the session.
    """

    def __init__(self, submitter: Submitter) -> None:
        self._submitter = submitter
        self._lock = threading.RLock()  # an argument's own pickling code may submit, too
        self._open: set[Future[Any]] = set()
        self._shut = False

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Schedule `fn(*args, **kwargs)`. What cannot be pickled is raised by the future, as CPython's pools do."""
        future: Future[T]
        with self._lock:  # until the future is among the open: a shutdown must not miss it
            if self._shut:
                raise RuntimeError("cannot schedule new futures after shutdown")
            try:
                future = self._submitter.submit(fn, *args, **kwargs)
            except NotPicklableError as error:
                future = Future()
                future.set_exception(error)
                return future
            self._open.add(future)
        future.add_done_callback(self._open.discard)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; with `wait`, return when all have ended; with `cancel_futures`, give up the pending.

        Raises RuntimeError where it would have to wait inside a future's callback, that is, for itself.
        """
        with self._lock:
            self._shut = True
            pending = list(self._open)
        if cancel_futures:
            for future in pending:
                future.cancel()
        if wait and delivering() and not all(future.done() for future in pending):
            raise RuntimeError("shutdown(wait=True) inside a future's callback would wait for itself: use wait=False.")
        if wait:
            wait_for(pending)
