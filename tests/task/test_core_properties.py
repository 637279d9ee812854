"""The scheduler's invariants, under events in any order: lost workers, late and doubled outcomes, pilots that end."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pilot_quantum.task.needs import Needs, fits
from pilot_quantum.task.policy import PriorityThenEarliestFinish, RoundRobin
from pilot_quantum.task.state import ALLOWED, TaskState

from .harness import Harness

NEEDS = [
    Needs(),
    Needs(cores=2),
    Needs(cores=4),
    Needs(gpus=1),
    Needs(memory=60),
    Needs(cores=2, memory=40),
    Needs(nodes=2),
    Needs(nodes=2, cores=2),
    Needs(nodes=3, memory=50),
]
DURATIONS = st.sampled_from([0.0, 0.0001, 0.01, 1.0, 50.0])


class Scheduler(RuleBasedStateMachine):
    """Users, engines and time do as they like; the harness asserts that workers are never overcommitted."""

    def __init__(self) -> None:
        super().__init__()
        self.h = Harness()
        self.needs: dict[int, list[Needs]] = {}
        self.patient: set[int] = set()
        self.last: dict[int, TaskState] = {}
        self.fresh = 10

    @initialize(fair=st.booleans(), prompt=st.booleans())
    def choose_policy(self, fair: bool, prompt: bool) -> None:
        self.h = Harness(RoundRobin() if fair else PriorityThenEarliestFinish(), prompt)

    # Users.

    @rule(
        count=st.integers(1, 40),
        needs=st.lists(st.sampled_from(NEEDS), min_size=1, max_size=2),
        fn=st.sampled_from("fg"),
        priority=st.integers(0, 2),
        retries=st.integers(0, 2),
        timeout=st.sampled_from([None, 10.0]),
        expected=st.sampled_from([None, 0.001, 20.0]),
        patient=st.booleans(),
        affinity=st.sampled_from([None, "a"]),
        coupling=st.sampled_from(["loose", "tight"]),
    )
    def submit(self, count: int, needs: list[Needs], patient: bool, expected: float | None, **key: Any) -> None:
        first = self.h.submit(count, needs, expected_duration=expected, wait_for_capacity=patient, **key)
        for task in range(first, first + count):
            self.needs[task] = needs
            if patient:
                self.patient.add(task)

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        if self.needs:
            task = data.draw(st.sampled_from(sorted(self.needs)))
            was_over = task in self.h.resolved
            self.h.cancel(task)
            assert task in self.h.resolved
            if not was_over:
                assert self.h.resolved[task].state is TaskState.CANCELLED

    @rule(
        cores=st.integers(1, 4),
        gpus=st.integers(0, 1),
        ends_in=st.sampled_from([None, 30.0]),
        up=st.booleans(),
        nodes=st.integers(1, 3),
    )
    def add_pilot(self, cores: int, gpus: int, ends_in: float | None, up: bool, nodes: int) -> None:
        if len(self.h.capacity) < 4:
            self.h.pilot(cores, gpus, memory=100, ends_in=ends_in, up=up, nodes=nodes)

    @rule(data=st.data())
    def drain(self, data: st.DataObject) -> None:
        if pilots := self._live_pilots():
            self.h.drain(data.draw(st.sampled_from(pilots)))

    # Engines.

    @rule(data=st.data())
    def bring_up(self, data: st.DataObject) -> None:
        if missing := self._missing():
            pilot, worker, node = data.draw(st.sampled_from(missing))
            self.h.worker_up(pilot, worker, node)

    @rule(data=st.data())
    def a_node_comes(self, data: st.DataObject) -> None:
        if pilots := [pilot for pilot in self._live_pilots() if self._lacks_nodes(pilot)]:
            self._new_node(data.draw(st.sampled_from(pilots)))

    @rule(data=st.data(), charged=st.booleans(), twice=st.booleans())
    def lose_nodes(self, data: st.DataObject, charged: bool, twice: bool) -> None:
        if self.h.nodes:
            pilot, node = data.draw(st.sampled_from(sorted(self.h.nodes)))
            self.h.lose_nodes(pilot, node, charged=charged)
            if twice:
                self.h.lose_nodes(pilot, node, charged=charged)

    @rule(data=st.data())
    def drain_nodes(self, data: st.DataObject) -> None:
        if self.h.nodes:
            self.h.drain_nodes(*data.draw(st.sampled_from(sorted(self.h.nodes))))

    @rule(data=st.data())
    def requeue_a_pilot(self, data: st.DataObject) -> None:
        """Its batch system takes all of its nodes away, and will give it others."""
        if pilots := self._live_pilots():
            pilot = data.draw(st.sampled_from(pilots))
            self.h.lose_nodes(pilot, *[node for name, node in self.h.nodes if name == pilot], cause="requeued")

    @rule(data=st.data(), count=st.integers(1, 5), ok=st.booleans(), took=DURATIONS, late=st.booleans())
    def finish(self, data: st.DataObject, count: int, ok: bool, took: float, late: bool) -> None:
        if busy := self._busy():
            self.h.now += took
            self.h.finish(data.draw(st.sampled_from(busy)), count, ok, took, late)

    @rule(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        if busy := self._busy():
            self.h.begin(data.draw(st.sampled_from(busy)))

    @rule(data=st.data())
    def deliver_again_or_at_last(self, data: st.DataObject) -> None:
        if self.h.sent:
            self.h.feed(data.draw(st.sampled_from(self.h.sent)))

    @rule()
    def answer_revokes(self) -> None:
        self.h.answer_revokes()

    @rule(data=st.data(), back=st.booleans())
    def lose_worker(self, data: st.DataObject, back: bool) -> None:
        if self.h.workers:
            self.h.lose(data.draw(st.sampled_from(sorted(self.h.workers))), back=back)

    @rule(data=st.data())
    def end_pilot(self, data: st.DataObject) -> None:
        if pilots := self._live_pilots():
            self.h.end(data.draw(st.sampled_from(pilots)))

    @rule(seconds=st.sampled_from([0.001, 0.1, 5.0, 100.0]))
    def wait(self, seconds: float) -> None:
        self.h.wait(seconds)

    # What must always hold.

    @invariant()
    def no_task_is_lost(self) -> None:
        for task in self.needs:
            assert self.h.state(task) is not None

    @invariant()
    def no_slot_runs_more_than_it_has(self) -> None:
        for (pilot, node), up in self.h.nodes.items():
            busy = [
                w for w in self.h.workers.values() if w.pilot == pilot and w.items and node in (w.nodes or (w.node,))
            ]
            assert sum(double.cores for double in busy) <= up.capacity.cores
            gpus = [gpu for double in busy for gpu in double.gpus]
            assert len(gpus) == len(set(gpus))

    @invariant()
    def idle_places_are_counted_right(self) -> None:
        for pilot in self.h.core._pilots.values():
            assert pilot.free == sum(node.idle for node in pilot.nodes.values() if not node.draining)

    @invariant()
    def counts_agree_with_what_was_told(self) -> None:
        counts = self.h.core.counts
        assert all(count >= 0 for count in counts.values())
        open_ = sum(counts[state] for state in (TaskState.QUEUED, TaskState.SHIPPED, TaskState.RUNNING))
        assert open_ == len(self.needs) - len(self.h.resolved) == self.h.core.outstanding

    @invariant()
    def every_story_follows_the_table(self) -> None:
        last = self.last
        for row in self.h.rows:
            state = TaskState(row[2])
            if row[1] in last:
                assert state in ALLOWED[last[row[1]]], f"task {row[1]}: {last[row[1]]} -> {state}"
            last[row[1]] = state
        self.h.rows.clear()
        for task, resolution in self.h.resolved.items():
            assert last[task] is resolution.state

    @invariant()
    def explain_always_has_an_answer(self) -> None:
        for task in list(self.needs)[-3:]:
            assert self.h.explain(task)

    def teardown(self) -> None:
        """Whatever has happened: let everything come up and end, and every task that can run has run."""
        for outcome in list(self.h.sent):
            self.h.feed(outcome)
        self.h.prompt = True
        self.h.answer_revokes()
        for name in [double.name for double in self.h.workers.values() if double.doomed]:
            self.h.lose(name)
        for pilot in self._live_pilots():
            while self._lacks_nodes(pilot):
                self._new_node(pilot)
        for pilot, worker, node in self._missing():
            self.h.worker_up(pilot, worker, node)
        self.h.run()
        accepting = [pilot for pilot in self._live_pilots() if pilot not in self.h.stopped and self._accepts(pilot)]
        for task, needs in self.needs.items():
            if task in self.h.resolved:
                continue
            able = [p for p in accepting if any(fits(need, self.h.capacity[p]) for need in needs)]
            waits_for_walltime = " left" in self.h.explain(task)
            patient = task in self.patient or not self.h.capacity
            assert (patient and not able) or waits_for_walltime, self.h.explain(task)
        self.h.close()
        for task in self.needs:
            assert task in self.h.resolved or " left" in self.h.explain(task)

    def _accepts(self, pilot: str) -> bool:
        return self.h.core._pilots[pilot].live  # the harness does not know which pilots drain

    def _lacks_nodes(self, pilot: str) -> bool:
        there = [key for key in self.h.nodes if key[0] == pilot and key not in self.h.draining_nodes]
        return len(there) < self.h.capacity[pilot].nodes

    def _new_node(self, pilot: str) -> None:
        self.fresh += 1
        self.h.node_up(pilot, self.fresh)

    def _missing(self) -> list[tuple[str, str, int]]:
        """Workers that could be there, on nodes that are."""
        live = self._live_pilots()
        return [
            (pilot, worker, node)
            for (pilot, node), up in self.h.nodes.items()
            for worker in (self.h.worker_name(pilot, node, core) for core in range(up.capacity.cores))
            if pilot in live and worker not in self.h.workers
        ]

    def _busy(self) -> list[str]:
        return sorted(double.name for double in self.h.workers.values() if double.items)

    def _live_pilots(self) -> list[str]:
        return [p for p in self.h.capacity if p not in self.h.ended_pilots and p not in self.h.stopped]


Scheduler.TestCase.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestScheduler = Scheduler.TestCase
