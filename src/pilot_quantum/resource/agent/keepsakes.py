"""The results that stay with a head agent, until its session asks for them or lets them go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pilot_quantum.resource.agent.messages import Fetch, Piece, SentRow
from pilot_quantum.resource.agent.router import node_of
from pilot_quantum.resource.agent.wire import ParcelRow
from pilot_quantum.resource.engines.events import EngineEvent, NodesLost, Revoked, WorkerLost
from pilot_quantum.resource.values.content import digest_of
from pilot_quantum.resource.values.file import Reference
from pilot_quantum.resource.values.kept import LEAST, Key, Words, are_words, decode
from pilot_quantum.resource.values.store import Store


class Keepsakes:
    """Takes values out of rows on their way up, and puts them back into rows on their way down."""

    def __init__(self, store: Store | None = None) -> None:
        self._store = Store() if store is None else store
        self._expected: dict[str, set[Key]] = {}
        """worker -> its tasks whose results are to stay."""
        self._kept: dict[Key, bytes] = {}
        self._open = True

    def __len__(self) -> int:
        return len(self._kept)

    def spill_to(self, directory: Path) -> None:
        """Where values go for which there is not enough memory; said before there are any."""
        self._store = Store(directory)

    def close(self) -> None:
        """Keep nothing more: the allocation is about to end."""
        self._open = False

    def expect(self, worker: str, rows: Iterable[ParcelRow]) -> None:
        """The results of these rows are to stay."""
        self._expected.setdefault(worker, set()).update((row[0], row[1]) for row in rows)

    def note(self, event: EngineEvent) -> None:
        """What an engine reports: some results will not come."""
        if not self._expected:
            return
        match event:
            case Revoked():
                self._expected.get(event.worker, set()).difference_update(event.items)
            case WorkerLost():
                self._expected.pop(event.worker, None)
            case NodesLost():
                for worker in [worker for worker in self._expected if node_of(worker) in event.nodes]:
                    del self._expected[worker]
            case _:
                pass

    def keep(self, worker: str, rows: list[SentRow]) -> list[SentRow]:
        """The rows as they go up: words in the place of what stays here. Where there is no room, the value goes."""
        expected = self._expected.get(worker)
        if not expected:
            return rows
        return [self._keep(row, expected) for row in rows]

    def _keep(self, row: SentRow, expected: set[Key]) -> SentRow:
        (task, attempt, _, _, ok), value, output = row
        if (task, attempt) not in expected:
            return row
        expected.discard((task, attempt))
        if not ok or not self._open or len(value) < LEAST:
            return row
        try:
            content = self._store.keep([value])
        except OSError:
            return row
        self._kept[task, attempt] = content
        digest = content.value.digest if isinstance(content, Reference) else digest_of([value])
        return row[0], Words(task, attempt, len(value), digest).encode(), output

    def restored(self, rows: list[ParcelRow]) -> tuple[list[ParcelRow], bool]:
        """The rows with what is kept here in the places of its words; whether there was any."""
        if not self._kept or not any(are_words(value) for row in rows for value in row[3]):
            return rows, False
        return [
            (task, attempt, payload, tuple(self._value(one) if are_words(one) else one for one in inputs))
            for task, attempt, payload, inputs in rows
        ], True

    def piece(self, fetch: Fetch) -> Piece:
        """The part that was asked for; without data where the value is not here."""
        content = self._kept.get((fetch.task, fetch.attempt), b"")
        if isinstance(content, Reference):
            data = content.value.read(fetch.begin, fetch.size)
        else:
            data = content[fetch.begin : fetch.begin + fetch.size]
        return Piece(fetch.task, fetch.attempt, data)

    def let_go(self, items: Sequence[Key]) -> None:
        """Forget these; tasks under way that use one keep it."""
        for key in items:
            self._kept.pop(key, None)

    def _value(self, words: bytes) -> bytes:
        task, attempt, _, _ = decode(words)
        return self._kept[task, attempt]
