"""The engine `dask` over several hosts, each with an address and processes of its own."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.resource.engines.dask.conftest import Place, Rig
from tests.services.running import RunningHosts

from pilot_quantum.resource.engines.events import EngineEnded

pytestmark = pytest.mark.requires("dask", "hosts")


@pytest.fixture
def spread(rigs: Callable[..., Rig], hosts: RunningHosts) -> Rig:
    """One worker here, beside the scheduler, and one on each of two hosts."""
    far = [Place(hosts.address(name), tuple(hosts.enter(name))) for name in ("h1", "h2")]
    return rigs(cores=1, places=[Place(hosts.root_address), *far]).start()


def test_each_node_s_worker_runs_on_its_host(spread: Rig) -> None:
    def where() -> str:
        return socket.gethostname()

    names = [spread.values(spread.ship(f"p/{node}.0", where, ()))[0] for node in range(3)]
    assert names[1:] == ["h1", "h2"]
    assert names[0] not in names[1:]


def test_values_of_all_hosts_come_back_once(spread: Rig) -> None:
    def twice(value: int) -> int:
        return 2 * value

    keys = [key for node in range(3) for key in spread.ship(f"p/{node}.0", twice, *((n,) for n in range(300)))]
    assert spread.values(keys) == [2 * n for n in range(300)] * 3
    assert sorted(spread.outcomes()) == keys
    assert not spread.doubled


def test_a_worker_that_dies_on_another_host_is_replaced_there(spread: Rig) -> None:
    def die() -> None:
        os.kill(os.getpid(), 9)

    def where() -> str:
        return socket.gethostname()

    spread.ship("p/2.0", die, ())
    spread.until(lambda: len(spread.ups("p/2.0")) == 2)
    assert len(spread.lost("p/2.0")) == 1
    assert spread.values(spread.ship("p/2.0", where, ())) == ["h2"]


def test_nothing_is_left_on_any_host_when_the_scheduler_is_killed(
    spread: Rig, hosts: RunningHosts, tmp_path: Path
) -> None:
    spread.hosts[0].kill("dask-scheduler")
    spread.until(lambda: bool(spread.of(EngineEnded)))
    assert spread.of(EngineEnded)[0].failed
    assert spread.alive() == []
    left = [process for name in ("h1", "h2") for process in hosts.processes(name) if process.mentions(str(tmp_path))]
    assert left == []
