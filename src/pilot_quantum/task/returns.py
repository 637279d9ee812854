"""Tasks that come back from workers, and what follows from that: who pays, and what has drained."""

from __future__ import annotations

from collections.abc import Callable

from pilot_quantum.errors import WorkerLostError
from pilot_quantum.task.book import Book, state_in
from pilot_quantum.task.bundle import Bundle
from pilot_quantum.task.instructions import StopNodes, StopPilot
from pilot_quantum.task.outbox import Outbox
from pilot_quantum.task.pool import PilotView
from pilot_quantum.task.queues import Queue
from pilot_quantum.task.state import TaskState


class Returns:
    """Puts tasks back into their queues; `enqueue` is told of each queue that has got one."""

    def __init__(self, book: Book, outbox: Outbox, crash_budget: int, enqueue: Callable[[Queue], None]) -> None:
        self._book = book
        self._outbox = outbox
        self._crash_budget = crash_budget
        self._enqueue = enqueue

    def requeue(self, task: int, attempt: int, old: TaskState, bundle: Bundle, cause: str, alone: bool = False) -> None:
        """One task that is no longer with the bundle's worker waits again; `alone`: it may have no mates now."""
        queue = bundle.queue
        self._book.requeue(bundle, task, attempt, old, cause, self._outbox.now)
        (queue.alone.append if alone else queue.ready.appendleft)(task)
        self._enqueue(queue)

    def take_back(self, bundle: Bundle, cause: str) -> None:
        """Re-queue what a bundle has left; nobody pays."""
        for task, attempt in reversed(list(bundle.left.items())):
            state = state_in(bundle, task)
            if not self._book.drop(bundle, task):
                self.requeue(task, attempt, state, bundle, cause)

    def charge(self, bundle: Bundle, cause: str) -> None:
        """Tasks whose worker died run again alone; only one that was alone already pays for the loss."""
        for task, attempt in list(bundle.left.items()):
            state = state_in(bundle, task)
            if self._book.drop(bundle, task):
                continue
            past = self._book.past(task)
            past.crashes += bundle.alone
            if past.crashes >= self._crash_budget:
                label = self._book.label(task, bundle.queue)
                error = WorkerLostError(
                    f"task {label} was stopped: {past.crashes} workers died while they ran it and nothing else, "
                    f"the last: {cause}. See what it printed with future.output(); a native crash or too much memory "
                    "are the usual reasons."
                )
                now = self._outbox.now
                self._book.end(task, bundle.queue, attempt, state, TaskState.FAILED, now, cause, bundle, error)
            else:
                self.requeue(task, attempt, state, bundle, cause, alone=True)

    def lose(self, bundle: Bundle, cause: str, charged: bool) -> None:
        """A bundle has lost its worker or, a gang, one of its nodes."""
        if bundle.ending:
            self.take_back(bundle, f"worker {bundle.worker} was ended for another task")
        elif charged:
            self.charge(bundle, cause)
        else:
            self.take_back(bundle, cause)

    def free_if_empty(self, pilot: PilotView, bundle: Bundle) -> None:
        """The slot of a bundle of which nothing is left is free."""
        if not bundle.left and not bundle.ending:
            pilot.release(bundle, self._outbox.now)
            self.settle(pilot)

    def settle(self, pilot: PilotView) -> None:
        """Give back what has drained: nodes, or the whole pilot."""
        if pilot.leaving:
            empty = tuple(sorted(node.index for node in pilot.leaving.values() if not node.bundles))
            for index in empty:
                del pilot.leaving[index]
            if empty:
                self._outbox.add(StopNodes(pilot.id, empty))
        if not pilot.live and not pilot.ended and not pilot.bundles:
            pilot.ended = "drained"
            self._outbox.add(StopPilot(pilot.id))
