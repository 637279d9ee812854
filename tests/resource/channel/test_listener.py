from __future__ import annotations

import os
import socket
import ssl

import msgspec
import pytest
from tests.resource.channel.loop import Loop, Wire

from pilot_quantum.resource.channel import listener as module
from pilot_quantum.resource.channel.channel import Channel
from pilot_quantum.resource.channel.credentials import Credentials, new_token
from pilot_quantum.resource.channel.dialer import Dialer
from pilot_quantum.resource.channel.handshake import Hello, Refused, Welcome, facts, new_incarnation, verdict
from pilot_quantum.resource.channel.listener import Acceptance, Listener

NAME = "pilot-1/0"
FAST = {"beat": 0.05, "dead": 0.4}


class Session:
    """The end that listens."""

    def __init__(self, loop: Loop, credentials: Credentials, **options: float) -> None:
        self.token = new_token()
        self.notes: list[str] = []
        self.messages: list[bytes] = []
        self.hellos: list[Hello] = []
        self.changes: list[tuple[bool, str]] = []
        self.channel = Channel(loop, self.messages.append, lambda *change: self.changes.append(change), **options)
        self.listener = Listener(loop, credentials, noted=self.notes.append)
        self.listener.expect(NAME, self.token, self.accept, self.connected)

    def accept(self, hello: Hello) -> Welcome | Refused:
        self.hellos.append(hello)
        return verdict(hello, self.channel.received)

    def connected(self, hello: Hello, link: socket.socket) -> None:
        self.channel.attach(link, hello.received)

    def close(self) -> None:
        self.channel.close()
        self.listener.close()


class Agent:
    """The end that dials."""

    def __init__(self, loop, addresses, context, token, grace=20.0, own=None, **options: float) -> None:
        self.messages: list[bytes] = []
        self.refusals: list[str] = []
        self.losses: list[str] = []
        self.breaks: list[str] = []
        self.incarnation = new_incarnation()
        self.own = own or facts()
        self.token = token
        self.channel = Channel(loop, self.messages.append, self.changed, **options)
        self.dialer = Dialer(
            loop,
            addresses,
            context,
            lambda: Hello(NAME, self.token, self.incarnation, self.channel.received, self.own),
            lambda welcome, link: self.channel.attach(link, welcome.received),
            self.refusals.append,
            self.losses.append,
            grace=grace,
        )

    def changed(self, connected: bool, cause: str) -> None:
        if not connected:
            self.breaks.append(cause)
            self.dialer.redial()

    def close(self) -> None:
        self.dialer.close()
        self.channel.close()


@pytest.fixture
def session(loop, credentials):
    session = Session(loop, credentials)
    yield session
    session.close()


@pytest.fixture
def agent(loop, session, credentials):
    agents: list[Agent] = []

    def agent(**changes):
        given = {
            "addresses": session.listener.addresses,
            "context": credentials.client_context(),
            "token": session.token,
        }
        agents.append(Agent(loop, **(given | changes)))
        return agents[-1]

    yield agent
    for one in agents:
        one.close()


def test_an_agent_with_the_right_token_is_let_in(loop, session, agent):
    one = agent()
    one.channel.send(b"early")
    one.dialer.start()
    loop.until(lambda: session.messages)
    session.channel.send(b"back")
    loop.until(lambda: one.messages == [b"back"])
    assert session.messages == [b"early"]
    assert session.hellos[0].incarnation == one.incarnation
    assert not session.notes


def test_a_wrong_token_is_refused_and_never_told(loop, session, agent):
    one = agent(token=new_token())
    one.dialer.start()
    loop.until(lambda: one.refusals)
    assert "not expected here" in one.refusals[0]
    loop.until(lambda: session.notes)
    assert not session.hellos
    for secret in (one.token, session.token):
        assert repr(secret)[2:10] not in f"{session.notes}{one.refusals}{session.listener!r}{vars(session.listener)}"


def test_an_allocation_that_is_forgotten_is_refused(loop, session, agent):
    session.listener.forget(NAME)
    one = agent()
    one.dialer.start()
    loop.until(lambda: one.refusals)
    assert not one.losses


def test_another_version_is_refused_in_one_line(loop, session, agent):
    one = agent(own=msgspec.structs.replace(facts(), python="3.8.1", host="old"))
    one.dialer.start()
    loop.until(lambda: one.refusals)
    assert one.refusals[0].startswith("Python is 3.8.1 on old")
    assert "\n" not in one.refusals[0]
    loop.until(lambda: session.notes)
    assert "Python is 3.8.1" in session.notes[0]


