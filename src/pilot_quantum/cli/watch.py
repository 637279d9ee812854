"""Counting the tasks of a run as they end, without asking the scheduler."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Condition
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pilot_quantum.submitter import Submitter
    from pilot_quantum.task.future import TaskFuture
    from pilot_quantum.task.options import TaskOptions

Cancel = Callable[[Any], object]


class Watch:
    """How many tasks were handed over, have ended, and have failed; tells when that changes."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._seen = 0
        self.total = 0
        self.done = 0
        self.failed = 0

    def add(self, future: Future[Any]) -> None:
        """Count this task and notice its end."""
        self.total += 1
        future.add_done_callback(self._on_end)

    def wait(self, timeout: float) -> None:
        """Return when a task has ended since the last call, or after `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self.done > self._seen, timeout)
            self._seen = self.done

    def _on_end(self, future: Future[Any]) -> None:
        failed = not future.cancelled() and future.exception() is not None
        with self._changed:
            self.done += 1
            self.failed += failed
            self._changed.notify_all()


class Watched:
    """A submitter whose tasks are counted by a watch; `tasks` are their ids. Implements L3's `Submitter`."""

    def __init__(self, submitter: Submitter, cancel: Cancel, watch: Watch, tasks: set[int]) -> None:
        self._submitter = submitter
        self._watch = watch
        self.cancel = cancel
        self.tasks = tasks

    @property
    def options(self) -> TaskOptions:
        """What was asked for so far."""
        return self._submitter.options

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> TaskFuture[Any]:
        """Hand over one task, counted."""
        future = self._submitter.submit(fn, *args)
        self.tasks.add(future.id)
        self._watch.add(future)
        return future

    def with_options(self, **options: Any) -> Watched:
        """The same with other options, counted together."""
        return Watched(self._submitter.with_options(**options), self.cancel, self._watch, self.tasks)
