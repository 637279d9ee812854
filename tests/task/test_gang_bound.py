"""The reservation rule's bound: a gang starts when the tasks that run on its nodes when it heads its level have ended.

Small tasks of equal or lower priority come in any number and with any durations: known, unknown and wrongly declared.
Only those may pass that were predicted to end before the gang could start.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import event, given, settings
from hypothesis import strategies as st

from pilot_quantum.task.needs import Needs
from pilot_quantum.task.nodes import Place
from pilot_quantum.task.reservation import Hold
from pilot_quantum.task.state import TaskState

from .harness import Harness

GANG_PRIORITY = 1


@dataclass(frozen=True)
class Kind:
    """Small tasks: what is said of their seconds, and what they really take (one after the other, in turn)."""

    declared: float | None
    real: tuple[float, ...]
    priority: int
    cores: int
    count: int


KINDS = st.builds(
    Kind,
    declared=st.sampled_from([None, 0.001, 0.5, 5.0, 100.0]),
    real=st.lists(st.sampled_from([0.001, 0.01, 0.5, 3.0, 60.0]), min_size=1, max_size=3).map(tuple),
    priority=st.integers(GANG_PRIORITY - 1, GANG_PRIORITY),
    cores=st.integers(1, 2),
    count=st.integers(1, 60),
)


class Stream:
    """Runs every worker's tasks for as long as they really take, and submits further small tasks on the way."""

    def __init__(self, nodes: int, cores: int, kinds: list[Kind]) -> None:
        self.h = Harness()
        self.h.pilot(cores=cores, nodes=nodes)
        self.kinds = kinds
        self.real: dict[int, float] = {}
        self.ends: dict[str, float] = {}
        """worker -> when its first task really ends."""
        self.gang = 0
        self.hold: Hold | None = None
        self.may_run: dict[int, float] = {}
        """Tasks that may still run on the gang's nodes -> when they end."""

    @property
    def waiting(self) -> bool:
        """Whether the gang has not started."""
        return bool(self.gang) and self.h.state(self.gang) is TaskState.QUEUED

    def submit(self, index: int) -> None:
        kind = self.kinds[index % len(self.kinds)]
        first = self.h.submit(
            kind.count,
            needs=Needs(cores=kind.cores),
            fn=f"small-{index % len(self.kinds)}",
            priority=kind.priority,
            expected_duration=kind.declared,
        )
        for task in range(first, first + kind.count):
            self.real[task] = kind.real[task % len(kind.real)]
        self.look()

    def submit_gang(self, needs: Needs) -> None:
        self.gang = self.h.submit(needs=needs, fn="gang", priority=GANG_PRIORITY, expected_duration=1.0)
        self.real[self.gang] = 1.0
        self.look()

    def step(self) -> None:
        """To the next end of a task."""
        worker = min(self.ends, key=lambda name: (self.ends[name], name))
        task = self.h.workers[worker].items[0][0]
        self.h.now = max(self.h.now, self.ends.pop(worker))
        if self.hold is not None and self.waiting:
            assert self.h.now <= self.latest() + 1e-9, "the gang waits for longer than for what ran there"
        self.h.finish(worker, took=self.real[task])
        self.look()

    def look(self) -> None:
        """Begin what has come to a worker, and see what has started on nodes that are kept free."""
        started: dict[int, list[tuple[int, int, float]]] = {}
        for double in self.h.workers.values():
            if double.items and double.name not in self.ends:
                task = double.items[0][0]
                self.ends[double.name] = self.h.now + self.real[task]
                started.setdefault(double.node, []).append((task, double.cores, self.ends[double.name]))
        if self.waiting and self.hold is not None:
            for node in self.hold.nodes:
                self._started(node, [one for one in started.get(node.index, []) if one[0] not in self.may_run])
        hold = next((one for one in self.h.core._placement.holds if one.queue.gang), None)
        if self.hold is None and hold is not None:
            self.hold = hold
            kept = {node.index for node in hold.nodes}
            for double in self.h.workers.values():
                if double.items and double.node in kept:
                    assert len(double.items) == 1, "what has not begun is asked back"
                    self.may_run[double.items[0][0]] = self.ends[double.name]
        elif self.hold is not None and self.waiting:
            assert hold is self.hold, "what is kept free for a gang stays so until it starts"

    def _started(self, node: Place, tasks: list[tuple[int, int, float]]) -> None:
        """`tasks`, as (id, cores, end), have started on a node that is kept free: those in time, others beside it."""
        assert self.hold is not None
        now, start = self.h.now, self.hold.start(self.h.now)
        idle = node.idle
        for task, cores, end in tasks:
            predicted = self.h.core._book.bundle_of[task].remaining(now)
            if predicted is not None and start is not None and now + predicted < start:
                event("backfilled")
                self.may_run[task] = end
                idle += cores
        for task, _, _ in tasks:
            if task not in self.may_run:
                event("beside")
                assert idle >= self.hold.amounts.cores, "a task was started on nodes that are kept free, not in time"

    def latest(self) -> float:
        return max(self.may_run.values(), default=self.h.now)


@settings(max_examples=150, deadline=None)
@given(
    nodes=st.integers(2, 4),
    cores=st.integers(1, 3),
    gang_nodes=st.integers(2, 4),
    gang_cores=st.integers(1, 3),
    kinds=st.lists(KINDS, min_size=1, max_size=4),
    before=st.integers(1, 5),
    warm_up=st.integers(0, 12),
    data=st.data(),
)
def test_a_gang_starts_when_what_ran_there_has_ended(
    nodes: int,
    cores: int,
    gang_nodes: int,
    gang_cores: int,
    kinds: list[Kind],
    before: int,
    warm_up: int,
    data: st.DataObject,
) -> None:
    stream = Stream(nodes, cores, [kind for kind in kinds if kind.cores <= cores] or [Kind(None, (0.5,), 1, 1, 40)])
    for index in range(before):
        stream.submit(index)
    for _ in range(warm_up):
        if stream.ends:
            stream.step()
    stream.submit_gang(Needs(nodes=min(gang_nodes, nodes), cores=min(gang_cores, cores)))
    for index in range(400):
        if not stream.waiting:
            break
        if data.draw(st.booleans()) or not stream.ends:
            stream.submit(index)
        if stream.ends:
            stream.step()
    if stream.hold is not None:
        event("waited")
        while stream.waiting:
            stream.step()
