from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilot_quantum.journal import measure
from pilot_quantum.journal.reader import JournalReader


@pytest.fixture
def reader(story: Path) -> JournalReader:
    with JournalReader(story) as reader:
        _ = reader.spans, reader.workers
        return reader


def test_utilisation_is_busy_over_available_worker_seconds(reader: JournalReader) -> None:
    start = reader.started
    (figure,) = measure.utilisation(reader.spans, reader.workers, start, start + 6, bins=6)
    assert figure.busy == pytest.approx(6)  # 2 + 2 (lost) + 1 + 1
    assert figure.available == pytest.approx(6)  # worker 0 from 1 to 5, worker 1 from 1 to 3
    assert figure.mean == pytest.approx(1)
    assert np.isnan(figure.curve.values[[0, 5]]).all()
    assert figure.curve.values[1:5] == pytest.approx(1)


def test_a_task_of_two_cores_keeps_two_workers_busy(reader: JournalReader) -> None:
    group = type(reader.groups[7])(7, "", "f", "cores=2, memory=1 GiB", 0, "loose")
    spans = type(reader.spans)(**{**vars(reader.spans), "groups": {7: group}})
    assert set(measure.cores_of(spans).tolist()) == {2.0}


@pytest.mark.parametrize(
    ("needs", "cores"), [("", 1), ("cores=4", 4), ("16 cores, 1 GPU", 16), ("1 core", 1), ("0 cores", 1)]
)
def test_cores_are_read_from_the_text_of_needs(needs: str, cores: int) -> None:
    assert measure._cores(needs) == cores


def test_figures_of_a_group(reader: JournalReader) -> None:
    (figures,) = measure.group_figures(reader.spans)
    assert (figures.done, figures.failed, figures.cancelled, figures.requeued) == (2, 1, 1, 1)
    assert figures.mean == pytest.approx(1.5)
    assert figures.wait_p50 == pytest.approx(0)


def test_failures_and_setbacks_have_their_causes(reader: JournalReader) -> None:
    assert [(span.task, span.cause) for span in measure.failures(reader.spans)] == [(2, "ValueError: <angle> & more")]
    assert [(span.task, span.cause) for span in measure.setbacks(reader.spans)] == [
        (1, "worker local-1/1 lost: SIGKILL")
    ]
    assert measure.number_of_setbacks(reader.spans) == 1
    assert measure.failures(reader.spans, 0) == ()


def test_rates_count_ends_of_tasks_not_of_attempts(reader: JournalReader) -> None:
    start = reader.started
    assert measure.finished_per_second(reader.spans, start, start + 8) == pytest.approx(4 / 8)
    assert measure.finished_per_second(reader.spans, start, start) is None
    curve = measure.throughput(reader.spans, start, start + 6, bins=6)
    assert curve.values.sum() == pytest.approx(2)


def test_depths_at_a_moment(reader: JournalReader) -> None:
    times = reader.started + np.array([0.5, 1.5, 2.5, 4.5, 9])
    assert measure.queue_depth(reader.spans, times).tolist() == [0, 2, 1, 0, 0]
    assert measure.running_depth(reader.spans, times).tolist() == [0, 2, 2, 1, 0]
    assert measure.running_depth(reader.spans, times, "elsewhere").tolist() == [0, 0, 0, 0, 0]


intervals = st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10), st.floats(0.5, 4)), max_size=8)


@given(intervals, st.lists(st.floats(0, 10), min_size=2, max_size=8, unique=True))
def test_integrals_over_bins_are_exact(given_intervals: list[tuple[float, float, float]], places: list[float]) -> None:
    edges = np.array(sorted(places))
    spans = [(min(a, b), max(a, b), weight) for a, b, weight in given_intervals]
    starts, ends, weights = (np.array([span[i] for span in spans]) for i in range(3))
    expected = [sum(w * max(0.0, min(b, high) - max(a, low)) for a, b, w in spans) for low, high in pairwise(edges)]
    assert measure._integral(starts, ends, weights, edges) == pytest.approx(expected, abs=1e-9)
