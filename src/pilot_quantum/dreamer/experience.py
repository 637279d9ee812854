"""What a session learns from the plans that it has carried out.

Calibration measures each term of a cost model by itself, on a machine that does nothing else. In a program's own runs
caches are colder and workers take turns, and all predictions of a kind are off by much the same factor. So the session
remembers by what factor, for each method, each set of pilots and each octave of predicted seconds, and later
predictions are corrected by those near them (Nadaraya and Watson 1964: a kernel-weighted mean). Rates stay as they were
measured: a factor that is learned against fixed predictions cannot run away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from math import exp, log, log2
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any

import msgspec

from pilot_quantum.resource.profile import ResourceProfile, Surprise

if TYPE_CHECKING:
    from pilot_quantum.dreamer.planning.candidate import Candidate

REMEMBERED = 16
"""Runs whose mean an octave keeps: of more, the older ones fade."""

DOUBT = 4.0
"""Runs that the prediction itself counts for."""

REACH = 1.0
"""Of the Gaussian kernel: by what logarithm of seconds runs may differ and still tell much of each other."""

MOST = log(3.0)
"""A larger surprise counts as this one: it had other reasons, such as a worker's first use of a library."""

VAGUE = 20.0
"""A prediction whose range spans such a factor was none, and its run says nothing of the model."""

Tasks = Callable[[], tuple[int, int]]
"""How many tasks a session has been given so far, and how many of them have not ended."""


class Experience:
    """The surprises of one session; used from any thread. tasks: asked whether a run had the pilots for itself."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._surprises: dict[tuple[str, tuple[str, ...], int], Surprise] = {}
        self._lock = Lock()

    def on(self, profile: ResourceProfile) -> ResourceProfile:
        """`profile` with what was learned of runs whose first pilot it is."""
        with self._lock:
            found = tuple(one for one in self._surprises.values() if one.pilots[0] == profile.pilot)
        return replace(profile, surprises=found) if found else profile

    def watch(self, candidate: Candidate, done: float) -> Watch | None:
        """Begins to time a run of `candidate`; None where other tasks wait or run, which it would share pilots with.

        done: seconds that planning has taken already for what belongs to it.
        """
        prediction = candidate.prediction
        given, left = self._tasks()
        if left or not candidate.pilots or not 0 < prediction.high < VAGUE * prediction.low:
            return None
        return Watch(self, candidate, done, given)

    def alone(self, given: int, own: int) -> bool:
        """Whether since `given` tasks a session has been given just `own` more."""
        return self._tasks()[0] == given + own

    def learn(self, candidate: Candidate, seconds: float) -> None:
        """A run of `candidate` took so many seconds, all that is predicted of it included."""
        predicted = candidate.prediction.seconds / candidate.surprise
        surprise = max(-MOST, min(MOST, log(seconds / predicted)))
        key = candidate.method, candidate.pilots, round(log2(predicted))
        with self._lock:
            known = self._surprises.get(key)
            mean, runs = (known.log_ratio, known.runs) if known is not None else (0.0, 0)
            runs = min(runs + 1, REMEMBERED)
            self._surprises[key] = Surprise(*key, mean + (surprise - mean) / runs, runs)


class Watch:
    """Times one run of a candidate, from now on."""

    def __init__(self, experience: Experience, candidate: Candidate, done: float, given: int) -> None:
        self._experience, self._candidate = experience, candidate
        self._done, self._given = done, given
        self._own = 0
        self._began = self._ended = monotonic()

    def handed_over(self, future: Future[Any]) -> None:
        """A task of the run."""
        self._own += 1
        future.add_done_callback(self._note)

    def finished(self, seconds: float) -> None:
        """All tasks have ended well, and putting the answer together took so many seconds more.

        How long the caller waited before he asked for the answer does not count. Told a second time, it does nothing.
        """
        if self._own and self._experience.alone(self._given, self._own):
            self._experience.learn(self._candidate, self._ended - self._began + self._done + seconds)
        self._own = 0

    def _note(self, _: Future[Any]) -> None:
        self._ended = monotonic()


def surprises_of(resources: Iterable[ResourceProfile]) -> tuple[Surprise, ...]:
    """All that was learned on these pilots."""
    return tuple(one for profile in resources for one in profile.surprises)


def experienced(candidate: Candidate, surprises: Sequence[Surprise]) -> Candidate:
    """`candidate`, its prediction corrected by what runs like it have taken; itself where there were none."""
    seconds = candidate.prediction.seconds
    near = [one for one in surprises if one.method == candidate.method and one.pilots == candidate.pilots]
    if not near or not 0 < seconds < float("inf"):
        return candidate
    place = log(seconds)
    total, weights = 0.0, DOUBT
    for one in near:
        weight = one.runs * exp(-(((one.octave * log(2.0) - place) / REACH) ** 2) / 2)
        total += weight * one.log_ratio
        weights += weight
    factor = exp(total / weights)
    return msgspec.structs.replace(candidate, prediction=candidate.prediction.times(factor), surprise=factor)
