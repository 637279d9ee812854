from __future__ import annotations

import random
import socket
import ssl
import threading

import pytest
from tests.resource.channel.loop import Loop

from pilot_quantum.resource.channel.channel import Channel
from pilot_quantum.resource.channel.stream import ResumeError


class End:
    def __init__(self, loop: Loop, **options: float) -> None:
        self.messages: list[bytes] = []
        self.changes: list[tuple[bool, str]] = []
        self.channel = Channel(loop, self.messages.append, lambda *change: self.changes.append(change), **options)


class Pair:
    """Two channels of one loop."""

    def __init__(self, loop: Loop, **options: float) -> None:
        self.near, self.far = End(loop, **options), End(loop, **options)

    def connect(self, links: tuple[socket.socket, socket.socket]) -> tuple[socket.socket, socket.socket]:
        received = self.near.channel.received, self.far.channel.received
        self.near.channel.attach(links[0], received[1])
        self.far.channel.attach(links[1], received[0])
        return links


def plain(credentials) -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
    return near, far


def tls(credentials) -> tuple[socket.socket, socket.socket]:
    near, far = plain(credentials)
    served: list[socket.socket] = []

    def serve() -> None:
        served.append(credentials.server_context().wrap_socket(far, server_side=True))

    thread = threading.Thread(target=serve)
    thread.start()
    link = credentials.client_context().wrap_socket(near)
    thread.join()
    return link, served[0]


@pytest.fixture(params=[plain, tls])
def links(request, credentials):
    return lambda: request.param(credentials)


@pytest.fixture
def pair(loop):
    pair = Pair(loop)
    yield pair
    pair.near.channel.close()
    pair.far.channel.close()


def test_messages_arrive_both_ways_in_order(loop, pair, links):
    pair.near.channel.send(b"before there is a connection")
    pair.connect(links())
    for number in range(3000):
        pair.near.channel.send(b"%d" % number)
        pair.far.channel.send(b"-%d" % number)
    loop.until(lambda: len(pair.far.messages) == 3001 and len(pair.near.messages) == 3000)
    assert pair.far.messages == [b"before there is a connection", *(b"%d" % number for number in range(3000))]
    assert pair.near.messages == [b"-%d" % number for number in range(3000)]
    loop.until(lambda: not pair.near.channel.unacknowledged, "the acknowledgement")


def test_a_large_message_lets_others_and_heartbeats_pass(loop, pair, links):
    large = random.Random(1).randbytes(40_000_000)
    pair.connect(links())
    pair.near.channel.send(large)
    pair.near.channel.send(b"")
    pair.far.channel.send(b"the other way")
    loop.until(lambda: pair.near.messages)
    assert not pair.far.messages
    loop.until(lambda: len(pair.far.messages) == 2)
    assert pair.far.messages == [large, b""]


def test_nothing_is_lost_or_doubled_over_many_breaks(loop, pair, links):
    ends = pair.connect(links())
    dice = random.Random(2)
    sent = [dice.randbytes(dice.choice([3, 3, 3, 100_000, 1_500_000])) for _ in range(150)]
    for number, message in enumerate(sent):
        pair.near.channel.send(message)
        pair.far.channel.send(message)
        loop.turn(0)
        if number % 10 == 9:
            breaks = len(pair.near.changes), len(pair.far.changes)
            dice.choice(ends).shutdown(socket.SHUT_RDWR)
            loop.until(lambda before=breaks: len(pair.near.changes) > before[0] and len(pair.far.changes) > before[1])
            ends = pair.connect(links())
    loop.until(lambda: len(pair.near.messages) == len(pair.far.messages) == len(sent))
    assert pair.near.messages == pair.far.messages == sent
    assert {change for change, _ in pair.near.changes} == {True, False}


def test_a_break_is_told_once_and_never_from_inside_send(loop, pair):
    pair.connect(socket.socketpair())
    loop.until(lambda: not pair.near.channel.unacknowledged)
    pair.far.channel.detach("on purpose")
    assert pair.far.changes == [(True, ""), (False, "on purpose")]
    for _ in range(3):
        pair.near.channel.send(b"into the void")
        assert pair.near.changes == [(True, "")]
    loop.until(lambda: len(pair.near.changes) == 2)
    assert not pair.near.channel.connected
    loop.turn(0)
    assert len(pair.near.changes) == 2


