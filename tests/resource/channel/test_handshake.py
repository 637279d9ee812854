from __future__ import annotations

import socket

import msgspec
import pytest
import rich.pretty

from pilot_quantum.resource.channel import handshake
from pilot_quantum.resource.channel.handshake import Hello, Refused, Welcome, compare, facts, hear, say, verdict
from pilot_quantum.resource.channel.steps import Conversation


def other(**changes: object) -> handshake.Facts:
    return msgspec.structs.replace(facts(), host="node7", **changes)


def hello(**changes: object) -> Hello:
    return msgspec.structs.replace(Hello("alloc-1", b"secret-token", "abc", 3, facts()), **changes)


def test_like_processes_fit():
    assert compare(facts(), other(pid=1)) == ""
    assert compare(facts(), other(versions=facts().versions | {"numpy": "1.26.0", "msgspec": "0.19.0"})) == ""
    assert verdict(hello(), 7) == Welcome(7, facts())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"python": "3.9.18"}, "Python is 3.9.18 on node7"),
        ({"versions": facts().versions | {"pilot-quantum": "0.0.1"}}, "pilot-quantum is 0.0.1 on node7"),
        ({"versions": facts().versions | {"cloudpickle": "2.2"}}, "cloudpickle is 2.2 on node7"),
        ({"versions": {}}, "pilot-quantum is missing on node7"),
    ],
)
def test_what_differs_is_said_in_one_line(changes, words):
    line = compare(facts(), other(**changes))
    assert line.startswith(words)
    assert "interpreter" in line
    assert "\n" not in line
    assert verdict(hello(facts=other(**changes)), 0) == Refused(line)


def test_a_token_is_in_no_text():
    for text in (repr(hello()), str(hello()), rich.pretty.pretty_repr(hello())):
        assert "secret" not in text


def listen(loop, data: bytes, close: bool = True) -> tuple[list[object], list[str], bytes]:
    """What `hear` makes of these bytes, and what it leaves."""
    ours, theirs = socket.socketpair()
    theirs.sendall(data)
    if close:
        theirs.shutdown(socket.SHUT_WR)
    heard: list[object] = []
    failures: list[str] = []
    conversation = Conversation(loop, ours, 5.0, lambda message, _: heard.append(message), failures.append)
    conversation.begin(hear(ours))
    loop.until(lambda: heard or failures)
    rest = ours.recv(1000) if heard else b""
    ours.close()
    theirs.close()
    return heard, failures, rest


def spoken(loop, message: Hello | Welcome | Refused) -> bytes:
    ours, theirs = socket.socketpair()
    done: list[object] = []
    Conversation(loop, ours, 5.0, lambda *_: done.append(1), lambda why: None).begin(say(ours, message))
    loop.until(lambda: done)
    ours.close()
    with theirs:
        return theirs.recv(1 << 17)


@pytest.mark.parametrize("before", [b"", b"Welcome to HPC!\n", b"\0" * 40, b"x" * 14, b"\0pilot-\0pilot-quantum"])
def test_text_before_a_greeting_is_skipped_and_what_follows_is_left(loop, before):
    heard, _, rest = listen(loop, before + spoken(loop, hello()) + b"frames")
    assert heard == [hello()]
    assert rest == b"frames"


def test_text_in_place_of_a_greeting_is_quoted(loop):
    _, failures, _ = listen(loop, b"bash: line 1: python3.99:\x1b command not found\n")
    assert failures == ["the other end closed the connection, having said: bash: line 1: python3.99: command not found"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"y\n" * 100_000, "no greeting came"),
        (b"\0pilot-quantum\n\xff\xff\xff\xff", "a greeting of 4294967295 bytes"),
        (b"\0pilot-quantum\n\x03\0\0\0abc", "another version"),
        (b"\0pilot-quantum\n\x03", "closed the connection"),
    ],
)
def test_a_stranger_is_heard_out_only_so_far(loop, data, words):
    _, failures, _ = listen(loop, data)
    assert words in failures[0]
