from __future__ import annotations

from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pilot_quantum.journal.columns import decode
from pilot_quantum.journal.events import Span
from pilot_quantum.journal.reader import JournalReader
from pilot_quantum.journal.spans import Spans, spans_of
from pilot_quantum.journal.store import TaskRow


def spans(rows: list[TaskRow]) -> Spans:
    return spans_of(decode([msgspec.json.encode(rows)]), {})


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[TaskRow], list[Span]]:
    """Legal histories of some tasks, interleaved, and the attempts that they are made of."""
    rows: list[TaskRow] = []
    told: list[Span] = []
    clock = 0.0
    stories = []
    for task in draw(st.lists(st.integers(0, 1000), unique=True, max_size=6)):
        story: list[tuple[str, int, str, str, str]] = []  # state, attempt, pilot, worker, cause
        ends: list[tuple[str, str, str]] = []  # how each attempt ends: last state, end, cause
        if draw(st.booleans()):
            story.append(("waiting", 0, "", "", ""))
        attempt = 0
        while True:
            story.append(("queued", attempt, "", "", ends[-1][2] if ends else ""))
            stop = draw(
                st.sampled_from(["queue", "shipped", "running", "revoked", "lost", "done", "failed", "cancelled"])
            )
            attempt += 1
            pilot = draw(st.sampled_from(["p", "q"]))
            if stop in ("queue", "cancelled"):
                if stop == "cancelled":
                    story.append(("cancelled", 0, "", "", "user"))
                ends.append(("cancelled", "cancelled", "user") if stop == "cancelled" else ("queued", "", ""))
                break
            story.append(("shipped", attempt, pilot, f"{pilot}/0", ""))
            if stop == "shipped":
                ends.append(("shipped", "", ""))
                break
            if stop == "revoked":
                ends.append(("shipped", "requeued", "revoked"))
                continue
            story.append(("running", attempt, pilot, f"{pilot}/0", ""))
            if stop == "running":
                ends.append(("running", "", ""))
                break
            if stop == "lost":
                ends.append(("running", "requeued", "lost"))
                continue
            cause = "boom" if stop == "failed" else ""
            story.append((stop, attempt, pilot, f"{pilot}/0", cause))
            ends.append((stop, stop, cause))
            break
        stories.append((task, story, ends))
    open_stories = [(task, list(story)) for task, story, _ in stories if story]
    times: dict[int, list[float]] = {}
    while open_stories:
        task, story = open_stories[draw(st.integers(0, len(open_stories) - 1))]
        state, attempt, pilot, worker, cause = story.pop(0)
        clock += draw(st.sampled_from([0.0, 0.5, 1.0]))
        rows.append((clock, task, state, attempt, 3, pilot, worker, cause))
        times.setdefault(task, []).append(clock)
        open_stories = [(t, s) for t, s in open_stories if s]
    for task, story, ends in sorted(stories):
        told.extend(_attempts(task, story, times[task], ends))
    return rows, told


def _attempts(task: int, story: list, times: list[float], ends: list) -> list[Span]:  # type: ignore[type-arg]
    pieces: list[list[int]] = []
    for index, event in enumerate(story):
        if index == 0 or (event[0] == "queued" and story[index - 1][0] != "waiting"):
            pieces.append([])
        pieces[-1].append(index)
    result = []
    for number, piece in enumerate(pieces):
        at = {story[index][0]: times[index] for index in piece}
        state, end, cause = ends[number]
        placed = [story[index] for index in piece if story[index][2]]
        ended = at.get(state) if end else None
        if end == "requeued":
            ended = times[pieces[number + 1][0]]
        result.append(
            Span(
                task=task,
                attempt=placed[0][1] if placed else story[piece[-1]][1],
                group="group 3",
                pilot=placed[0][2] if placed else "",
                worker=placed[0][3] if placed else "",
                queued=at.get("queued"),
                shipped=at.get("shipped"),
                began=at.get("running"),
                ended=ended,
                state=state,
                end=end,
                cause=cause,
            )
        )
    return result


@given(histories())
def test_spans_of_any_legal_history_are_its_attempts(history: tuple[list[TaskRow], list[Span]]) -> None:
    rows, told = history
    found = spans(rows)
    assert list(found) == told
    assert found.counts().total == len({row[1] for row in rows})
    assert sum(found.last.tolist()) == found.counts().total


def test_no_events_are_no_spans() -> None:
    assert list(spans([])) == []
    assert spans([]).counts().total == 0


def test_a_lost_attempt_ends_where_its_task_goes_back_to_the_queue(story: Path) -> None:
    with JournalReader(story) as reader:
        lost, again = [span for span in reader.spans if span.task == 1]
    assert (lost.end, lost.cause, lost.worker) == ("requeued", "worker local-1/1 lost: SIGKILL", "local-1/1")
    assert (again.end, again.attempt, again.worker) == ("done", 2, "local-1/0")
    assert lost.ended == again.queued


def test_a_task_that_fails_before_it_was_queued_has_one_span_with_its_cause() -> None:
    (span,) = spans([(1.0, 5, "waiting", 0, 1, "", "", ""), (2.0, 5, "failed", 0, 1, "", "", "input failed")])
    assert (span.queued, span.ended, span.end, span.cause) == (None, 2.0, "failed", "input failed")
