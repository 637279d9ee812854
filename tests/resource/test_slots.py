"""The ledger of a node under any order of taking, giving, workers coming and going."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pilot_quantum.resource.capacity import Capacity
from pilot_quantum.resource.slots import Amounts, Node, Slot

CORES, GPUS, QPUS, MEMORY = 5, 3, 2, 1000
WORKERS = [f"p/{index}" for index in range(CORES)]
AMOUNTS = st.builds(Amounts, st.integers(1, CORES), st.integers(0, GPUS), st.integers(0, QPUS), st.integers(0, MEMORY))


class Ledger(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.node = Node(0, Capacity(1, CORES, GPUS, QPUS, MEMORY))
        self.alive: set[str] = set()
        self.slots: list[Slot] = []

    @rule(worker=st.sampled_from(WORKERS))
    def come_up(self, worker: str) -> None:
        self.node.up(worker)
        self.alive.add(worker)

    @rule(worker=st.sampled_from(WORKERS))
    def go_down(self, worker: str) -> None:
        self.node.down(worker)
        self.alive.discard(worker)

    @rule(amounts=AMOUNTS, prefer=st.none() | st.sampled_from([*WORKERS, "another/0"]))
    def take(self, amounts: Amounts, prefer: str | None) -> None:
        if not self.node.holds(amounts):
            return
        free = self.alive - self.held()
        slot = self.node.take(amounts, prefer)
        assert slot.amounts == amounts
        assert len(set(slot.workers)) == amounts.cores
        assert set(slot.workers) <= free
        assert len(set(slot.gpus)) == amounts.gpus
        assert prefer not in free or slot.workers[0] == prefer
        self.slots.append(slot)

    @precondition(lambda self: self.slots)
    @rule(data=st.data())
    def give(self, data: st.DataObject) -> None:
        self.node.give(self.slots.pop(data.draw(st.integers(0, len(self.slots) - 1))))

    @precondition(lambda self: self.slots)
    @rule(amounts=AMOUNTS)
    def taking_and_giving_back_changes_nothing(self, amounts: Amounts) -> None:
        if self.node.holds(amounts):
            before = self.picture()
            self.node.give(self.node.take(amounts))
            assert self.picture() == before

    def held(self) -> set[str]:
        return {worker for slot in self.slots for worker in slot.workers}

    def picture(self) -> tuple[object, ...]:
        return self.node.idle, frozenset(self.node.gpus), self.node.qpus, self.node.memory

    @invariant()
    def nothing_is_lost_or_given_twice(self) -> None:
        assert self.node.idle == len(self.alive - self.held())
        gpus = [gpu for slot in self.slots for gpu in slot.gpus]
        assert len(gpus) == len(set(gpus))
        assert self.node.gpus == set(range(GPUS)) - set(gpus)
        assert self.node.qpus == QPUS - sum(slot.amounts.qpus for slot in self.slots) >= 0
        assert self.node.memory == MEMORY - sum(slot.amounts.memory for slot in self.slots) >= 0


Ledger.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLedger = Ledger.TestCase


def _node(cores: int = 4, gpus: int = 2) -> Node:
    node = Node(0, Capacity(1, cores, gpus))
    for index in range(cores):
        node.up(f"p/{index}")
    return node


def test_gpu_tasks_take_the_first_workers_and_others_the_last() -> None:
    node = _node()
    assert node.take(Amounts(1)).workers == ("p/3",)
    assert node.take(Amounts(1, gpus=1)).workers == ("p/0",)


def test_a_worker_gets_the_same_gpu_again_while_that_is_free() -> None:
    node = _node()
    first, second = node.take(Amounts(1, gpus=1)), node.take(Amounts(1, gpus=1))
    assert (first.gpus, second.gpus) == ((0,), (1,))
    node.give(first)
    node.give(second)
    assert node.take(Amounts(1, gpus=1), prefer="p/1").gpus == (1,)


def test_a_slot_whose_worker_died_keeps_its_share_until_it_is_given_back() -> None:
    node = _node(cores=2, gpus=1)
    slot = node.take(Amounts(2, gpus=1))
    node.down("p/0")
    node.up("p/0")
    assert not node.holds(Amounts(1))
    node.give(slot)
    assert node.holds(Amounts(2, gpus=1))
