"""Task events as columns: a million tasks take some hundred megabytes, and numpy sums them up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from pilot_quantum.journal.events import TASK_STATES

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

STATE_CODE = {state: code for code, state in enumerate(TASK_STATES)}
_DECODER = msgspec.json.Decoder(list[tuple[float, int, str, int, int, str, str, str]])


@dataclass(frozen=True)
class TaskColumns:
    """State changes of tasks in the order of writing, one array per column; all arrays have the same length.

    mono: monotonic seconds. state: index into TASK_STATES. pilot, worker, cause: indices into `texts`,
    whose first is "".
    """

    mono: Floats
    task: Ints
    state: Codes
    attempt: Codes
    group: Codes
    pilot: Codes
    worker: Codes
    cause: Codes
    texts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.mono)


def decode(chunks: Iterable[bytes]) -> TaskColumns:
    """Columns of the journal's chunks.

    Raises msgspec.DecodeError when a chunk is not a list of rows, ValueError when a row has an unknown state.
    """
    texts: dict[str, int] = {"": 0}
    parts: list[tuple[npt.NDArray[np.generic], ...]] = [_arrays([], texts)]
    parts.extend(_arrays(_DECODER.decode(chunk), texts) for chunk in chunks)
    mono, task, state, attempt, group, pilot, worker, cause = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    return TaskColumns(mono, task, state, attempt, group, pilot, worker, cause, tuple(texts))


def _arrays(
    rows: list[tuple[float, int, str, int, int, str, str, str]], texts: dict[str, int]
) -> tuple[npt.NDArray[np.generic], ...]:
    mono, task, state, attempt, group, *names = zip(*rows, strict=True) if rows else ((),) * 8
    try:
        states = [STATE_CODE[value] for value in state]
    except KeyError as error:
        raise ValueError(f"unknown task state {error}") from None
    return (
        np.array(mono, np.float64),
        np.array(task, np.int64),
        np.array(states, np.int32),
        np.array(attempt, np.int32),
        np.array(group, np.int32),
        *(np.array([texts.setdefault(name, len(texts)) for name in column], np.int32) for column in names),
    )
