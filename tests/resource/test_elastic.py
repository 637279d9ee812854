"""When a pilot grows, shrinks and is replaced: the rules, at fixed times."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pilot_quantum.resource.capacity import Capacity
from pilot_quantum.resource.elastic import Grow, Part, Replace, Shrink, Standing, Work, decide, retry_after

NOW = 1000.0
NODE = Capacity(1, 4, memory=100)


def part(name="p.1", nodes=1, up=True, idle_since=None, ends_at=None, replaced=False, length=None):
    return Part(name, nodes, up, idle_since, ends_at, replaced, length)


def standing(*parts, least=1, most=4, replace_before=None):
    return Standing("p", NODE, least, most, parts, hold=5.0, idle_timeout=60.0, replace_before=replace_before)


def work(tasks=8, seconds=30.0, waited=10.0, nodes=1, cores=1, fits=("p",)):
    return Work(tasks, nodes, Capacity(nodes, cores), seconds, NOW - waited, frozenset(fits))


def test_work_that_waits_lets_it_grow_by_as_many_nodes_as_it_fills():
    (step,) = decide(standing(part()), [work(tasks=8)], NOW)
    assert step == Grow(2, "8 tasks wait, the first for 10 s, predicted to take 30 s each")
    assert decide(standing(part()), [work(tasks=100)], NOW) == [Grow(3, step.reason.replace("8 tasks", "100 tasks"))]


def test_work_that_has_just_come_or_will_soon_be_done_does_not():
    assert decide(standing(part()), [work(waited=4.9)], NOW) == []
    assert decide(standing(part()), [work(tasks=8, seconds=5.0)], NOW) == []
    assert decide(standing(part()), [work(tasks=8, seconds=None)], NOW) != []


def test_it_grows_once_at_a_time_and_never_beyond_its_bound():
    assert decide(standing(part(), part("p.2", up=False)), [work(100)], NOW) == []
    assert decide(standing(part(nodes=4)), [work(100)], NOW) == []


def test_work_that_runs_elsewhere_only_is_nothing_to_it():
    assert decide(standing(part()), [work(fits=("q",))], NOW) == []


def test_from_nothing_it_grows_for_the_first_task():
    assert decide(standing(least=0), [work(tasks=1, seconds=0.1)], NOW) != []


def test_a_gang_asks_for_an_allocation_that_holds_all_of_it():
    assert decide(standing(part()), [work(1, nodes=3)], NOW)[0].nodes == 3
    assert decide(standing(part(nodes=3)), [work(1, nodes=3)], NOW) == []  # it will fit when that is free


def test_idle_nodes_are_given_back_down_to_the_lower_bound_the_longest_idle_first():
    parts = [part("p.1", idle_since=NOW - 70), part("p.2", idle_since=NOW - 90), part("p.3", idle_since=NOW - 10)]
    assert [step.allocation for step in decide(standing(*parts), [], NOW)] == ["p.2", "p.1"]
    assert [step.allocation for step in decide(standing(*parts, least=2), [], NOW)] == ["p.2"]
    assert decide(standing(*parts, least=3), [], NOW) == []


def test_while_work_waits_nothing_is_given_back():
    assert decide(standing(part(idle_since=NOW - 90), least=0), [work(waited=0.1)], NOW) == []


def test_an_allocation_is_replaced_in_time_and_once():
    one = part(ends_at=NOW + 50)
    assert decide(standing(one, replace_before=60.0), [], NOW) == [Replace("p.1", 1, "p.1 ends in 50 s")]
    successor = part("p.2", up=False)
    assert decide(standing(replace(one, replaced=True), successor, replace_before=60.0), [], NOW) == []
    assert decide(standing(replace(one, ends_at=NOW + 61), replace_before=60.0), [], NOW) == []
    assert decide(standing(one), [], NOW) == []


def test_what_is_always_wanted_is_asked_for_again():
    assert decide(standing(part(), least=3), [], NOW) == [Grow(2, "1 node is fewer than the 3 that are always wanted")]


def test_a_wish_that_failed_is_not_repeated_at_once():
    waiting = replace(standing(part(ends_at=NOW + 5), replace_before=60.0), retry_at=NOW + 1)
    assert decide(waiting, [work(100)], NOW) == []
    assert len(decide(waiting, [work(100)], NOW + 1)) == 2
    assert [retry_after(failures) for failures in (1, 2, 3, 20)] == [10, 20, 40, 600]


def test_an_allocation_shorter_than_the_warning_is_replaced_half_way():
    one = part(ends_at=NOW + 50, length=55.0)
    assert decide(standing(one, replace_before=60.0), [], NOW) == []
    assert decide(standing(one, replace_before=60.0), [], NOW + 23)[0].allocation == "p.1"


def test_what_nobody_needs_is_not_replaced():
    one = part(ends_at=NOW + 50, idle_since=NOW - 5)
    assert decide(standing(one, least=0, replace_before=60.0), [], NOW) == []
    assert decide(standing(one, least=0, replace_before=60.0), [work(waited=0.1)], NOW) != []
    assert decide(standing(one, least=1, replace_before=60.0), [], NOW) != []


def test_a_gang_for_which_there_is_no_room_lets_idle_nodes_go_first():
    singles = [part("p.1", idle_since=NOW - 90), part("p.2", idle_since=NOW - 90)]
    gang = work(1, nodes=3)
    assert [step.allocation for step in decide(standing(*singles, least=0), [gang], NOW)] == ["p.1", "p.2"]
    assert decide(standing(singles[0], least=0), [gang], NOW)[0].nodes == 3


def test_nodes_without_the_time_for_a_task_do_not_speak_against_growing():
    short = part(ends_at=NOW + 10, length=3600.0)
    assert decide(standing(short), [work(tasks=1, seconds=30.0)], NOW) == [
        Grow(1, "a task waits, for 10 s, predicted to take 30 s")
    ]
    assert decide(replace(standing(replace(short, length=20.0)), hold=20.0), [work(1, 30.0, waited=30)], NOW) == []


PARTS = st.lists(
    st.builds(
        part,
        nodes=st.integers(1, 3),
        up=st.booleans(),
        idle_since=st.none() | st.floats(0, NOW),
        ends_at=st.none() | st.floats(NOW - 10, NOW + 1000),
        replaced=st.booleans(),
        length=st.none() | st.floats(0, 1000),
    ),
    max_size=4,
)
WORK = st.lists(
    st.builds(
        work,
        tasks=st.integers(1, 10_000),
        seconds=st.none() | st.floats(0, 1000),
        waited=st.floats(0, 100),
        nodes=st.integers(1, 4),
        cores=st.integers(1, 8),
        fits=st.sampled_from([("p",), ("q",), ("p", "q")]),
    ),
    max_size=4,
)


@given(PARTS, WORK, st.integers(0, 4), st.integers(4, 12))
def test_the_bounds_hold_whatever_happens(parts, waiting, least, most):
    named = [replace(one, allocation=f"p.{index}") for index, one in enumerate(parts)]
    one = standing(*named, least=least, most=most)
    nodes = one.nodes
    for step in decide(one, waiting, NOW):
        if isinstance(step, Grow):
            assert step.nodes > 0
            assert nodes + step.nodes <= most
        elif isinstance(step, Shrink):
            nodes -= next(part.nodes for part in named if part.allocation == step.allocation)
            assert nodes >= least
