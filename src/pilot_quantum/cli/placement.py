"""Where and how long the tasks of a run were, read from its journal when it has ended."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Placement:
    """seconds: run time of a request's tasks, added up over all attempts. pilots: where they ran, by name."""

    seconds: float = 0.0
    pilots: tuple[str, ...] = ()


def placements(directory: Path, tasks: Sequence[Collection[int]]) -> list[Placement]:
    """The placement of each group of task ids. Raises JournalError when the journal cannot be read."""
    from pilot_quantum.journal.reader import JournalReader

    owner = {task: place for place, group in enumerate(tasks) for task in group}
    seconds = [0.0] * len(tasks)
    pilots: list[set[str]] = [set() for _ in tasks]
    with JournalReader(directory) as reader:
        for span in reader.spans:
            place = owner.get(span.task)
            if place is None or span.began is None:
                continue
            pilots[place].add(span.pilot)
            if span.ended is not None:
                seconds[place] += span.ended - span.began
    return [Placement(time, tuple(sorted(used))) for time, used in zip(seconds, pilots, strict=True)]
