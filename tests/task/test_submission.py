"""What a function with options amounts to."""

from __future__ import annotations

import pytest

from pilot_quantum.task.functions import ship
from pilot_quantum.task.future import Owner
from pilot_quantum.task.options import TaskOptions
from pilot_quantum.task.submission import Handle


@pytest.mark.parametrize(
    ("options", "affinity"),
    [
        ({}, None),
        ({"affinity": "a"}, "a"),
        ({"coupling": "medium"}, "medium:abs"),
        ({"coupling": "medium", "affinity": "a"}, "a"),
        ({"coupling": "tight"}, None),
    ],
)
def test_tasks_coupled_medium_return_to_where_their_function_ran_last(options, affinity):
    function = ship(abs)
    assert Handle(Owner, function, (function,), TaskOptions(**options), 1).key.affinity == affinity
