"""Which queues nobody can ever run, and how their tasks end then."""

from __future__ import annotations

from collections.abc import Mapping

from pilot_quantum.errors import PilotLostError, UnsatisfiableError
from pilot_quantum.task import explain
from pilot_quantum.task.book import Book
from pilot_quantum.task.outbox import Outbox
from pilot_quantum.task.pool import PilotView
from pilot_quantum.task.queues import Queue
from pilot_quantum.task.state import TaskState
from pilot_quantum.task.wants import Wants


class Judge:
    """Looks at queues that have become doubtful, once in each call."""

    def __init__(self, pilots: Mapping[str, PilotView], book: Book, outbox: Outbox, wants: Wants) -> None:
        self.closing = False
        """Whether no more pilots and tasks will come."""
        self._pilots = pilots
        self._book = book
        self._outbox = outbox
        self._wants = wants
        self._doubtful: dict[Queue, None] = {}
        self._hopeless: set[Queue] = set()

    def doubt(self, *queues: Queue) -> None:
        """These queues may have become unsatisfiable, or satisfiable."""
        self._doubtful.update(dict.fromkeys(queues))

    def submitted(self, queue: Queue) -> None:
        """A queue has got tasks: they end at once if those before them have."""
        if queue in self._hopeless:
            self._doubtful[queue] = None

    def forget(self, queue: Queue) -> None:
        """A queue is no more."""
        self._hopeless.discard(queue)
        self._doubtful.pop(queue, None)

    def judge(self) -> None:
        """End the tasks of queues that no live or announced pilot can ever run."""
        if not self._doubtful:
            return
        queues, self._doubtful = list(self._doubtful), {}
        live = [pilot for pilot in self._pilots.values() if pilot.live]
        for queue in queues:
            self._hopeless.discard(queue)
            starved = not any(pilot.fit(choice.needs) for pilot in live for choice in queue.key.choices)
            if starved is not queue.starved:
                queue.starved = starved
                self._wants.look_at(queue, anew=True)
            if not starved:
                continue
            may_wait = queue.key.wait_for_capacity or not self._pilots
            if may_wait and not self.closing:
                continue
            self._hopeless.add(queue)
            self._fail_all(queue, live)

    def _fail_all(self, queue: Queue, live: list[PilotView]) -> None:
        choices = queue.key.choices
        gone = [p for p in self._pilots.values() if not p.live and any(p.fit(choice.needs) for choice in choices)]
        for task in (*queue.alone, *queue.ready):
            if self._book.queued.pop(task, None) is None:
                continue
            label = self._book.label(task, queue)
            error: Exception
            if gone:
                error = PilotLostError(explain.lost(label, gone))
            elif live or self._pilots:
                error = UnsatisfiableError(explain.unsatisfiable(label, choices, live or self._pilots.values()))
            else:
                error = PilotLostError(f"task {label} was never run: the session was closed and had no pilot.")
            attempt, cause = self._book.attempts(task), type(error).__name__
            now = self._outbox.now
            self._book.end(task, queue, attempt, TaskState.QUEUED, TaskState.FAILED, now, cause, error=error)
        queue.alone.clear()
        queue.ready.clear()
        queue.withdrawn = 0