def test_silence_is_noticed(loop):
    end = End(loop, beat=0.05, dead=0.2)
    ours, theirs = socket.socketpair()
    with theirs:
        end.channel.attach(ours, 0)
        loop.until(lambda: len(end.changes) == 2)
    assert end.changes[1] == (False, "nothing was heard from the other end for 0.2 s")


def test_heartbeats_keep_an_idle_connection(loop):
    pair = Pair(loop, beat=0.02, dead=5.0)
    pair.connect(socket.socketpair())
    loop.until(lambda: len(pair.near.channel._clock._samples) == 12, "12 heartbeats")
    assert pair.near.channel.connected
    assert pair.near.channel.clock_offset == 0.0
    pair.near.channel.close()
    pair.far.channel.close()


def test_a_new_connection_takes_the_place_of_the_old(loop, pair, links):
    pair.connect(links())
    pair.near.channel.send(b"one")
    pair.connect(links())
    loop.until(lambda: pair.far.messages)
    pair.near.channel.send(b"two")
    loop.until(lambda: len(pair.far.messages) == 2)
    assert pair.near.changes == [(True, ""), (True, "")]
    assert loop.watched == 2


def test_a_stranger_is_not_attached(loop, pair):
    ours, theirs = socket.socketpair()
    with theirs, pytest.raises(ResumeError):
        pair.near.channel.attach(ours, 7)
    assert ours.fileno() == -1
    assert not pair.near.channel.connected


def test_garbage_breaks_the_connection_and_nothing_else(loop, pair):
    ours, theirs = socket.socketpair()
    pair.near.channel.attach(ours, 0)
    theirs.sendall(b"GET / HTTP/1.1\r\n\r\n" * 10)
    loop.until(lambda: len(pair.near.changes) == 2)
    assert "makes no sense" in pair.near.changes[1][1]
    theirs.close()
    pair.near.channel.send(b"still here")
    pair.connect(socket.socketpair())
    loop.until(lambda: pair.far.messages == [b"still here"])


def test_the_last_words_before_close_arrive(loop, pair, links):
    pair.connect(links())
    pair.far.channel.send(b"never read")
    pair.near.channel.send(b"farewell")
    pair.near.channel.close()
    loop.until(lambda: len(pair.far.changes) == 2)
    assert pair.far.messages == [b"farewell"]
    assert pair.near.changes == [(True, "")]


def test_one_may_wait_until_all_has_arrived(loop, pair):
    told: list[str] = []
    pair.near.channel.send(b"x" * 1_000_000)
    pair.near.channel.on_acknowledged(lambda: told.append("all"))
    loop.turn(0)
    assert not told
    pair.connect(socket.socketpair())
    loop.until(lambda: told)
    assert len(pair.far.messages) == 1
    pair.near.channel.on_acknowledged(lambda: told.append("nothing to wait for"))
    loop.until(lambda: len(told) == 2)


def test_what_is_confirmed_just_before_the_end_is_heard(loop, pair, links):
    told: list[str] = []
    pair.connect(links())
    pair.near.channel.send(b"last word")
    pair.near.channel.on_acknowledged(lambda: told.append("all"))
    loop.until(lambda: pair.far.messages)
    assert not told
    pair.far.channel.close()  # confirms, and closes: both come at once
    loop.until(lambda: not pair.near.channel.connected)
    assert told == ["all"]


def test_a_receiver_may_close_the_channel(loop):
    got: list[bytes] = []

    def receive(message: bytes) -> None:
        got.append(message)
        channel.close()

    channel = Channel(loop, receive, lambda *_: None)
    other = End(loop)
    other.channel.send(b"last")
    other.channel.send(b"too late")
    ours, theirs = socket.socketpair()
    channel.attach(ours, 0)
    other.channel.attach(theirs, 0)
    loop.until(lambda: not other.channel.connected)
    assert got == [b"last"]


def test_what_the_receiver_raises_is_not_taken_for_garbage(loop):
    def receive(_: bytes) -> None:
        raise ValueError("a defect")

    channel, other = Channel(loop, receive, lambda *_: None), End(loop)
    other.channel.send(b"x")
    ours, theirs = socket.socketpair()
    channel.attach(ours, 0)
    other.channel.attach(theirs, 0)
    with pytest.raises(ValueError, match="a defect"):
        loop.until(lambda: False)
    channel.close()
    other.channel.close()


def test_tls_is_what_it_says(credentials):
    near, far = tls(credentials)
    with near, far:
        assert isinstance(near, ssl.SSLSocket)
        assert near.version() == "TLSv1.3"
