"""The reactor between a core and an engine double that delivers every outcome late, twice, in any order."""

from __future__ import annotations

import pickle
import random
import socket
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from pilot_quantum.errors import JournalError
from pilot_quantum.journal.store import JournalWriter
from pilot_quantum.resource.agent.runner import dump_error
from pilot_quantum.resource.capacity import Capacity
from pilot_quantum.resource.engines.events import (
    EngineEnded,
    EngineEvent,
    Leftover,
    NodeUp,
    Outcomes,
    Revoked,
    Shipment,
    WorkerLost,
    WorkerUp,
)
from pilot_quantum.resource.payload import dump_arguments, load_arguments
from pilot_quantum.task.core import Core
from pilot_quantum.task.functions import ship
from pilot_quantum.task.future import TaskFuture
from pilot_quantum.task.options import TaskOptions
from pilot_quantum.task.reactor import Reactor
from pilot_quantum.task.submission import Handle

NOWHERE = Path("/dev/null")


class Unruly:
    """An engine, and its directory. Runs tasks at once in this thread; reports late, twice, shuffled; loses workers."""

    def __init__(self, reactor: Reactor, seed: int, loss: float) -> None:
        self.reactor = reactor
        self.random = random.Random(seed)
        self.loss = loss
        self.ran: list[tuple[int, int]] = []

    def engine(self, pilot: str, worker: str) -> Unruly:
        return self

    def observe(self, event: EngineEvent) -> Sequence[EngineEvent]:
        """Nobody watches; the core has to know all of it."""
        return [event]

    def give_back(self, pilot: str, nodes: Sequence[int]) -> None:
        raise AssertionError("no node drains here")

    def start(self) -> None:
        self.reactor.emit(NodeUp("p", 0, Capacity(1, 3, memory=1)))
        for index in range(3):
            self.reactor.emit(WorkerUp("p", f"p/{index}"))

    def ship(self, shipment: Shipment) -> None:
        function = pickle.loads(self.reactor.function(shipment.function))
        reports = []
        for task, attempt, payload, inputs in shipment.parcels:
            self.ran.append((task, attempt))
            args, kwargs = load_arguments(payload, inputs)
            try:
                value, ok = pickle.dumps(function(*args, **kwargs)), True
            except ValueError as error:
                value, ok = dump_error(error), False
            reports.append(((task, attempt, 0.0, 0.001, ok), value, None))
        if self.random.random() < self.loss:
            kept = reports[: self.random.randrange(len(reports))]
            self._later(lambda: self._report(shipment.worker, kept))
            self.reactor.call_later(0.002, lambda: self._lose(shipment.worker))
            self.reactor.call_later(0.006, lambda: self._report(shipment.worker, reports))  # from beyond the grave
            return
        for report in self.random.sample(reports, len(reports)):
            self._later(lambda report=report: self._report(shipment.worker, [report]))
            self._later(lambda report=report: self._report(shipment.worker, [report, report]))

    def revoke(self, worker: str, items: Sequence[tuple[int, int]]) -> None:
        self._later(lambda: self.reactor.emit(Revoked("p", worker, [])))

    def kill(self, worker: str, cause: str) -> None:
        self._later(lambda: self._lose(worker))

    def stop(self, cause: str = "") -> None:
        self.reactor.emit(EngineEnded("p", cause))

    def _report(self, worker: str, leftovers: Sequence[Leftover]) -> None:
        if leftovers:
            self.reactor.deliver(leftovers, NOWHERE, NOWHERE)
            self.reactor.emit(Outcomes("p", worker, [leftover[0] for leftover in leftovers]))

    def _lose(self, worker: str) -> None:
        self.reactor.emit(WorkerLost("p", worker, "killed by SIGKILL"))
        self.reactor.emit(WorkerUp("p", worker))

    def _later(self, fn: Any) -> None:
        self.reactor.call_later(self.random.random() * 0.003, fn)


def square(number: int) -> int:
    if number % 10 == 7:
        raise ValueError(number)
    return number * number


def _fail(error: JournalError) -> None:
    raise error


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("loss", [0.0, 0.2])
def test_late_doubled_and_lost_outcomes_change_no_value(tmp_path: Path, seed: int, loss: float) -> None:
    journal = JournalWriter(tmp_path, _fail)
    reactor = Reactor(Core(crash_budget=1000), journal)
    engine = Unruly(reactor, seed, loss)
    reactor.start(engine)
    function = ship(square)
    reactor.register(function.digest, function.blob)
    handle = Handle(reactor, function, (function,), TaskOptions(retries=1), 1)
    reactor.call_soon(lambda: reactor.announce("p", Capacity(1, 3, memory=1), None))
    reactor.call_soon(engine.start)
    futures = []
    for number in range(300):
        payload, _ = dump_arguments((number,), {})
        futures.append(TaskFuture(number + 1, handle, payload, 0.0))
        reactor.submit(futures[-1])
    try:
        for number, future in enumerate(futures):
            if number % 10 == 7:
                assert str(future.exception(timeout=60)) == str(number)
            else:
                assert future.result(timeout=60) == number * number
    finally:
        reactor.stop()
        journal.close()
    assert reactor.crash is None
    assert len(engine.ran) == len(set(engine.ran)), "an attempt was shipped twice"


def test_a_question_that_raises_a_timeout_is_answered_with_it(tmp_path: Path) -> None:
    journal = JournalWriter(tmp_path, _fail)
    reactor = Reactor(Core(), journal)
    reactor.start(Unruly(reactor, 0, 0.0))

    def question() -> None:
        raise TimeoutError("the question's own")

    try:
        with pytest.raises(TimeoutError, match="the question's own"):
            reactor.ask(question)
    finally:
        reactor.stop()
        journal.close()


def test_what_was_closed_a_moment_before_is_not_called(tmp_path: Path) -> None:
    journal = JournalWriter(tmp_path, _fail)
    reactor = Reactor(Core(), journal)
    reactor.start(Unruly(reactor, 0, 0.0))
    pairs = [socket.socketpair() for _ in range(2)]
    called: list[int] = []

    def ready(number: int) -> None:
        called.append(number)
        for near, _ in pairs:
            reactor.unwatch(near.fileno())

    def watch() -> None:
        for number, (near, far) in enumerate(pairs):
            reactor.watch(near.fileno(), lambda number=number: ready(number))
            far.send(b"both can be read at once")

    try:
        reactor.ask(watch)
        while not called:
            reactor.ask(lambda: None)
        reactor.ask(lambda: None)
    finally:
        reactor.stop()
        journal.close()
        for one in chain(*pairs):
            one.close()
    assert len(called) == 1