def test_an_agent_does_not_speak_to_another_certificate(loop, session, agent):
    one = agent(context=Credentials.make().client_context(), grace=0.6)
    one.dialer.start()
    loop.until(lambda: one.losses)
    assert "certificate verify failed" in one.losses[0]
    assert not session.hellos
    assert all("TLS" in note or "SSL" in note or "closed" in note for note in session.notes)


def test_tls_older_than_1_3_is_refused(loop, session, credentials):
    context = credentials.client_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    link = socket.create_connection(session.listener.addresses[0])
    link.setblocking(False)
    tls = context.wrap_socket(link, do_handshake_on_connect=False)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    loop.until(lambda: session.notes)
    tls.close()


def test_strangers_hold_nobody_up(loop, session, agent):
    address = session.listener.addresses[0]
    idle = [socket.create_connection(address) for _ in range(100)]
    plain = socket.create_connection(address)
    plain.sendall(b"GET / HTTP/1.1\r\nAuthorization: hush\r\n\r\n")
    half_open = socket.create_connection(address)
    half_open.sendall(b"\x16\x03\x01")
    half_open.shutdown(socket.SHUT_WR)
    one = agent()
    one.dialer.start()
    one.channel.send(b"hello")
    loop.until(lambda: session.messages)
    loop.until(lambda: len(session.notes) == 2)
    assert "hush" not in str(session.notes)
    for link in [*idle, plain, half_open]:
        link.close()


def test_whoever_says_nothing_is_dropped(loop, credentials):
    notes: list[str] = []
    listener = Listener(loop, credentials, noted=notes.append, deadline=0.1)
    link = socket.create_connection(listener.addresses[0])
    loop.until(lambda: notes)
    assert notes == ["127.0.0.1 was turned away: no answer within 0.1 s"]
    assert link.recv(10) == b""
    link.close()
    listener.close()
    assert loop.watched == 0


def test_too_many_strangers_give_way_to_the_next(loop, session, agent, monkeypatch):
    monkeypatch.setattr(module, "_GUESTS", 5)
    idle = [socket.create_connection(session.listener.addresses[0]) for _ in range(20)]
    one = agent()
    one.dialer.start()
    loop.until(lambda: one.channel.connected)
    assert len(session.listener._guests) <= 5
    for link in idle:
        link.close()


def test_a_listener_without_descriptors_tries_again(loop, session, agent, monkeypatch):
    monkeypatch.setattr(module, "_BREATH", 0.05)

    class Exhausted:
        def __init__(self, real: socket.socket) -> None:
            self.real, self.refusals = real, 2

        def accept(self):
            if self.refusals:
                self.refusals -= 1
                raise OSError(24, "Too many open files")
            return self.real.accept()

        def __getattr__(self, name):
            return getattr(self.real, name)

    monkeypatch.setattr(session.listener, "_socket", Exhausted(session.listener._socket))
    one = agent()
    one.dialer.start()
    loop.until(lambda: one.channel.connected)
    assert len([note for note in session.notes if "Too many open files" in note]) == 2


def test_a_silent_cut_is_noticed_and_nothing_is_lost_or_doubled(loop, credentials):
    session = Session(loop, credentials, **FAST)
    wire = Wire(session.listener.port)
    agent = Agent(loop, [("127.0.0.1", wire.port)], credentials.client_context(), session.token, **FAST)
    agent.dialer.start()
    loop.until(lambda: agent.channel.connected)
    sent = []
    for turn in range(4):
        loop.until(lambda: agent.channel.connected and session.channel.connected)
        for number in range(50):
            sent.append(b"%d/%d" % (turn, number) + b"x" * (50_000 if number % 10 == 0 else 10))
            agent.channel.send(sent[-1])
            session.channel.send(sent[-1])
            if number == 25 and turn < 3:
                wire.silence()
            loop.turn(0)
        if turn < 3:
            loop.until(lambda known=turn: len(agent.breaks) > known and len(session.changes) > 2 * known, "the cut")
    loop.until(lambda: len(session.messages) == len(agent.messages) == len(sent))
    assert session.messages == agent.messages == sent
    assert wire.connections == 4
    assert all("nothing was heard" in cause for cause in agent.breaks)
    for end in (agent, session, wire):
        end.close()


