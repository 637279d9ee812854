from __future__ import annotations

import contextlib
import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilot_quantum.resource.agent import wire

WORDS = st.text(max_size=20)
SMALL = st.integers(0, 2**40)
ROWS = st.lists(
    st.tuples(SMALL, SMALL, st.binary(max_size=50), st.lists(st.binary(max_size=9), max_size=3).map(tuple)), max_size=4
)
OUTCOMES = st.tuples(SMALL, SMALL, st.floats(0, 1e9), st.floats(0, 1e9), st.booleans())
OUTPUT = st.none() | st.tuples(SMALL, SMALL, SMALL, SMALL)
TO_WORKER = st.one_of(
    st.builds(wire.Function, WORDS, st.binary(max_size=99)),
    st.builds(wire.Tasks, WORDS, st.integers(1, 64), WORDS, ROWS),
    st.builds(wire.Withdraw, st.lists(st.tuples(SMALL, SMALL), max_size=5)),
)
FROM_WORKER = st.one_of(
    st.builds(wire.Hello, SMALL),
    st.builds(
        wire.Report,
        st.lists(st.tuples(OUTCOMES, st.binary(max_size=50), OUTPUT), max_size=4),
        st.none() | st.tuples(SMALL, SMALL, st.floats(0, 1e9)),
    ),
    st.builds(wire.Withdrawn, st.lists(st.tuples(SMALL, SMALL), max_size=5)),
    st.builds(wire.Stillborn, WORDS),
)
NAMES = st.binary(max_size=20)


@given(message=TO_WORKER)
def test_what_goes_to_a_worker_arrives_as_it_was(message: msgspec.Struct) -> None:
    assert wire.decode_for_worker(wire.encode(message)) == message


@given(message=FROM_WORKER)
def test_what_comes_from_a_worker_arrives_as_it_was(message: msgspec.Struct) -> None:
    assert wire.decode_from_worker(wire.encode(message)) == message


@given(
    environ=st.lists(st.tuples(NAMES, st.none() | NAMES), max_size=4),
    paths=st.lists(NAMES, max_size=4),
    directory=NAMES,
)
def test_the_guard_is_told_names_that_are_no_text(
    environ: list[tuple[bytes, bytes | None]], paths: list[bytes], directory: bytes
) -> None:
    start = wire.Start("local-1/0", 3, "token/local-1/0/3", environ, directory, paths, b"/o\xff", b"/e\xff")
    assert wire.decode_for_guard(wire.encode(start)) == start


@given(messages=st.lists(TO_WORKER, max_size=6), cuts=st.lists(st.integers(0, 600), max_size=12))
def test_frames_do_not_depend_on_how_the_stream_is_cut(messages: list[msgspec.Struct], cuts: list[int]) -> None:
    stream = b"".join(wire.frame(message) for message in messages)
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    frames = wire.Frames()
    found = [
        wire.decode_for_worker(body)
        for begin, end in itertools.pairwise(places)
        for body in frames.feed(stream[begin:end])
    ]
    assert found == messages


def test_a_frame_may_be_empty_and_may_come_byte_by_byte() -> None:
    frames = wire.Frames()
    stream = wire.LENGTH.pack(0) + wire.LENGTH.pack(2) + b"ab" + wire.LENGTH.pack(0)
    assert [body for byte in stream for body in frames.feed(bytes([byte]))] == [b"", b"ab", b""]


def test_a_length_that_nobody_can_mean_is_refused_at_once() -> None:
    frames = wire.Frames()
    with pytest.raises(wire.FrameError, match="bytes was announced"):
        frames.feed(b"Traceback (most recent call last):")


@given(junk=st.binary(max_size=64))
def test_junk_is_a_decode_error_or_a_message_and_nothing_else(junk: bytes) -> None:
    for decode in (wire.decode_for_worker, wire.decode_from_worker, wire.decode_for_guard, wire.decode_from_guard):
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            assert isinstance(decode(junk), msgspec.Struct)


def test_a_message_for_somebody_else_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        wire.decode_from_worker(wire.encode(wire.Kill("local-1/0", 1)))
