"""The engine `ray` on a real cluster of this machine: one for the module, others where a test ends it."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from tests.resource.engines.ray.conftest import HereHost, Rig

from pilot_quantum.resource.engines.events import Began, EngineEnded, NodesLost, Revoked, WorkerLost, WorkerUp

pytestmark = pytest.mark.requires("ray")


@pytest.fixture(scope="module")
def rig(rigs: Callable[..., Rig]) -> Rig:
    return rigs().start()


def add(a: int, b: int) -> int:
    return a + b


def fail(word: str) -> None:
    raise ValueError(word)


def speak(word: str) -> str:
    print(word)
    print(word.upper(), file=sys.stderr)
    os.system(f"echo {word} of a child")
    return word


def wait_for(path: str) -> str:
    while not os.path.exists(path):
        time.sleep(0.005)
    return path


def surroundings(_: int = 0) -> dict[str, str]:
    return dict(os.environ)


def thread(_: int) -> int:
    return threading.get_ident()


def detach(path: str) -> None:
    """Start a process that leaves session and parent behind, note its id, and go on for ever."""
    sleeper = f"{sys.executable} -c 'import time; time.sleep(1000)' & echo $! > {path}.new; mv {path}.new {path}"
    subprocess.Popen(["/bin/sh", "-c", sleeper], start_new_session=True)
    while True:
        time.sleep(1)


def die() -> None:
    os.kill(os.getpid(), 9)


def process(_: int) -> int:
    return os.getpid()


def note(path: str, number: int) -> int:
    with open(path, "a") as file:
        file.write(f"{number}\n")
    return number


def big(size: int) -> bytes:
    return b"x" * size


def test_each_task_has_its_own_value_in_a_bundle_and_over_both_workers(rig: Rig) -> None:
    first = rig.ship(add, *[(i, 1) for i in range(300)])
    second = rig.ship(add, *[(i, 2) for i in range(300)], worker="p/0.1")
    assert rig.values(first) == [i + 1 for i in range(300)]
    assert rig.values(second) == [i + 2 for i in range(300)]


def test_an_exception_belongs_to_its_task_alone(rig: Rig) -> None:
    (bad,) = rig.ship(fail, ("no luck",))
    (good,) = rig.ship(add, (1, 1))
    error = rig.values([bad])[0]
    assert rig.rows[bad][0][4] is False
    assert isinstance(pickle.loads(error[0]), ValueError)
    assert "no luck" in error[2]
    assert rig.values([good]) == [2]


def test_what_a_task_and_its_children_print_comes_with_its_row(rig: Rig) -> None:
    keys = rig.ship(speak, ("one",), ("two",))
    rig.values(keys)
    assert [rig.rows[key][2] for key in keys] == [
        (b"one\none of a child\n", b"ONE\n"),
        (b"two\ntwo of a child\n", b"TWO\n"),
    ]


def test_arguments_and_results_of_many_megabytes_arrive(rig: Rig) -> None:
    assert [len(value) for value in rig.values(rig.ship(big, (5_000_000,), (1,)))] == [5_000_000, 1]
    assert rig.values(rig.ship(len, (b"y" * 7_000_000,))) == [7_000_000]


def test_all_tasks_of_a_worker_run_in_one_thread(rig: Rig) -> None:
    seen = {value for _ in range(5) for value in rig.values(rig.ship(thread, (0,), (1,)))}
    assert len(seen) == 1


def test_a_long_task_is_announced_and_what_waits_behind_it_can_be_taken_back(rig: Rig, tmp_path: Path) -> None:
    go = tmp_path / "go"
    quick = rig.ship(add, (1, 2))
    long, *behind = rig.ship(wait_for, *[(str(go),)] * 4)
    later = rig.ship(add, (3, 4), (5, 6))  # on its way: Ray queues it behind the bundle that runs
    rig.until(lambda: any((event.task, event.attempt) == long for event in rig.of(Began)))
    before = len(rig.of(Revoked))
    rig.call(rig.engine.revoke, "p/0.0", [*quick, long, *behind[1:], later[1]])
    rig.until(lambda: len(rig.of(Revoked)) > before)
    assert set(rig.of(Revoked)[-1].items) == {*behind[1:], later[1]}
    go.touch()
    assert rig.values([long, behind[0], later[0]]) == [str(go), str(go), 7]
    assert not rig.finished & {*behind[1:], later[1]}


def test_what_has_ended_is_told_while_a_long_task_of_its_bundle_runs(rig: Rig, tmp_path: Path) -> None:
    now, go = tmp_path / "now", tmp_path / "go"
    now.touch()
    first, last = rig.ship(wait_for, (str(now),), (str(go),))
    assert rig.values([first]) == [str(now)]
    assert last not in rig.finished
    go.touch()
    rig.values([last])


def test_a_killed_worker_ends_with_what_its_task_had_detached_and_a_new_one_comes(rig: Rig, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    rig.ship(detach, (str(note),))
    rig.until_exists(note)
    detached = psutil.Process(int(note.read_text()))
    ups, losses = len(rig.of(WorkerUp)), len(rig.of(WorkerLost))
    rig.call(rig.engine.kill, "p/0.0", "its time is over")
    rig.until(lambda: len(rig.of(WorkerUp)) > ups)
    assert [(event.worker, event.cause) for event in rig.of(WorkerLost)[losses:]] == [("p/0.0", "its time is over")]
    detached.wait(10)
    assert rig.values(rig.ship(add, (1, 1))) == [2]


def test_a_worker_that_dies_is_told_of_with_how_and_replaced(rig: Rig) -> None:
    ups, losses = len(rig.of(WorkerUp)), len(rig.of(WorkerLost))
    rig.ship(die, (), worker="p/0.1")
    rig.until(lambda: len(rig.of(WorkerUp)) > ups)
    (lost,) = rig.of(WorkerLost)[losses:]
    assert lost.worker == "p/0.1"
    assert "process" in lost.cause
    assert "\n" not in lost.cause
    assert rig.values(rig.ship(add, (2, 2), worker="p/0.1")) == [4]


def test_gpus_and_threads_are_those_of_the_slot_and_other_gpus_need_another_process(rig: Rig) -> None:
    (plain,) = rig.values(rig.ship(surroundings, (0,), worker="p/0.1", cores=3))
    assert plain["CUDA_VISIBLE_DEVICES"] == ""
    assert plain["OMP_NUM_THREADS"] == "3"
    (before,) = rig.values(rig.ship(process, (0,), worker="p/0.1"))
    (first,) = rig.values(rig.ship(surroundings, (0,), worker="p/0.1", gpus=(1,)))
    assert first["CUDA_VISIBLE_DEVICES"] == "1"
    (after,) = rig.values(rig.ship(process, (0,), worker="p/0.1", gpus=(1,)))
    assert after != before


def test_the_lead_of_a_gang_is_told_its_hosts_and_the_next_task_is_not(rig: Rig) -> None:
    (lead,) = rig.values(rig.ship(surroundings, (0,), nodes=(0,)))
    assert lead["PILOT_QUANTUM_HOSTS"] == "here-0"
    assert lead["PILOT_QUANTUM_ADDRESSES"] == "127.0.0.1"
    (other,) = rig.values(rig.ship(surroundings, (0,)))
    assert "PILOT_QUANTUM_HOSTS" not in other


def test_nothing_of_the_cluster_listens_beyond_loopback_and_no_secret_is_on_a_command_line(rig: Rig) -> None:
    token = (rig.hosts[0].directory / "token").read_text()
    addresses = set()
    for found in rig.processes():
        assert token not in " ".join(found.cmdline())
        addresses |= {
            connection.laddr.ip
            for connection in found.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        }
    assert addresses <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    assert (rig.hosts[0].directory / "token").stat().st_mode & 0o777 == 0o600


JOIN = """
import os, sys
from pilot_quantum.resource.engines.ray.environment import keep_address, purify
purify(os.environ)
os.environ.update(RAY_AUTH_MODE=sys.argv[2], RAY_NUM_REDIS_GET_RETRIES="2")
if sys.argv[3]:
    os.environ.update(RAY_AUTH_TOKEN=sys.argv[3])
