"""What may be asked of the scheduler for a task, and how `submit` tells it from the function's own keywords."""

from __future__ import annotations

import functools

import pytest

from pilot_quantum.errors import InvalidDescriptionError
from pilot_quantum.task.needs import Needs, Variant
from pilot_quantum.task.options import NAMES, Coupling, TaskOptions, split_keywords


def test_options_are_checked_and_brought_into_one_form():
    options = TaskOptions().changed(
        needs=[Needs(gpus=1), Needs(cores=2)], timeout="5m", expected_duration=2, coupling="tight", retries=3
    )
    assert options.needs == (Variant(Needs(gpus=1)), Variant(Needs(cores=2)))
    assert (options.timeout, options.expected_duration, options.retries) == (300.0, 2.0, 3)
    assert options.coupling is Coupling.TIGHT


def test_changes_leave_the_rest():
    one = TaskOptions().changed(priority=3, name="step")
    assert one.changed(priority=4) == TaskOptions(priority=4, name="step")
    assert one.changed(name=None) == TaskOptions(priority=3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("priority", 1.5),
        ("priority", "high"),
        ("priority", True),
        ("priority", None),
        ("priority", 10**30),
        ("retries", -1),
        ("retries", 1.0),
        ("retries", True),
        ("timeout", 0),
        ("timeout", -1),
        ("timeout", float("nan")),
        ("timeout", float("inf")),
        ("timeout", True),
        ("timeout", "soon"),
        ("timeout", [1]),
        ("expected_duration", 0),
        ("expected_duration", "5 parsecs"),
        ("name", ""),
        ("name", 5),
        ("name", "two\nlines"),
        ("name", "\ud800"),
        ("affinity", ""),
        ("affinity", 5),
        ("coupling", "tigth"),
        ("coupling", 5),
        ("wait_for_capacity", 1),
        ("wait_for_capacity", "yes"),
        ("needs", None),
        ("needs", 4),
        ("needs", []),
        ("needs", "cores=4"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_by_name(name, value):
    with pytest.raises(InvalidDescriptionError, match=name):
        TaskOptions().changed(**{name: value})


@pytest.mark.parametrize(
    ("given", "nearest"),
    [("prority", "priority"), ("need", "needs"), ("retry", "retries"), ("time_out", "timeout"), ("Name", "name")],
)
def test_an_unknown_option_is_refused_with_the_nearest(given, nearest):
    with pytest.raises(InvalidDescriptionError, match=f"'{given}'; did you mean '{nearest}'"):
        TaskOptions().changed(**{given: 1})


def test_a_nearest_coupling_is_offered():
    with pytest.raises(InvalidDescriptionError, match="did you mean 'tight'"):
        TaskOptions(coupling="tigth")


def test_the_short_form_takes_options_from_the_functions_keywords():
    assert split_keywords(lambda x, y: x, {"y": 1, "priority": 2}) == ({"priority": 2}, {"y": 1})
    assert split_keywords(dict.fromkeys, {"priority": 2}) == ({"priority": 2}, {})
    assert split_keywords(lambda x: x, {"x": 1}) == ({}, {"x": 1})


@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_short_form_refuses_what_the_function_takes_itself(name):
    names = {}
    exec(f"def plain({name}): pass\ndef keyword_only(*, {name}=1): pass\ndef any_of_them(**kwargs): pass", names)
    for label in ("plain", "keyword_only", "any_of_them"):
        with pytest.raises(TypeError, match=rf"{name}= .*{label}.*with_options\({name}="):
            split_keywords(names[label], {name: 1})
    exec(f"def positional({name}, /): pass", names)
    assert split_keywords(names["positional"], {name: 1}) == ({name: 1}, {})


def test_the_short_form_looks_into_partials_and_classes():
    class Thing:
        def __init__(self, priority):
            self.priority = priority

        def method(self, name):
            return name

    with pytest.raises(TypeError, match="priority="):
        split_keywords(functools.partial(lambda x, priority: x, 1), {"priority": 1})
    with pytest.raises(TypeError, match="priority="):
        split_keywords(Thing, {"priority": 1})
    with pytest.raises(TypeError, match="name="):
        split_keywords(Thing(1).method, {"name": 1})


def test_without_options_no_signature_is_looked_at():
    assert split_keywords(object(), {"x": 1}) == ({}, {"x": 1})
