"""Rows run outside our own worker: what they return, print and know."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pilot_quantum.resource import payload
from pilot_quantum.resource.agent.capture import LONGEST, Contents
from pilot_quantum.resource.agent.runner import PATH, Runner


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner[Any]]:
    places = os.dup(1), os.dup(2)
    yield Runner(Contents(tmp_path))
    for place, saved in enumerate(places, 1):
        os.dup2(saved, place)
        os.close(saved)


def _add(
    runner: Runner[Any], fn: Callable[..., Any], *calls: tuple[Any, ...], first: int = 1, hosts: tuple[str, ...] = ()
) -> None:
    digest = str(id(fn))
    runner.know(digest, payload.dump_code(fn))
    assert runner.knows(digest)
    rows = [(number, 1, payload.dump((args, {})), ()) for number, args in enumerate(calls, first)]
    runner.add(digest, 1, "", hosts, rows)


def test_rows_are_run_one_by_one_in_order(runner: Runner[Any]) -> None:
    _add(runner, divmod, (7, 2), (9, 0))
    assert runner.pending == 2
    first, second = runner.run_next(), runner.run_next()
    assert first is not None
    assert second is not None
    assert pickle.loads(first[1]) == (3, 1)
    assert (first[0][:2], first[0][4], second[0][:2], second[0][4]) == ((1, 1), True, (2, 1), False)
    assert pickle.loads(second[1])[1] == "builtins.ZeroDivisionError"
    assert runner.run_next() is None


def test_what_a_row_prints_comes_with_it(runner: Runner[Any], tmp_path: Path) -> None:
    def speak(word: str) -> None:
        print("out", word)
        print("err", word, file=sys.stderr)
        subprocess.run(["echo", f"child {word}"], check=True)

    def silent() -> None:
        pass

    def much() -> None:
        sys.stdout.write("x" * LONGEST + "end")

    def close() -> None:
        print("before", flush=True)
        sys.stdout.close()

    _add(runner, speak, ("one",), ("two",))
    _add(runner, silent, (), first=3)
    _add(runner, much, (), first=4)
    _add(runner, close, (), first=5)
    _add(runner, speak, ("six",), first=6)
    rows = {}
    while (row := runner.run_next()) is not None:
        rows[row[0][0]] = row
    assert rows[1][2] == (b"out one\nchild one\n", b"err one\n")
    assert rows[2][2] == (b"out two\nchild two\n", b"err two\n")
    assert rows[3][2] is None
    assert rows[4][2] is not None
    assert len(rows[4][2][0]) == LONGEST
    assert rows[4][2][0].endswith(b"xend")
    assert rows[5][2] == (b"before\n", b"")
    assert rows[6][2] == (b"out six\nchild six\n", b"err six\n")
    assert list(tmp_path.iterdir()) == []


def test_what_has_not_begun_can_be_withdrawn_while_a_row_runs(runner: Runner[Any]) -> None:
    began, go = threading.Event(), threading.Event()
    back: list[Any] = []

    def ask() -> None:
        began.wait(30)
        back.append(runner.current)
        back.append(runner.withdraw([(1, 1), (2, 1), (3, 1), (9, 1)]))
        go.set()

    module = sys.modules[__name__]
    module.gate = (began, go)  # type: ignore[attr-defined]
    other = threading.Thread(target=ask)
    other.start()
    _add(runner, _through_gate, (), (), ())
    assert runner.run_next() is not None
    other.join()
    assert back[0][:2] == (1, 1)
    assert back[1] == [(2, 1), (3, 1)]
    assert runner.run_next() is None
    assert runner.current is None


def _through_gate() -> None:
    began, go = sys.modules[__name__].gate  # type: ignore[attr-defined]
    began.set()
    go.wait(30)


def test_a_gang_is_told_its_nodes_and_the_next_row_is_not(runner: Runner[Any]) -> None:
    def told() -> Any:
        return os.environ.get("PILOT_QUANTUM_HOSTS"), os.environ.get("PILOT_QUANTUM_ADDRESSES")

    _add(runner, told, (), hosts=("a=10.0.0.1", "b=10.0.0.2"))
    _add(runner, told, (), first=2)
    one, two = runner.run_next(), runner.run_next()
    assert one is not None
    assert two is not None
    assert pickle.loads(one[1]) == ("a,b", "10.0.0.1,10.0.0.2")
    assert pickle.loads(two[1]) == (None, None)


def test_the_users_modules_come_first_once_there_is_a_runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PATH, f"{tmp_path}{os.pathsep}")
    monkeypatch.setattr(sys, "path", list(sys.path))
    Runner(Contents(tmp_path))
    assert sys.path[0] == str(tmp_path)
