"""Large arguments by content: sent once, kept within bounds, put back where they belong."""

from __future__ import annotations

import os
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilot_quantum.resource.agent import messages as m
from pilot_quantum.resource.agent.blobs import Received, Sent
from pilot_quantum.resource.agent.wire import ParcelRow
from pilot_quantum.resource.values import file
from pilot_quantum.resource.values.file import Reference, loads
from pilot_quantum.resource.values.store import LARGE, Store


class Receiver:
    """The other end, and what has come over the wire."""

    def __init__(self, store: Store | None = None) -> None:
        self.received = Received(store)
        self.came = 0

    def take(self, message: m.Blob | m.Drop) -> None:
        decoded = m.decode_down(m.encode(message))
        if isinstance(decoded, m.Blob):
            self.came += len(decoded.data)
            self.received.take(decoded)
        else:
            assert isinstance(decoded, m.Drop)
            self.received.drop(decoded)


def _over(sent: Sent, receiver: Receiver, rows: list[ParcelRow]) -> list[ParcelRow]:
    kept, left, first = sent.split(rows)
    assert all(len(value) < LARGE for row in kept for value in (row[2], *row[3]))
    for message in first:
        receiver.take(message)
    arrived = receiver.received.restored(kept, left)
    drop = sent.settle()
    if drop is not None:
        receiver.take(drop)
    return [(task, attempt, _bytes(payload), tuple(map(_bytes, inputs))) for task, attempt, payload, inputs in arrived]


def _bytes(value: bytes) -> bytes:
    return b"".join(bytes(piece) for piece in value.value.pieces()) if isinstance(value, Reference) else value


def test_equal_values_travel_once_also_as_other_objects() -> None:
    data = os.urandom(LARGE)
    sent, receiver = Sent(), Receiver()
    rows: list[ParcelRow] = [(1, 1, b"small", (data, b"x")), (2, 1, bytes(bytearray(data)), ())]
    assert _over(sent, receiver, rows) == rows
    assert _over(sent, receiver, rows[:1]) == rows[:1]
    assert receiver.came == LARGE


def test_small_rows_pass_as_they_are() -> None:
    rows: list[ParcelRow] = [(1, 1, b"payload", (b"x",) * 3)]
    assert Sent().split(rows) == (rows, [], [])


@pytest.mark.parametrize("most", [256, 0], ids=["in a file", "without files"])
def test_a_reference_travels_as_its_content_in_pieces(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(file, "PIECE", 10_000)
    value = os.urandom(3 * LARGE)
    reference = Store().keep([pickle.dumps(value)])
    assert isinstance(reference, Reference)
    sent, receiver = Sent(), Receiver(Store(most=most))
    for attempt in range(3):
        kept, left, first = sent.split([(1, attempt, b"", (b"small", reference))])
        for message in first:
            receiver.take(message)
        (row,) = receiver.received.restored(kept, left)
        assert isinstance(row[3][1], Reference) == bool(most)
        assert loads(row[3][1]) == value
    assert receiver.came == reference.value.size


def test_what_is_gone_here_is_dropped_there_unless_a_row_holds_it() -> None:
    reference = Store().keep([pickle.dumps(os.urandom(LARGE))])
    sent, receiver = Sent(), Receiver()
    kept, left, first = sent.split([(1, 1, b"", (reference,))])
    for message in first:
        receiver.take(message)
    rows = receiver.received.restored(kept, left)
    assert sent.settle() is None
    del reference
    drop = sent.settle()
    assert drop is not None
    receiver.take(drop)
    assert not receiver.received.digests
    assert len(loads(rows[0][3][0])) == LARGE


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 6), st.lists(st.integers(0, 6), max_size=3)), max_size=4), max_size=8)
)
def test_whatever_is_sent_arrives_and_little_is_kept(shipments: list[list[tuple[int, list[int]]]]) -> None:
    def value(number: int) -> bytes:
        return bytes([number]) * (LARGE - 2 + number)

    limit = 3 * LARGE
    sent, receiver = Sent(limit), Receiver()
    for number, shipment in enumerate(shipments):
        rows: list[ParcelRow] = [
            (index, number, value(payload), tuple(value(one) for one in inputs))
            for index, (payload, inputs) in enumerate(shipment)
        ]
        assert _over(sent, receiver, rows) == rows
        assert len(receiver.received.digests) * LARGE <= limit
