"""How another host's monotonic clock relates to ours, learned from heartbeats."""

from __future__ import annotations

import struct
from collections import deque

from pilot_quantum.resource.channel.frames import FrameError

_BEAT = struct.Struct("<ddd")
_NONE = -1.0
_ROUNDING = 1e-6
_SAMPLES = 12
"""Recent heartbeats among which the one with the shortest way is trusted: few, because clocks drift apart."""


class PeerClock:
    """Estimates the offset as NTP does: half of a round trip is how long a message took, at most half of it is wrong.

    All times are seconds.
    """

    def __init__(self) -> None:
        self.offset = 0.0
        """To be added to the other's monotonic time to have ours."""
        self._last: tuple[float, float] | None = None
        """The other's time in its last heartbeat, and ours when that came."""
        self._samples: deque[tuple[float, float]] = deque(maxlen=_SAMPLES)
        """(round trip, offset)"""

    def beat(self, now: float) -> bytes:
        """What a heartbeat says: our time, the last one heard from the other, and how long ago."""
        if self._last is None:
            return _BEAT.pack(now, _NONE, 0.0)
        theirs, heard = self._last
        return _BEAT.pack(now, theirs, now - heard)

    def hear(self, body: bytes, now: float) -> None:
        """Learn from a heartbeat. Raises FrameError when it is none."""
        try:
            sent, echo, age = _BEAT.unpack(body)
        except struct.error:
            raise FrameError(f"a heartbeat of {len(body)} bytes") from None
        self._last = sent, now
        if echo == _NONE:
            if not self._samples:
                self.offset = now - sent  # too large by the time that it took; the next ones know how long that is
            return
        trip = max(0.0, now - echo - age)
        self._samples.append((trip, now - trip / 2 - sent))
        trip, offset = min(self._samples)
        # Where zero is as good an answer as any, both clocks are one: the processes share a host.
        self.offset = 0.0 if abs(offset) <= trip / 2 + _ROUNDING else offset
