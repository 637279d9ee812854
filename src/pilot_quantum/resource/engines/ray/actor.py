"""The actor of one core-slot: runs bundles in one thread, and answers in two others while a long one runs.

It lives in a Ray worker process, where threads of Ray call its methods; it needs nothing of Ray itself. When a network
fails, Ray calls again what may have been called already: so calls have numbers, and answers are kept until heard.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from time import monotonic
from typing import Generic, TypeVar

from pilot_quantum.resource.agent.blobs import Received
from pilot_quantum.resource.agent.capture import Contents
from pilot_quantum.resource.agent.marks import MARK
from pilot_quantum.resource.agent.messages import Blob
from pilot_quantum.resource.agent.runner import Runner
from pilot_quantum.resource.engines.ray import messages

TICK = 0.005
"""Seconds between looks at a bundle that runs; a task that has run for that long is announced."""
OVERDUE = 0.1
"""Seconds for which what has ended may wait for the end of its bundle."""
PROMPT = 0.001
"""Seconds: what a task that took longer has left is reported at once."""

Key = tuple[int, int]
A = TypeVar("A")


class Answers(Generic[A]):
    """What calls of one method have been answered, for those that come again."""

    def __init__(self) -> None:
        self._kept: dict[int, A] = {}

    def find(self, number: int, heard: int) -> A | None:
        """The answer that this call has had. heard: all calls up to this one have their answers."""
        for old in [old for old in self._kept if old <= heard]:
            del self._kept[old]
        return self._kept.get(number)

    def keep(self, number: int, answer: A) -> A:
        """Remember what this call is answered."""
        self._kept[number] = answer
        return answer


class SlotActor:
    """Runs the tasks of one worker. `run` is called by one thread, always the same; `listen` and the rest by others.

    mark: what the processes that its tasks start bear. directory: for files of what they print.
    """

    def __init__(self, mark: str, directory: str) -> None:
        os.environ[MARK] = mark
        self._runner = Runner(Contents(Path(directory)))
        self._blobs = Received()
        self._changed = threading.Condition()
        self._rows: list[messages.Row] = []
        """What has ended and has not been reported."""
        self._running = False
        self._announced: tuple[int, int, float] | None = None
        self._arrived = 0
        """The number of the last bundle that has come."""
        self._refused: set[Key] = set()
        """Taken back before their bundle came."""
        self._early: dict[int, messages.Bundle] = {}
        """Bundles that have overtaken others."""
        self._runs = Answers[bytes]()
        self._listens = Answers[bytes]()
        self._withdrawals = Answers[list[Key]]()

    def pid(self) -> int:
        """This process; the answer tells that it is there."""
        return os.getpid()

    def run(self, body: bytes) -> bytes:
        """Run a bundle; the report of what has ended and has not been told by `listen`."""
        bundle = messages.decode_bundle(body)
        report = self._runs.find(bundle.number, bundle.heard)
        return report or self._runs.keep(bundle.number, self._run_in_order(bundle))

    def listen(self, number: int) -> bytes:
        """What ends, or has begun and goes on, while a bundle runs; waits until there is something."""
        if (kept := self._listens.find(number, number - 1)) is not None:
            return kept
        with self._changed:
            while (report := self._early_report()) is None:
                self._changed.wait(self._patience())
        return self._listens.keep(number, messages.encode(report))

    def withdraw(self, number: int, heard: int, items: list[tuple[int, int, int]]) -> list[Key]:
        """Take back what has not begun, of rows of (bundle, task, attempt): also of bundles that are on their way."""
        if (kept := self._withdrawals.find(number, heard)) is not None:
            return kept
        with self._changed:
            coming = [(task, attempt) for bundle, task, attempt in items if bundle > self._arrived]
            self._refused.update(coming)
        here = [(task, attempt) for bundle, task, attempt in items if (task, attempt) not in self._refused]
        return self._withdrawals.keep(number, coming + self._runner.withdraw(here))

    def _run_in_order(self, bundle: messages.Bundle) -> bytes:
        """Run the bundle when its turn has come, and those that waited for it."""
        self._early[bundle.number] = bundle
        while (following := self._early.pop(self._arrived + 1, None)) is not None:
            self._run(following)
        with self._changed:
            rest, self._rows = self._rows, []
        return messages.encode(messages.Report(rest, bundle=bundle.number))

    def _run(self, bundle: messages.Bundle) -> None:
        runner = self._runner
        if bundle.blob is not None:
            runner.know(bundle.function, bundle.blob)
        for message in bundle.first:
            if isinstance(message, Blob):
                self._blobs.take(message)
            else:
                self._blobs.drop(message)
        with self._changed:
            self._arrived, rows = bundle.number, self._blobs.restored(bundle.rows, bundle.large)
            if self._refused:
                rows = [row for row in rows if row[:2] not in self._refused]
                self._refused.difference_update(row[:2] for row in bundle.rows)
            runner.add(bundle.function, bundle.cores, bundle.gpus, bundle.hosts, rows)
            self._running = True
            self._changed.notify()
        while (done := runner.run_next()) is not None:
            with self._changed:
                self._rows.append(done)
                if done[0][3] - done[0][2] > PROMPT and runner.pending:
                    self._changed.notify()
        with self._changed:
            self._running = False

    def _early_report(self) -> messages.Report | None:
        """What is to be told before the bundle's end, if anything."""
        if not self._running:
            return None
        now, began = monotonic(), self._runner.current
        if began is not None and (began == self._announced or now - began[2] < TICK / 2):
            began = None
        rows = self._rows
        if began is None and not (rows and (now - rows[0][0][3] > OVERDUE or rows[-1][0][3] - rows[-1][0][2] > PROMPT)):
            return None
        self._rows, self._announced = [], began or self._announced
        return messages.Report(rows, began)

    def _patience(self) -> float | None:
        """Seconds until the next look; None where only a notice can bring something new."""
        if not self._running:
            return None
        alone = self._announced is not None and self._announced == self._runner.current and not self._runner.pending
        return None if alone and not self._rows else TICK