def test_a_loud_break_is_mended(loop, credentials):
    session = Session(loop, credentials)
    wire = Wire(session.listener.port)
    agent = Agent(loop, [("127.0.0.1", wire.port)], credentials.client_context(), session.token)
    agent.dialer.start()
    loop.until(lambda: agent.channel.connected)
    wire.cut()
    agent.channel.send(b"x" * 3_000_000)
    loop.until(lambda: session.messages)
    assert wire.connections >= 2
    for end in (agent, session, wire):
        end.close()


def test_an_agent_that_finds_nobody_is_lost(loop, credentials):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    agent = Agent(loop, [("127.0.0.1", port)], credentials.client_context(), b"x", grace=0.4)
    agent.dialer.start()
    loop.until(lambda: agent.losses)
    assert "no connection to the session for 0.4 s" in agent.losses[0]
    assert "Connection refused" in agent.losses[0]
    assert len(agent.losses) == 1
    agent.close()


def test_addresses_are_tried_in_turn_and_names_are_looked_up(loop, session, agent):
    with socket.create_server(("127.0.0.1", 0)) as server:
        dead = server.getsockname()[1]
    one = agent(addresses=[("127.0.0.1", dead), ("no-such-host.invalid", 1), ("localhost", session.listener.port)])
    one.dialer.start()
    loop.until(lambda: one.channel.connected)


def test_an_address_that_does_not_answer_is_given_up(loop, session, agent, monkeypatch):
    monkeypatch.setattr("pilot_quantum.resource.channel.dialer._CONNECT", 0.2)
    # A listener whose queue is full swallows what comes next, as a firewall does.
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(full.getsockname())
        fillers.append(filler)
    one = agent(addresses=[full.getsockname(), session.listener.addresses[0]])
    one.dialer.start()
    loop.until(lambda: one.channel.connected)
    for link in (*fillers, full):
        link.close()


def test_a_private_stream_needs_no_tls(loop, session, agent):
    one = agent(addresses=(), context=None)
    one.dialer.start()
    for turn in range(3):
        ours, theirs = socket.socketpair()
        session.changes.clear()
        Acceptance(loop, ours, NAME, session.token, session.accept, session.connected, session.notes.append)
        one.dialer.greet(theirs)
        loop.until(lambda: session.changes and one.dialer._attempt is None)
        one.channel.send(b"%d" % turn)
        loop.until(lambda known=turn: len(session.messages) == known + 1)
    assert session.messages == [b"0", b"1", b"2"]
    assert not session.notes


@pytest.mark.parametrize(("token", "words"), [(b"wrong", "not with this token"), (None, "Python is 2.7")])
def test_a_private_stream_is_checked_all_the_same(loop, session, agent, token, words):
    own = facts() if token else msgspec.structs.replace(facts(), python="2.7.1")
    one = agent(addresses=(), context=None, token=token or session.token, own=own)
    ours, theirs = socket.socketpair()
    failures: list[str] = []
    Acceptance(loop, ours, NAME, session.token, session.accept, session.connected, failures.append)
    one.dialer.greet(theirs)
    loop.until(lambda: failures and one.refusals)
    assert words in failures[0]
    assert words in one.refusals[0]


def test_a_stream_connected_by_other_means_may_speak_tls(loop, session, agent, credentials):
    one = agent()
    ours, theirs = socket.socketpair()
    session.listener.adopt(ours)
    one.dialer._converse(theirs, credentials.client_context(), "the stream")
    loop.until(lambda: one.channel.connected and session.channel.connected)


def test_a_listener_on_all_addresses_names_them(loop, credentials):
    listener = Listener(loop, credentials, "0.0.0.0")
    assert ("127.0.0.1", listener.port) in listener.addresses
    assert "0.0.0.0" not in dict(listener.addresses)
    listener.close()


def test_addresses_need_a_certificate(loop):
    with pytest.raises(ValueError, match="pins the session's certificate"):
        Agent(loop, [("127.0.0.1", 1)], None, b"x")


def test_nothing_is_left_open(loop, credentials):
    before = len(os.listdir("/proc/self/fd"))
    session = Session(loop, credentials)
    agent = Agent(loop, session.listener.addresses, credentials.client_context(), session.token)
    agent.dialer.start()
    loop.until(lambda: agent.channel.connected and session.channel.connected)
    agent.close()
    session.close()
    assert loop.watched == 0
    assert len(os.listdir("/proc/self/fd")) == before
