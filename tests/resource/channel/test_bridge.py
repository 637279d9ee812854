from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.resource.channel.loop import LIMIT

from pilot_quantum.resource.channel.bridge import LISTENING

MODULE = "pilot_quantum.resource.channel.bridge"


@contextmanager
def bridge(argument: str) -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    """A bridge, and the stream that is its stdin and stdout, as ssh's is."""
    ours, theirs = socket.socketpair()
    ours.settimeout(LIMIT)
    with theirs:
        process = subprocess.Popen([sys.executable, "-m", MODULE, argument], stdin=theirs, stdout=theirs)
    try:
        with ours:
            yield process, ours
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        server.settimeout(LIMIT)
        yield server


def read(link: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = link.recv(1 << 18)
        if not piece:
            break
        data += piece
    return bytes(data)


def test_bytes_pass_both_ways_at_once(server):
    with bridge(f"unix:{server.getsockname()}") as (_, ours):
        theirs, _ = server.accept()
        theirs.settimeout(LIMIT)
        down, up = os.urandom(8_000_000), os.urandom(8_000_000)
        senders = [threading.Thread(target=end.sendall, args=(data,)) for end, data in ((ours, down), (theirs, up))]
        received: list[bytes] = []
        reader = threading.Thread(target=lambda: received.append(read(theirs, len(down))))
        for thread in (*senders, reader):
            thread.start()
        assert read(ours, len(up)) == up
        for thread in (*senders, reader):
            thread.join()
        assert received == [down]
        theirs.close()


def test_it_ends_when_the_socket_ends(server):
    with bridge(f"unix:{server.getsockname()}") as (process, ours):
        theirs, _ = server.accept()
        theirs.sendall(b"last words")
        theirs.close()
        assert read(ours, 1000) == b"last words"
        assert process.wait(LIMIT) == 0


def test_an_end_of_stdin_is_passed_on_and_the_answer_still_comes(server):
    with bridge(f"unix:{server.getsockname()}") as (process, ours):
        theirs, _ = server.accept()
        theirs.settimeout(LIMIT)
        ours.sendall(b"question")
        ours.shutdown(socket.SHUT_WR)
        assert read(theirs, 1000) == b"question"
        theirs.sendall(b"answer")
        theirs.close()
        assert read(ours, 1000) == b"answer"
        assert process.wait(LIMIT) == 0


def test_it_waits_for_one_connection_on_a_port_that_it_names():
    with bridge("listen:127.0.0.1:0") as (process, ours):
        ours.sendall(b"early")
        port = int(ours.makefile("rb", buffering=0).readline().removeprefix(LISTENING))
        with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as theirs:
            theirs.sendall(b"in")
            assert read(ours, 2) == b"in"
            assert read(theirs, 5) == b"early"
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
        assert process.wait(LIMIT) == 0


def test_it_names_a_port_that_was_asked_for_too():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with bridge(f"listen:127.0.0.1:{port}") as (process, ours):
        assert int(ours.makefile("rb", buffering=0).readline().removeprefix(LISTENING)) == port
        ours.close()
        assert process.wait(LIMIT) == 0


def test_it_does_not_wait_without_a_session():
    with bridge("listen:127.0.0.1:0") as (process, ours):
        ours.makefile("rb", buffering=0).readline()
        ours.close()
        assert process.wait(LIMIT) == 0


@pytest.mark.parametrize(
    ("argument", "status", "words"),
    [
        ("unix:{folder}/none", 3, "No such file or directory"),
        ("unix:{folder}/file", 3, "is no socket"),
        ("unix:{folder}/dead", 3, "Connection refused"),
        ("listen:203.0.113.1:0", 3, "cannot listen on 203.0.113.1"),
        ("listen:nothing", 2, "usage:"),
        ("listen:127.0.0.1:99999", 2, "usage:"),
        ("", 2, "usage:"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(tmp_path, argument, status, words):
    (tmp_path / "file").touch()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "dead"))
    run = subprocess.run(
        [sys.executable, "-m", MODULE, argument.format(folder=tmp_path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert run.returncode == status
    assert words in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_a_socket_of_another_user_is_left_alone(server, requires):
    requires(os.geteuid() == 0, "only root can give a socket away: run the tests as root")
    path = server.getsockname()
    os.chown(path, 12345, 12345)
    run = subprocess.run(
        [sys.executable, "-m", MODULE, f"unix:{path}"], stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert run.returncode == 3
    assert "belongs to user 12345" in run.stderr


def test_it_imports_next_to_nothing():
    code = f"import sys, {MODULE}; print([m for m in ('ssl', 'msgspec', 'numpy', 'asyncio') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=LIMIT, check=True)
    assert run.stdout.strip() == "[]"
