"""The guard: forks and ends workers, with all that they started, and nothing else."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from pilot_quantum.resource.agent.client import GuardClient
from pilot_quantum.resource.agent.marks import MARK, mark_of

Start = Callable[..., Any]


def gone(*pids: int) -> bool:
    """Whether none of these processes runs any more (a zombie does not run)."""
    return all(not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE for pid in pids)


def _guard_pid(guard: GuardClient) -> int:
    return guard._process.pid


def _make_spawner() -> Callable[[str], int]:
    def spawn(how: str) -> int:
        """Start a process that sleeps, as a child, in a session of its own, or detached by two forks; its id."""
        import os
        import subprocess
        import sys
        import time

        sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
        if how == "child":
            return subprocess.Popen(sleep).pid
        if how == "session":
            return subprocess.Popen(sleep, start_new_session=True).pid
        code = (
            "import os, subprocess, sys; os.setsid(); "
            "print(subprocess.Popen(sys.argv[1:], stdout=2, start_new_session=True).pid, flush=True)"
        )
        del os, time
        return int(subprocess.run([sys.executable, "-c", code, *sleep], stdout=-1, check=True).stdout)

    return spawn


KINDS = ("child", "session", "detached")


def test_a_worker_leads_a_session_of_its_own_and_holds_nothing_of_the_guard(start: Start, guard: GuardClient) -> None:
    def look() -> tuple[int, int, list[str]]:
        import contextlib
        import os

        names = []
        for fd in os.listdir("/proc/self/fd"):
            with contextlib.suppress(FileNotFoundError):  # the one of this listing
                names.append(os.readlink(f"/proc/self/fd/{fd}"))
        return os.getsid(0), os.getpgrp(), names

    worker = start()
    worker.give(look, ())
    sid, pgrp, names = worker.results(1)[1]
    assert sid == pgrp == worker.pid
    assert sum(name.startswith("socket:") for name in names) == 1  # its link; not the guard's control socket
    assert not any("anon_inode" in name for name in names)  # not the guard's selector or its handle on the session
    assert os.getsid(worker.pid) != os.getsid(0)
    assert psutil.Process(worker.pid).ppid() == _guard_pid(guard)


def test_a_worker_that_ends_is_told_in_words(start: Start, loop: Any) -> None:
    workers = [start() for _ in range(3)]
    pids = [worker.pid for worker in workers]
    os.kill(pids[0], signal.SIGSEGV)
    os.kill(pids[1], signal.SIGKILL)
    workers[2].give(os._exit, (7,))
    loop.until(lambda: all(worker.exits for worker in workers))
    assert [worker.exits for worker in workers] == [
        ["killed by SIGSEGV"],
        ["killed by SIGKILL"],
        ["exited with code 7"],
    ]


@pytest.mark.parametrize("how", KINDS)
def test_killing_a_worker_ends_all_that_it_started(start: Start, guard: GuardClient, loop: Any, how: str) -> None:
    worker, other = start(), start()
    worker.give(_make_spawner(), (how,))
    other.give(_make_spawner(), (how,))
    child, others_child = worker.results(1)[1], other.results(1)[1]
    guard.kill(worker.name, 1)
    loop.until(lambda: worker.exits == ["killed by SIGKILL"] and gone(worker.pid, child))
    assert not gone(other.pid, others_child)
    guard.close()
    assert gone(other.pid, others_child)


@pytest.mark.parametrize("how", KINDS)
def test_what_a_worker_started_ends_with_it_however_it_dies(start: Start, loop: Any, how: str) -> None:
    worker = start()
    worker.give(_make_spawner(), (how,))
    child = worker.results(1)[1]
    os.kill(worker.pid, signal.SIGKILL)
    loop.until(lambda: worker.exits and gone(worker.pid, child))


def test_a_chain_of_detached_processes_ends_with_its_worker(start: Start, loop: Any) -> None:
    def chain() -> list[int]:
        import subprocess
        import sys

        code = (
            "import subprocess, sys, time\n"
            "depth = int(sys.argv[1])\n"
            "import os; print(os.getpid(), flush=True)\n"
            "if depth: subprocess.Popen([sys.executable, '-c', sys.argv[2], str(depth - 1), sys.argv[2]],"
            " start_new_session=True)\n"
            "time.sleep(600)"
        )
        first = subprocess.Popen([sys.executable, "-c", code, "3", code], stdout=-1, start_new_session=True)
        assert first.stdout is not None
        return [int(first.stdout.readline()) for _ in range(4)]

    worker = start()
    worker.give(chain, ())
    pids = worker.results(1)[1]
    os.kill(pids[1], signal.SIGKILL)  # the rest of the chain is an orphan now
    os.kill(worker.pid, signal.SIGKILL)
    loop.until(lambda: gone(*pids))


def test_closing_ends_everything_even_what_has_lost_its_mark(start: Start, guard: GuardClient) -> None:
    def start_unmarked() -> int:
        import subprocess
        import sys

        code = (
            "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],"
            " stdout=2, start_new_session=True, env={}).pid)"
        )
        return int(subprocess.run([sys.executable, "-c", code], stdout=-1, check=True).stdout)

    workers = [start() for _ in range(3)]
    for worker in workers:
        worker.give(start_unmarked, ())
    pids = [pid for worker in workers for pid in (worker.pid, worker.results(1)[1])]
    assert not gone(*pids)
    guard.close()
    assert gone(*pids, _guard_pid(guard))


def test_a_directory_goes_with_the_guard_when_its_session_is_gone(guard: GuardClient, tmp_path: Path) -> None:
    directory = tmp_path / "of an agent"
    directory.mkdir()
    (directory / "log").touch()
    guard.remove_at_end(directory)
    guard.close()
    assert not directory.exists()
    assert tmp_path.exists()


def test_a_copy_of_our_sockets_in_another_process_keeps_nothing_alive(start: Start, guard: GuardClient) -> None:
    worker = start()
    pid = worker.pid
    held = [guard._control.fileno(), worker.link.fileno()]
    with subprocess.Popen([sys.executable, "-c", "input()"], pass_fds=held, stdin=subprocess.PIPE) as holder:
        guard.close()
        assert gone(pid, _guard_pid(guard))
        assert holder.poll() is None
        holder.communicate(b"\n")


def test_nobody_else_is_signalled(start: Start, guard: GuardClient, loop: Any) -> None:
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    bystanders = [subprocess.Popen(sleep), subprocess.Popen(sleep, start_new_session=True)]
    try:
        workers = [start() for _ in range(2)]
        pids = [worker.pid for worker in workers]
        guard.kill(workers[0].name, 1)
        guard.kill(workers[0].name, 2)  # no such generation
        guard.kill("another", 1)
        loop.until(lambda: workers[0].exits)
        guard.close()
        assert gone(*pids)
        assert [one.poll() for one in bystanders] == [None, None]
    finally:
        for one in bystanders:
            one.kill()
            one.wait()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_when_the_guard_dies_its_workers_and_what_they_started_die(
    start: Start, guard: GuardClient, loop: Any, number: signal.Signals
) -> None:
    causes: list[str] = []
    forgotten: list[str] = []
    guard.on_loss(causes.append)
    guard.on_loss(forgotten.append)
    guard.off_loss(forgotten.append)
    worker = start()
    pids = [worker.pid]
    worker.give(_make_spawner(), *[(how,) for how in KINDS])
    pids += worker.results(3).values()
    os.kill(_guard_pid(guard), number)
    loop.until(lambda: causes and gone(*pids))
    assert f"guard process {_guard_pid(guard)} died" in causes[0]
    assert forgotten == []
    assert guard.lost
    guard.kill(worker.name, 1)  # too late, and no error


def test_a_worker_that_cannot_open_its_output_says_why(guard: GuardClient, loop: Any, tmp_path: Path) -> None:
    exits: list[str] = []
    missing = tmp_path / "missing"
    link = guard.start("w", 1, {}, (missing / "out", missing / "err"), exits.append)
    loop.until(lambda: exits)
    assert exits == ["exited with code 1"]
    with link:
        assert b"No such file or directory" in link.recv(4096)


def test_a_guard_without_descriptors_refuses_one_worker_and_goes_on(
    start: Start, guard: GuardClient, loop: Any
) -> None:
    worker = start()
    assert worker.pid
    process = psutil.Process(_guard_pid(guard))
    before = process.rlimit(psutil.RLIMIT_NOFILE)
    used = {int(fd) for fd in os.listdir(f"/proc/{process.pid}/fd")}
    process.rlimit(psutil.RLIMIT_NOFILE, (min(set(range(len(used) + 1)) - used), before[1]))
    refused = start()
    loop.until(lambda: refused.exits)
    assert refused.exits == ["could not be forked: no descriptor is left for its link"]
    process.rlimit(psutil.RLIMIT_NOFILE, before)
    assert start().pid


def test_a_worker_sees_the_environment_directory_and_path_of_now(
    start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def look(name: str) -> Any:
        import os
        import sys

        return os.environb.get(name.encode()), os.getcwd(), sys.path

    assert start().pid  # the guard has begun before the changes
    monkeypatch.setenv("PQ_TEST_NEW", "caf\udce9")  # a byte that is no text
    monkeypatch.setenv("PQ_TEST_EMPTY", "")
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, "", "/no/where"])
    worker = start()
    worker.give(look, ("PQ_TEST_NEW",), ("PQ_TEST_EMPTY",), ("HOME",))
    results = worker.results(3)
    assert [results[task][0] for task in (1, 2, 3)] == [b"caf\xe9", b"", None]
    assert results[1][1] == str(tmp_path)
    assert results[1][2][-2:] == [str(tmp_path), "/no/where"]


def test_a_worker_starts_with_a_large_environment_and_a_directory_that_is_gone(
    start: Start, loop: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    for index in range(10):
        monkeypatch.setenv(f"PQ_TEST_{index}", "x" * 100_000)
    guard = GuardClient(loop)
    try:
        exits: list[str] = []
        output = (tmp_path / "o", tmp_path / "e")
        links = [guard.start(f"w{index}", 1, {}, output, exits.append) for index in range(20)]
        heard: set[int] = set()
        for index, link in enumerate(links):
            loop.watch(link.fileno(), lambda index=index, link=link: (link.recv(99), heard.add(index)))
        loop.until(lambda: exits or len(heard) == 20)
        assert exits == []
    finally:
        for link in links:
            loop.unwatch(link.fileno())
            link.close()
        guard.close()


def test_many_workers_may_end_at_once(start: Start, guard: GuardClient, loop: Any) -> None:
    workers = [start() for _ in range(40)]
    for worker in workers:
        guard.kill(worker.name, 1)
    loop.until(lambda: all(worker.exits for worker in workers))


def test_the_guard_ends_when_its_session_has_ended_before_it_could_look(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    boot = f"from pilot_quantum.resource.agent.guard import main; main({theirs.fileno()}, 1, 'token')"
    with ours, theirs, subprocess.Popen([sys.executable, "-c", boot], pass_fds=[theirs.fileno()]) as guard:
        assert guard.wait(60) == 0


def test_a_random_module_in_the_working_directory_does_not_disturb(
    loop: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "selectors.py").write_text("raise RuntimeError('this is not the one')")
    monkeypatch.chdir(tmp_path)
    guard = GuardClient(loop)
    exits: list[str] = []
    link = guard.start("w", 1, {}, (tmp_path / "o", tmp_path / "e"), exits.append)
    with link:
        link.settimeout(60)
        assert link.recv(99)
    guard.close()


def test_a_program_is_started_with_its_stdin_and_ends_with_its_last_words(
    loop: Any, guard: GuardClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[str] = []
    log = tmp_path / "log"
    argv = ["sh", "-c", "cat; echo $WORD $0 >&2; exit 3", "name"]
    mark = guard.start_program("one", 1, argv, {"WORD": "word"}, log, ends.append, stdin=b"hello\n")
    loop.until(lambda: ends)
    assert ends == ["exited with code 3: hello | word name"]
    assert mark == guard.mark("one", 1)


def test_a_program_that_is_not_there_is_told(loop: Any, guard: GuardClient, tmp_path: Path) -> None:
    ends: list[str] = []
    guard.start_program("one", 1, ["/no/such/program"], {}, tmp_path / "log", ends.append)
    loop.until(lambda: ends)
    assert ends == ["exited with code 127: /no/such/program cannot be run: No such file or directory"]


def test_a_program_is_ended_with_all_that_it_started(loop: Any, guard: GuardClient, tmp_path: Path) -> None:
    ends: list[str] = []
    argv = ["sh", "-c", "setsid sleep 600 & sleep 600 & echo $! started; wait"]
    mark = guard.start_program("one", 1, argv, {}, tmp_path / "log", ends.append)
    loop.until(lambda: len(_marked(mark)) == 3)
    pids = _marked(mark)
    guard.kill("one", 1)
    loop.until(lambda: ends and not any(psutil.pid_exists(pid) for pid in pids))
    assert ends[0].startswith("killed by SIGKILL")


def test_sweeping_ends_what_bears_the_mark_whoever_started_it(loop: Any, guard: GuardClient) -> None:
    ours = subprocess.Popen(["sleep", "600"], env=os.environ | {MARK: "some/mark/1"})
    other = subprocess.Popen(["sleep", "600"], env=os.environ | {MARK: "some/mark/11"})
    try:
        guard.sweep("some/mark/1")
        loop.until(lambda: ours.poll() is not None)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_patient_guard_leaves_sigterm_to_us(loop: Any, tmp_path: Path) -> None:
    guard = GuardClient(loop, patient=True)
    try:
        ends: list[str] = []
        guard.start_program(
            "one", 1, ["sh", "-c", "kill -TERM $PPID; sleep 0.1; exit 5"], {}, tmp_path / "l", ends.append
        )
        loop.until(lambda: ends)
        assert ends == ["exited with code 5"]
    finally:
        guard.close()


def _marked(mark: str) -> list[int]:
    return [process.pid for process in psutil.process_iter() if mark_of(process) == mark]
