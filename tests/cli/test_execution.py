"""How requests are run and what becomes of the rest when one fails or the user stops, without processes or time."""

from __future__ import annotations

import io
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from pilot_quantum.cli.execution import execute
from pilot_quantum.cli.progress import PilotLine, PlainProgress, Snapshot
from pilot_quantum.cli.request import Request, requests
from pilot_quantum.errors import CircuitError, CircuitTooLargeError
from pilot_quantum.resource.profile import ResourceProfile
from pilot_quantum.task.options import TaskOptions

pytestmark = pytest.mark.requires("aer")

HEAD = 'OPENQASM 2.0;\ninclude "qelib1.inc";\n'


class InlineFuture(Future):
    """A future with a task's id."""

    def __init__(self, id: int) -> None:
        super().__init__()
        self.id = id


class InlineSession:
    """Runs every task where it is submitted, except the named ones, which fail or never end."""

    def __init__(self, failing: str = "", endless: str = "") -> None:
        self.failing, self.endless = failing, endless
        self.submitted: list[str] = []
        self.memory = 2**34
        self.pilots = ()

    def resources(self) -> tuple[ResourceProfile, ...]:
        return (ResourceProfile("local-1", 1, 1, 0, 0, self.memory, frozenset({"simulator"})),)

    def with_options(self, **options: Any) -> InlineSubmitter:
        return InlineSubmitter(self, TaskOptions().changed(**options))

    def cancel(self, *futures: InlineFuture) -> None:
        for future in futures:
            future.cancel()


class InlineSubmitter:
    def __init__(self, session: InlineSession, options: TaskOptions) -> None:
        self.session, self.options = session, options

    def with_options(self, **options: Any) -> InlineSubmitter:
        return InlineSubmitter(self.session, self.options.changed(**options))

    def submit(self, fn: Any, /, *args: Any) -> InlineFuture:
        self.session.submitted.append(str(self.options.name))
        future = InlineFuture(len(self.session.submitted))
        if self.options.name == self.session.failing:
            future.set_exception(ValueError("as told"))
        elif self.options.name != self.session.endless:
            future.set_result(fn(*args))
        return future


@pytest.fixture
def asked(tmp_path: Path) -> tuple[Request, ...]:
    """Z0 of three circuits: +1, -1 and +1."""
    for name, gate in (("a", "z"), ("b", "x"), ("c", "id")):
        (tmp_path / f"{name}.qasm").write_text(f"{HEAD}qreg q[2];\n{gate} q[0];\n")
    return requests([tmp_path / f"{name}.qasm" for name in "abc"], ["Z0"], None, None)


def quiet() -> PlainProgress:
    return PlainProgress(io.StringIO())


def states(execution: Any) -> list[str]:
    return [one.outcome.state for one in execution.finished]


def test_every_request_yields_its_own_value(asked: tuple[Request, ...]):
    execution = execute(InlineSession(), asked, None, quiet())
    assert [one.outcome.values[0].value for one in execution.finished] == pytest.approx([1, -1, 1])
    assert [sorted(one.tasks) for one in execution.finished] == [[1], [2], [3]]


def test_a_failed_circuit_does_not_stop_the_others(asked: tuple[Request, ...]):
    execution = execute(InlineSession(failing="b.qasm"), asked, None, quiet())
    assert states(execution) == ["done", "failed", "done"]
    assert execution.finished[1].outcome.error == "ValueError: as told"
    assert not execution.interrupted


def test_ctrl_c_keeps_what_has_ended(asked: tuple[Request, ...]):
    def stop(snapshot: Snapshot) -> None:
        assert (snapshot.done, snapshot.total) == (2, 3)
        raise KeyboardInterrupt

    execution = execute(InlineSession(endless="b.qasm"), asked, None, quiet(), stop)
    assert states(execution) == ["done", "cancelled", "done"]
    assert execution.interrupted


def test_ctrl_c_between_two_submissions_is_the_same(asked: tuple[Request, ...]):
    class Stopped(InlineSession):
        def with_options(self, **options: Any) -> InlineSubmitter:
            if options["name"] == "b.qasm":
                raise KeyboardInterrupt
            return super().with_options(**options)

    execution = execute(Stopped(), asked, None, quiet())
    assert states(execution) == ["done", "cancelled", "cancelled"]


def test_a_circuit_that_no_pilot_holds_is_refused_before_anything_is_submitted(asked: tuple[Request, ...]):
    session = InlineSession()
    session.memory = 2**20
    with pytest.raises(CircuitTooLargeError, match=r"a\.qasm.*1 MiB"):
        execute(session, asked, None, quiet())
    assert session.submitted == []


def test_a_register_that_the_result_cannot_name_is_refused_with_its_file(tmp_path: Path):
    (tmp_path / "r.qasm").write_text(f"{HEAD}qreg q[1];\ncreg shape[1];\nmeasure q[0] -> shape[0];\n")
    session = InlineSession()
    with pytest.raises(CircuitError, match=r"r\.qasm.*'shape'"):
        execute(session, requests([tmp_path / "r.qasm"], [], None, None), None, quiet())
    assert session.submitted == []


def test_progress_tells_the_half_way_point_exactly(asked: tuple[Request, ...]):
    seen: list[int] = []
    execute(InlineSession(), asked, None, quiet(), lambda snapshot: seen.append(snapshot.done))
    assert seen[-1] == 3


def test_plain_progress_is_a_line_now_and_then_and_when_a_pilot_changes():
    now = iter([0.0, 1.0, 2.0, 3.0, 9.0])
    stream = io.StringIO()
    progress = PlainProgress(stream, lambda: next(now))
    starting, active = (PilotLine("local-1", "starting"),), (PilotLine("local-1", "active"),)
    progress.update(Snapshot(0, 0, 20, starting))
    progress.update(Snapshot(1, 0, 20, starting))  # too soon
    progress.update(Snapshot(6, 0, 20, active))
    progress.update(Snapshot(18, 1, 20, active))
    assert stream.getvalue().splitlines() == [
        "0/20 tasks; local-1 starting",
        "6/20 tasks; 2/s, about 7 s left; local-1 active",
        "18/20 tasks; 1 failed; 2/s, about 1 s left; local-1 active",
    ]
