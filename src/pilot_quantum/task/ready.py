"""Queues that have something to run, the next one first."""

from __future__ import annotations

import heapq

from pilot_quantum.task.policy import Policy
from pilot_quantum.task.queues import Queue


class Ready:
    """A heap by the policy's rank. An entry whose rank is no longer its queue's is stale and skipped."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._heap: list[tuple[tuple[float, ...], int, Queue]] = []

    def __bool__(self) -> bool:
        return bool(self._heap)

    def push(self, queue: Queue) -> None:
        """`queue` may be served, if it holds anything; its rank is asked anew."""
        if len(queue) and queue.rank is None:
            queue.rank = self._policy.rank(queue)
            heapq.heappush(self._heap, (queue.rank, queue.index, queue))

    @property
    def first(self) -> Queue | None:
        """The queue that would be served next."""
        while self._heap and (self._heap[0][0] != self._heap[0][2].rank or not len(self._heap[0][2])):
            queue = heapq.heappop(self._heap)[2]
            if not len(queue):
                queue.rank = None
        return self._heap[0][2] if self._heap else None

    def pop(self) -> Queue | None:
        """The queue to be served next, taken out; None when there is none."""
        while self._heap:
            rank, _, queue = heapq.heappop(self._heap)
            if rank == queue.rank:
                queue.rank = None
                if len(queue):
                    return queue
        return None
