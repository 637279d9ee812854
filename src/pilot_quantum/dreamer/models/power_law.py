"""The published optimiser's model of cutting, kept as the baseline (arXiv:2604.03445).

A whole circuit costs 2ⁿ, a cut one 2^m · R / η(R), with m qubits in the widest fragment, R = ⌈tasks / workers⌉ rounds
and an efficiency η(R) = η_max / R^p. Two numbers, fitted by weighted least squares of log η on log R.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, isfinite, log
from typing import NamedTuple

from pilot_quantum.errors import InvalidDescriptionError

MOST_LOG = 700.0
"""Logarithm of what floats hold, either way."""


class CutRun(NamedTuple):
    """A measured pair. speedup: seconds uncut over seconds cut. weight: in the fit."""

    qubits: int
    fragment_qubits: int
    tasks: int
    workers: int
    speedup: float
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """The two numbers. Defaults: as first published; `LATER` as published later.

    Raises InvalidDescriptionError for an efficiency that is not above 0, or numbers that are not finite.
    """

    efficiency: float = 0.0008
    exponent: float = 0.3233

    def __post_init__(self) -> None:
        if not (0 < self.efficiency < inf and isfinite(self.exponent)):
            raise InvalidDescriptionError(
                f"PowerLaw(efficiency={self.efficiency!r}, exponent={self.exponent!r}): the efficiency must be finite "
                "and above 0, the exponent finite."
            )

    def efficiency_of(self, rounds: int) -> float:
        """η(R). Raises InvalidDescriptionError for less than one round."""
        return _exp(self._log_efficiency(rounds))

    def speedup(self, qubits: int, fragment_qubits: int, tasks: int, workers: int) -> float:
        """Seconds uncut over seconds cut: 2^(n - m) · η(R) / R; infinite where floats end."""
        rounds = rounds_of(tasks, workers)
        return _exp(log(2.0) * (qubits - fragment_qubits) + self._log_efficiency(rounds) - log(rounds))

    def cost(self, fragment_qubits: int, tasks: int, workers: int) -> float:
        """Of a cut circuit, in the unit in which a whole one of n qubits costs 2ⁿ; infinite where floats end."""
        rounds = rounds_of(tasks, workers)
        return _exp(log(2.0) * fragment_qubits + log(rounds) - self._log_efficiency(rounds))

    def _log_efficiency(self, rounds: int) -> float:
        """By logarithms, since 6^cuts tasks are soon more than floats hold."""
        if not rounds >= 1:
            raise InvalidDescriptionError(f"{rounds} rounds: there is at least one.")
        return log(self.efficiency) - self.exponent * log(rounds)


LATER = PowerLaw(0.0002, 0.7630)


def rounds_of(tasks: int, workers: int) -> int:
    """R = ⌈tasks / workers⌉. Raises InvalidDescriptionError for none of either."""
    if not (tasks >= 1 and workers >= 1):
        raise InvalidDescriptionError(f"{tasks} tasks on {workers} workers: there must be at least one of each.")
    return -(-tasks // workers)


def fit_power_law(runs: Sequence[CutRun]) -> PowerLaw:
    """The two numbers that explain `runs` best.

    Raises InvalidDescriptionError where all have the same rounds, and for a speed-up that is not above 0, a weight
    below it, or an efficiency beyond what floats hold.
    """
    points = []
    for run in runs:
        if not (0 < run.speedup < inf and 0 <= run.weight < inf):
            raise InvalidDescriptionError(
                f"{run}: a speed-up must be finite and above 0, a weight finite and 0 or more."
            )
        rounds = rounds_of(run.tasks, run.workers)
        efficiency = log(run.speedup) + log(rounds) - log(2.0) * (run.qubits - run.fragment_qubits)
        points.append((log(rounds), efficiency, run.weight))
    weight = sum(w for *_, w in points)
    if not weight or len({x for x, *_ in points}) < 2:
        raise InvalidDescriptionError("a power law needs measurements at two different numbers of rounds at least.")
    mean_x = sum(w * x for x, _, w in points) / weight
    mean_y = sum(w * y for _, y, w in points) / weight
    slope = sum(w * (x - mean_x) * (y - mean_y) for x, y, w in points) / sum(
        w * (x - mean_x) ** 2 for x, _, w in points
    )
    at_one = mean_y - slope * mean_x
    if abs(at_one) > MOST_LOG:
        raise InvalidDescriptionError(
            f"the runs have an efficiency of 10^{at_one / log(10.0):.0f}, beyond what floats hold: the whole circuits "
            "cannot have been run as state vectors, which is what the power law is of."
        )
    return PowerLaw(exp(at_one), -slope)


def _exp(logarithm: float) -> float:
    """e^logarithm; infinite where that is beyond what floats hold."""
    try:
        return exp(logarithm)
    except OverflowError:
        return inf
