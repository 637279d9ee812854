from __future__ import annotations

import pytest

from pilot_quantum.resource.channel.clock import PeerClock
from pilot_quantum.resource.channel.frames import FrameError


def converse(offset: float, ways: list[tuple[float, float]]) -> PeerClock:
    """What we know after heartbeats that took these times there and back; the other's clock is `offset` behind."""
    ours, theirs, now = PeerClock(), PeerClock(), 1000.0
    for there, back in ways:
        theirs.hear(ours.beat(now), now + there - offset)
        now += there + 0.5
        body = theirs.beat(now - offset)
        now += back
        ours.hear(body, now)
    return ours


def test_the_offset_is_known_from_the_first_heartbeat_on():
    clock = PeerClock()
    clock.hear(PeerClock().beat(5.0), 105.0)
    assert clock.offset == 100.0


def test_the_shortest_way_is_trusted():
    clock = converse(7200.0, [(0.5, 0.1), (0.010, 0.012), (0.1, 0.9)])
    assert clock.offset == pytest.approx(7200.0, abs=0.0012)


def test_processes_of_one_host_share_a_clock():
    assert converse(0.0, [(0.3, 0.001)]).offset == 0.0


def test_an_old_estimate_gives_way():
    clock = converse(50.0, [(0.0, 0.0)] + [(0.1, 0.1)] * 12)
    assert len(clock._samples) == 12
    assert min(clock._samples)[0] == pytest.approx(0.2)


def test_garbage_is_no_heartbeat():
    with pytest.raises(FrameError):
        PeerClock().hear(b"tick", 0.0)
