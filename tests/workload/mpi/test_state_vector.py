"""The example: a state vector over ranks is the one of a single process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import pilot_quantum as pq

LIMIT = 60.0
EXAMPLES = Path(__file__).parents[3] / "examples"

pytestmark = pytest.mark.requires("mpi4py")


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    yield import_module("mpi_state_vector")
    sys.modules.pop("mpi_state_vector", None)


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_ranks_compute_what_one_process_computes(example, tmp_path, ranks):
    with pq.Session(tmp_path / "session") as session:
        session.add_pilot("local://?cores=4")
        found = session.submit_mpi(example.expectations, 9, 3, ranks=ranks).result(LIMIT)
    assert found == pytest.approx(example.reference(9, 3), abs=1e-12)


def test_the_example_says_how_exact_it_is(example, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["mpi_state_vector.py", "6", "2"])
    with pq.Session(tmp_path / "session") as session:
        session.add_pilot("local://?cores=3")
        example.main(session)
    assert float(capsys.readouterr().out.rsplit(maxsplit=1)[1]) < 1e-12