os.environ["HOME"] = "/nonexistent"
import ray
keep_address("127.0.0.1")
ray.init(address=sys.argv[1], _node_ip_address="127.0.0.1", log_to_driver=False)
print("joined", len(ray.nodes()))
"""


def test_who_lacks_the_token_cannot_join(rig: Rig) -> None:
    address = (rig.hosts[0].directory / "r" / "ray_current_cluster").read_text().strip()
    attempts = [
        subprocess.Popen(
            [sys.executable, "-c", JOIN, address, mode, token],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for mode, token in (("disabled", ""), ("token", "0" * 64))
    ]
    for attempt in attempts:
        out, err = attempt.communicate(timeout=90)
        assert attempt.returncode != 0
        assert "joined" not in out
        assert "UNAUTHENTICATED" in err.upper()


def test_two_engines_live_side_by_side_and_the_end_of_one_is_nothing_to_the_other(
    rig: Rig, rigs: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As a user who works with a cluster of their own may have it.
    address = (rig.hosts[0].directory / "r" / "ray_current_cluster").read_text().strip()
    monkeypatch.setenv("RAY_ADDRESS", address)
    monkeypatch.setenv("RAY_TMPDIR", "/nonexistent")
    other = rigs(1).start()
    (theirs,) = other.values(other.ship(surroundings, (0,)))
    (ours,) = rig.values(rig.ship(surroundings, (0,)))
    assert theirs["RAY_RAYLET_PID"] != ours["RAY_RAYLET_PID"]
    head = psutil.Process(other.hosts[0].processes["ray-node"].pid)
    gcs = next(child for child in head.children(recursive=True) if "gcs_server" in child.name())
    other.ship(time.sleep, (1000,))
    gcs.kill()
    other.until(lambda: bool(other.of(EngineEnded)))
    (ended,) = other.of(EngineEnded)
    assert ended.failed
    assert "head" in ended.cause
    assert "gcs_server" in ended.cause
    psutil.wait_procs(other.processes(), 10)
    assert other.processes() == []
    assert rig.values(rig.ship(add, (1, 1))) == [2]


def test_a_node_that_is_lost_takes_its_own_workers_only_and_the_heads_raylet_takes_all(
    rigs: Callable[..., Rig],
) -> None:
    rig = rigs(1, ("127.0.0.1", "127.0.0.1")).start()
    pids = rig.values([*rig.ship(process, (0,), worker="p/0.0"), *rig.ship(process, (0,), worker="p/1.0")])
    raylets = [_raylet(host) for host in rig.hosts]
    assert [psutil.Process(pid).parent().pid for pid in pids] == [raylet.pid for raylet in raylets]  # type: ignore[union-attr]
    raylets[1].kill()
    rig.until(lambda: bool(rig.of(NodesLost)))
    assert [event.nodes for event in rig.of(NodesLost)] == [[1]]
    assert [event.worker for event in rig.of(WorkerLost)] == ["p/1.0"]
    assert rig.values(rig.ship(add, (1, 1))) == [2]
    raylets[0].kill()
    rig.until(lambda: bool(rig.of(EngineEnded)))
    assert rig.of(EngineEnded)[0].failed
    psutil.wait_procs(rig.processes(), 10)
    assert rig.processes() == []


UNRELIABLE = """
import json
from pilot_quantum.resource.engines.ray import {program}, environment
faults = {{"num_failures": 200, "req_failure_prob": 15, "resp_failure_prob": 15, "in_flight_failure_prob": 10}}
if "{program}" == "driver":
    environment.SETTINGS["RAY_testing_rpc_failure"] = json.dumps({{"CoreWorkerService.grpc_client.PushTask": faults}})
