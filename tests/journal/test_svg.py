from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilot_quantum.journal import svg
from pilot_quantum.journal.gantt import Bar, Gantt
from pilot_quantum.journal.measure import Curve


@given(st.lists(st.one_of(st.floats(0, 1e6), st.just(float("nan"))), min_size=1, max_size=20))
def test_any_curve_is_well_formed(values: list[float]) -> None:
    curve = Curve(np.arange(len(values) + 1.0), np.array(values))
    picture = svg.curves([("a <pilot>", curve)], "label & more")
    ElementTree.fromstring(picture)
    assert "nan" not in picture


def test_a_curve_breaks_where_it_is_undefined() -> None:
    curve = Curve(np.arange(5.0), np.array([0.5, 0.5, np.nan, 1.0]))
    assert svg.curves([("p", curve)], "x", percent=True).count("<title>") == 2


def test_bars_have_escaped_hints_and_the_colour_of_their_end() -> None:
    bars = tuple(Bar(0, 0.0, 1.0, "<g>", 1, 1.0, end, "<hint>") for end in ("done", "failed"))
    picture = svg.gantt(Gantt((("p", "<w>"),), 0, bars), 2.0, {"<g>": "#123456"}, "x")
    ElementTree.fromstring(picture)
    assert 'fill="#123456"' in picture
    assert f'fill="{svg.FAILED}"' in picture
    assert "&lt;hint&gt;" in picture


@given(st.floats(1e-9, 1e12), st.integers(2, 10))
def test_ticks_are_few_and_reach_the_peak(peak: float, about: int) -> None:
    ticks = svg.nice_ticks(peak, about)
    assert ticks[-1] >= peak * (1 - 1e-6)
    assert 2 <= len(ticks) <= about + 2


@pytest.mark.parametrize("peak", [0.0, -1.0, float("inf")])
def test_ticks_of_nothing(peak: float) -> None:
    assert svg.nice_ticks(peak, 4) == [0.0, 1.0]
