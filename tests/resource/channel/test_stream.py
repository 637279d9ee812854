from __future__ import annotations

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pilot_quantum.resource.channel import stream as module
from pilot_quantum.resource.channel.frames import HEADER, LARGEST, Cutter, Frame, FrameError, Kind
from pilot_quantum.resource.channel.stream import ResumeError, Stream


class End:
    """A stream, and what it has handed on."""

    def __init__(self) -> None:
        self.stream = Stream()
        self.cutter = Cutter()
        self.sent: list[bytes] = []
        self.handed_on: list[bytes] = []
        self.inbox = b""
        """Bytes on their way to us."""


class Conversation(RuleBasedStateMachine):
    """Two ends over a wire that delivers as little as it likes and breaks as often as it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.ends = End(), End()
        self.count = 0
        self.connected = True
        self.monkey = pytest.MonkeyPatch()
        self.monkey.setattr(module, "LARGEST", 8)  # so that a few bytes are a long message

    def teardown(self) -> None:
        self.cut()
        self.attach()
        for _ in range(4):  # there, the acknowledgement back, and what that sets free
            for end in (0, 1):
                self.ends[end].stream.control(Kind.ACK)
                self.write(end, 1 << 30)
                self.deliver(1 - end, 1 << 30)
        for near, far in (self.ends, self.ends[::-1]):
            assert far.handed_on == near.sent
            assert near.stream.unacknowledged == 0
        self.monkey.undo()

    @rule(end=st.integers(0, 1), size=st.integers(0, 40))
    def send(self, end: int, size: int) -> None:
        self.count += 1
        message = self.count.to_bytes(4, "big") + b"x" * size
        self.ends[end].sent.append(message)
        self.ends[end].stream.send(message)

    @rule(end=st.integers(0, 1), limit=st.integers(1, 100))
    def write(self, end: int, limit: int) -> None:
        if self.connected:
            self.ends[1 - end].inbox += self.ends[end].stream.take(limit)

    @rule(end=st.integers(0, 1), kind=st.sampled_from([Kind.ACK, Kind.BEAT]))
    def control(self, end: int, kind: Kind) -> None:
        self.ends[end].stream.control(kind)

    @rule(end=st.integers(0, 1), size=st.integers(1, 200))
    def deliver(self, end: int, size: int) -> None:
        to = self.ends[end]
        data, to.inbox = to.inbox[:size], to.inbox[size:]
        for frame in to.cutter.feed(data):
            message = to.stream.accept(frame)
            if message is not None:
                to.handed_on.append(message)

    @rule()
    def cut(self) -> None:
        self.connected = False
        for end in self.ends:
            end.inbox = b""

    @rule()
    def attach(self) -> None:
        if not self.connected:
            received = [end.stream.received for end in self.ends]
            for end, peer_received in zip(self.ends, reversed(received), strict=True):
                end.cutter = Cutter()
                end.stream.resume(peer_received)
            self.connected = True

    @invariant()
    def what_came_is_a_beginning_of_what_was_sent(self) -> None:
        for near, far in (self.ends, self.ends[::-1]):
            assert far.handed_on == near.sent[: len(far.handed_on)]

    @invariant()
    def what_is_kept_is_what_was_not_confirmed(self) -> None:
        for end in self.ends:
            assert 0 <= end.stream.unacknowledged <= sum(map(len, end.sent))


TestConversation = Conversation.TestCase
TestConversation.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)


def test_a_long_message_is_cut_and_put_together_again():
    ours, theirs, message = Stream(), Stream(), random.Random(1).randbytes(3 * LARGEST + 17)
    ours.send(message)
    frames = Cutter().feed(ours.take(1 << 30))
    assert [frame.kind for frame in frames] == [Kind.PART] * 3 + [Kind.LAST]
    assert [theirs.accept(frame) for frame in frames] == [None, None, None, message]
    theirs.control(Kind.ACK)
    for frame in Cutter().feed(theirs.take(1)):
        ours.accept(frame)
    assert ours.unacknowledged == 0


def test_controls_pass_messages_that_wait():
    stream = Stream()
    stream.send(b"x" * 10 * LARGEST)
    stream.take(1)
    stream.control(Kind.BEAT, b"clock")
    assert Cutter().feed(stream.take(1))[0].body == b"clock"


def test_acknowledgements_that_cannot_be_written_do_not_pile_up():
    stream = Stream()
    for _ in range(1000):
        stream.control(Kind.ACK)
    assert len(stream.take(1)) == HEADER.size


def test_another_process_cannot_resume():
    stream = Stream()
    stream.send(b"one")
    stream.send(b"two")
    stream.accept(Frame(Kind.ACK, 0, 2, b""))
    for wrong in (0, 3):
        with pytest.raises(ResumeError, match="another process"):
            stream.resume(wrong)


@pytest.mark.parametrize("frame", [Frame(Kind.LAST, 2, 0, b"x"), Frame(Kind.ACK, 0, 1, b"")])
def test_a_gap_or_an_acknowledgement_of_the_future_is_an_error(frame):
    with pytest.raises(FrameError):
        Stream().accept(frame)


@pytest.mark.parametrize("junk", [b"\0" * 24, b"x" * 24, HEADER.pack(1, LARGEST + 1, 1, 0)])
def test_garbage_is_no_frame(junk):
    with pytest.raises(FrameError):
        Cutter().feed(junk)
