"""The engine `dask` with real schedulers and workers on this machine."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import ssl
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.resource.engines.dask.conftest import Place, Rig

from pilot_quantum.resource.engines.events import EngineEnded, Revoked, WorkerUp

pytestmark = pytest.mark.requires("dask")

Rigs = Callable[..., Rig]


def twice(value: int) -> int:
    return 2 * value


def test_values_come_back_with_their_tasks(rig: Rig) -> None:
    first, second = rig.workers()
    keys = rig.ship(first, twice, *((n,) for n in range(500))) + rig.ship(second, twice, *((n,) for n in range(500)))
    assert rig.values(keys) == [2 * n for n in range(500)] * 2
    assert sorted(rig.outcomes()) == keys
    assert not rig.doubled


def test_a_bundle_runs_in_the_process_of_its_worker_and_in_order(rig: Rig) -> None:
    def where(_: int) -> tuple[int, float]:
        return os.getpid(), __import__("time").monotonic()

    for up in rig.of(WorkerUp):
        results = rig.values(rig.ship(up.worker, where, (1,), (2,), (3,)))
        assert {pid for pid, _ in results} == {up.pid}
        assert results == sorted(results)


def test_what_a_task_raises_comes_back_and_the_rest_of_the_bundle_runs(rig: Rig) -> None:
    def divide(value: int) -> float:
        return 1 / value

    keys = rig.ship(rig.workers()[0], divide, (1,), (0,), (2,))
    assert [rig.values([keys[0]]), rig.values([keys[2]])] == [[1.0], [0.5]]
    outcome, payload, _ = rig.rows[keys[1]]
    assert not outcome[4]
    blob = pickle.loads(payload)[0]
    assert isinstance(pickle.loads(blob), ZeroDivisionError)
    assert b"tblib" not in blob, "where it is rebuilt there may be no Dask"


def test_a_task_that_asks_to_exit_is_a_task_that_failed(rig: Rig) -> None:
    keys = rig.ship(rig.workers()[0], sys.exit, (3,), (4,))
    rig.until(lambda: rig.done(keys))
    assert [rig.rows[key][0][4] for key in keys] == [False, False]
    assert rig.values(rig.ship(rig.workers()[0], twice, (1,))) == [2]


def test_each_row_carries_what_its_task_printed(rig: Rig) -> None:
    def talk(words: str) -> None:
        print(words)
        os.write(2, words.encode())

    keys = rig.ship(rig.workers()[0], talk, ("one",), ("two",))
    rig.until(lambda: rig.done(keys))
    assert [rig.rows[key][2] for key in keys] == [(b"one\n", b"one"), (b"two\n", b"two")]


def test_tasks_run_on_the_main_thread(rig: Rig) -> None:
    def handles_signals() -> bool:
        return signal.signal(signal.SIGUSR1, signal.SIG_DFL) is not None

    assert rig.values(rig.ship(rig.workers()[0], handles_signals, ())) == [True]


def wait_for_file(path: str) -> str:
    import time
    from pathlib import Path

    while not Path(path).exists():
        time.sleep(0.005)
    return path


def test_a_long_task_is_announced_and_what_ended_before_it_is_reported(rig: Rig, tmp_path: Path) -> None:
    first, gate = tmp_path / "first", tmp_path / "gate"
    first.touch()
    keys = rig.ship(rig.workers()[0], wait_for_file, (str(first),), (str(gate),))
    rig.until(lambda: rig.began(keys[1]) and rig.done(keys[:1]))
    assert not rig.done(keys)
    gate.touch()
    rig.until(lambda: rig.done(keys))
    assert rig.outcomes() == keys
    assert not rig.doubled


def test_what_has_not_begun_in_a_long_bundle_is_taken_back(rig: Rig, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    worker = rig.workers()[0]
    keys = rig.ship(worker, wait_for_file, *((str(gate),),) * 4)
    later = rig.ship(worker, twice, (1,), (2,))  # behind it, in a bundle that Dask has not begun
    rig.until(lambda: rig.began(keys[0]))
    rig.call(rig.engine.revoke, worker, [keys[0], *keys[2:], later[0]])
    rig.until(lambda: bool(rig.of(Revoked)))
    assert rig.of(Revoked)[0].items == [*keys[2:], later[0]]
    gate.touch()
    rig.until(lambda: rig.done([*keys[:2], later[1]]))
    assert rig.values(rig.ship(worker, twice, (3,))) == [6]
    assert not {*keys[2:], later[0]} & rig.rows.keys()


def test_a_killed_worker_is_lost_and_replaced_and_its_rest_is_not_run(rig: Rig, tmp_path: Path) -> None:
    gate, mark = tmp_path / "gate", tmp_path / "mark"

    def touch(path: str) -> None:
        Path(path).touch()

    worker, other = rig.workers()
    keys = rig.ship(worker, wait_for_file, (str(gate),))
    rig.ship(worker, touch, (str(mark),))
    rig.until(lambda: rig.began(keys[0]))
    rig.call(rig.engine.kill, worker, "its time is up")
    rig.until(lambda: len(rig.ups(worker)) == 2)
    assert [event.cause for event in rig.lost(worker)] == ["its time is up"]
    assert rig.ups(worker)[0].pid != rig.ups(worker)[1].pid
    assert rig.values(rig.ship(worker, twice, (1,))) == [2]
    assert rig.values(rig.ship(other, twice, (2,))) == [4]
    assert not mark.exists()
    assert keys[0] not in rig.rows


def test_a_worker_that_dies_by_itself_is_replaced_and_what_it_had_reported_counts(rig: Rig) -> None:
    worker = rig.workers()[0]

    def die(value: int) -> int:
        if value == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        __import__("time").sleep(0.01)  # long enough to be reported by itself
        return value

    keys = rig.ship(worker, die, (0,), (1,), (2,), (3,))
    rig.until(lambda: len(rig.ups(worker)) == 2)
    assert "SIGKILL" in rig.lost(worker)[0].cause
    assert set(rig.rows) <= set(keys[:2])
    assert keys[0] in rig.rows
    assert rig.values(rig.ship(worker, twice, (5,))) == [10]


def test_when_the_scheduler_is_killed_the_engine_ends_and_nothing_is_left(rig: Rig, tmp_path: Path) -> None:
    rig.ship(rig.workers()[0], wait_for_file, (str(tmp_path / "never"),))
    os.kill(rig.hosts[0].processes["dask-scheduler"].pid, signal.SIGKILL)
    rig.until(lambda: bool(rig.of(EngineEnded)))
    (ended,) = rig.of(EngineEnded)
    assert ended.failed
    assert "SIGKILL" in ended.cause
    assert rig.alive() == []


def test_stopping_ends_every_process(rig: Rig, tmp_path: Path) -> None:
    rig.ship(rig.workers()[0], wait_for_file, (str(tmp_path / "never"),))
    rig.call(rig.engine.stop, "enough")
    rig.until(lambda: bool(rig.of(EngineEnded)))
    assert rig.of(EngineEnded) == [EngineEnded("p", "enough")]
    assert rig.alive() == []


def test_stopping_before_anything_is_up_ends_every_process(rigs: Rigs) -> None:
    rig = rigs()
    rig.call(rig.engine.start)
    rig.call(rig.engine.stop, "changed my mind")
    rig.until(lambda: bool(rig.of(EngineEnded)))
    assert rig.alive() == []


def test_workers_end_with_a_silent_engine(rig: Rig) -> None:
    seats = list(rig.engine._seats.values())  # type: ignore[attr-defined]
    processes = [psutil.Process(seat.pid) for seat in seats]
    for seat in seats:
        rig.call(seat.stream.close)
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert not alive


def test_a_worker_gets_a_new_process_for_other_gpus_and_nobody_hears_of_it(rig: Rig) -> None:
    def seen() -> tuple[str, int]:
        return os.environ["CUDA_VISIBLE_DEVICES"], os.getpid()

    worker = rig.workers()[0]
    (none,) = rig.values(rig.ship(worker, seen, ()))
    (first,) = rig.values(rig.ship(worker, seen, (), gpus=(0,)))
    (same,) = rig.values(rig.ship(worker, seen, (), gpus=(0,)))
    assert [none[0], first[0]] == ["", "0"]
    assert none[1] != first[1]
    assert same == first
    assert not rig.lost(worker)
    assert len(rig.ups(worker)) == 1


def test_a_gang_s_lead_is_told_its_nodes(rigs: Rigs) -> None:
    rig = rigs(cores=1, places=(Place(), Place())).start()

    def hosts() -> str:
        return os.environ["PILOT_QUANTUM_HOSTS"]

    assert sorted(rig.workers()) == ["p/0.0", "p/1.0"]
    assert rig.values(rig.ship("p/1.0", hosts, (), nodes=(1, 0))) == ["here-1,here-0"]


def test_two_engines_side_by_side_know_nothing_of_each_other(rigs: Rigs) -> None:
    one, two = rigs().start(), rigs().start()
    assert one.values(one.ship("p/0.0", twice, (1,))) == [2]
    one.call(one.engine.stop, "done")
    one.until(lambda: bool(one.of(EngineEnded)))
    assert two.values(two.ship("p/0.0", twice, (2,))) == [4]
    assert len(two.alive()) == 3


def test_users_settings_of_dask_change_nothing(rigs: Rigs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config"
    config.mkdir()
    (config / "mine.yaml").write_text(
        "distributed: {scheduler: {preload: [no_such_module]}, worker: {preload: [no_such_module]}}\n"
    )
    monkeypatch.setenv("DASK_CONFIG", str(config))
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION", "False")
    rig = rigs().start()
    assert rig.values(rig.ship(rig.workers()[0], twice, (1,))) == [2]


def test_workers_that_cannot_start_end_the_engine_with_their_words(rigs: Rigs, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = rigs(cores=1)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    rig.call(rig.engine.start)
    rig.until(lambda: bool(rig.of(EngineEnded)))
    (ended,) = rig.of(EngineEnded)
    assert ended.failed
    assert "exited with code 1" in ended.cause


# Who is let in.


def _ports(rig: Rig) -> list[int]:
    pids = [popen.pid for popen in rig.hosts[0].processes.values()]
    return [
        connection.laddr.port
        for pid in [*pids, os.getpid()]
        for connection in psutil.Process(pid).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]


def _is_let_in(rig: Rig, url: str, security: Any) -> bool:
    from distributed.comm.core import connect

    async def try_it() -> bool:
        try:
            comm = await connect(url, timeout=3, **security.get_connection_args("client"))
        except OSError:
            return False
        comm.abort()
        return True

    return rig.asyncio.run_until_complete(try_it())


def test_only_who_has_the_key_of_this_very_cluster_is_let_in(rig: Rig) -> None:
    from distributed import Security

    from pilot_quantum.resource.engines.dask.identity import Identity

    engine: Any = rig.engine
    urls = [engine._scheduler_port.url, engine._engine_port.url, *(seat.address for seat in engine._seats.values())]
    for url in urls:
        assert _is_let_in(rig, url, engine._identity.security())
        assert not _is_let_in(rig, url, Identity.fresh().security())
        assert not _is_let_in(rig, url.replace("tls://", "tcp://"), Security(require_encryption=False))


def test_every_port_speaks_tls_and_wants_a_certificate(rig: Rig) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    ports = _ports(rig)
    assert len(ports) == 4, "scheduler, two workers, engine; no web server"

    async def greet(port: int, tls: ssl.SSLContext | None) -> bytes:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
            writer.write(b"GET / HTTP/1.0\r\n\r\n")
            data = await asyncio.wait_for(reader.read(100), 5)
            writer.close()
        except (OSError, TimeoutError):
            return b""
        return data

    for port in ports:
        assert rig.asyncio.run_until_complete(greet(port, context)) == b""
        answer = rig.asyncio.run_until_complete(greet(port, None))
        assert answer[:1] in (b"", b"\x15"), "a TLS alert at most"


def test_no_secret_is_on_a_command_line_nor_seen_by_a_task(rig: Rig) -> None:
    def environment() -> str:
        return repr(dict(os.environ))

    (seen,) = rig.values(rig.ship(rig.workers()[0], environment, ()))
    key = rig.engine._identity.key  # type: ignore[attr-defined]
    line = key.splitlines()[1]
    assert line not in seen
    assert not any(line in word for arguments in rig.hosts[0].arguments for word in arguments)
    assert line not in repr(rig.engine.__dict__)


def test_its_files_are_private(rig: Rig) -> None:
    assert stat.S_IMODE(rig.hosts[0].directory.stat().st_mode) == 0o700
    assert all(rig.hosts[0].directory in path.parents for path in rig.hosts[0].directory.rglob("*"))