environment.SETTINGS |= {{
    "RAY_testing_rpc_failure_avoid_intra_node_failures": "0",
    "RAY_core_worker_internal_heartbeat_ms": "50",
    "RAY_timeout_ms_task_wait_for_death_info": "50",
    "RAY_actor_scheduling_queue_max_reorder_wait_seconds": "2",
}}
{program}.main()
"""
"""The driver, four of ten of whose calls of actors, or their answers, Ray loses at first: its own fault injection.

It waits less than it would (1 s, 1 s, 30 s): before it sends a call again, and at an actor for a call that is missing.
"""


def test_calls_and_answers_that_a_network_loses_cost_no_worker_and_nothing_runs_twice(
    rigs: Callable[..., Rig], tmp_path: Path
) -> None:
    rig = rigs(2)
    for program in ("driver", "node"):
        rig.hosts[0].instead[f"ray-{program}"] = [sys.executable, "-c", UNRELIABLE.format(program=program)]
    rig.start()
    log, go = tmp_path / "log", tmp_path / "go"
    workers = ("p/0.0", "p/0.1")
    keys = [
        key
        for n in range(60)
        for key in rig.ship(note, (str(log), 2 * n), (str(log), 2 * n + 1), worker=workers[n % 2])
    ]
    assert rig.values(keys) == list(range(120))
    assert sorted(map(int, log.read_text().split())) == list(range(120))
    for worker in workers:
        long, *behind = rig.ship(wait_for, *[(str(go),)] * 4, worker=worker)
        rig.until(lambda long=long: any((event.task, event.attempt) == long for event in rig.of(Began)))  # type: ignore[misc]
        before = len(rig.of(Revoked))
        rig.call(rig.engine.revoke, worker, behind)
        rig.until(lambda before=before: len(rig.of(Revoked)) > before)  # type: ignore[misc]
        assert set(rig.of(Revoked)[-1].items) == set(behind)
    go.touch()
    assert rig.of(WorkerLost) == []
    assert len(rig.of(WorkerUp)) == 2
    assert not rig.doubled


def test_the_end_leaves_no_process_no_token_and_no_session_directory(rig: Rig) -> None:
    """The module's last: it stops the cluster that the others have used."""
    rig.ship(time.sleep, (1000,))
    rig.call(rig.engine.stop, "enough")
    rig.until(lambda: bool(rig.of(EngineEnded)))
    assert rig.of(EngineEnded) == [EngineEnded("p", "enough", failed=False)]
    psutil.wait_procs(rig.processes(), 10)
    assert rig.processes() == []
    assert {path.suffix for path in rig.hosts[0].directory.iterdir()} <= {".log"}


def _raylet(host: HereHost) -> psutil.Process:
    return next(child for child in host.descendants("ray-node") if child.name() == "raylet")
