"""The published optimiser's model of cutting, kept as the baseline (arXiv:2604.03445).

A whole circuit costs 2ⁿ, a cut one 2^m · R / η(R), with m qubits in the widest fragment, R = ⌈tasks / workers⌉ rounds
and an efficiency η(R) = η_max / R^p. Two numbers, fitted by weighted least squares of log η on log R.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from typing import NamedTuple


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
    """The two numbers. Defaults: as first published; `LATER` as published later."""

    efficiency: float = 0.0008
    exponent: float = 0.3233

    def efficiency_of(self, rounds: int) -> float:
        """η(R)."""
        return float(self.efficiency / rounds**self.exponent)

    def speedup(self, qubits: int, fragment_qubits: int, tasks: int, workers: int) -> float:
        """Seconds uncut over seconds cut: 2^(n - m) · η(R) / R."""
        rounds = rounds_of(tasks, workers)
        return float(2.0 ** (qubits - fragment_qubits) * self.efficiency_of(rounds) / rounds)

    def cost(self, fragment_qubits: int, tasks: int, workers: int) -> float:
        """Of a cut circuit, in the unit in which a whole one of n qubits costs 2ⁿ."""
        rounds = rounds_of(tasks, workers)
        return float(2.0**fragment_qubits * rounds / self.efficiency_of(rounds))


LATER = PowerLaw(0.0002, 0.7630)


def rounds_of(tasks: int, workers: int) -> int:
    """R = ⌈tasks / workers⌉. Raises ValueError for none of either."""
    if tasks < 1 or workers < 1:
        raise ValueError(f"{tasks} tasks on {workers} workers: at least one of each")
    return -(-tasks // workers)


def fit_power_law(runs: Sequence[CutRun]) -> PowerLaw:
    """The two numbers that explain `runs` best. Raises ValueError where all have the same rounds."""
    points = []
    for run in runs:
        rounds = rounds_of(run.tasks, run.workers)
        efficiency = run.speedup * rounds / 2.0 ** (run.qubits - run.fragment_qubits)
        points.append((log(rounds), log(efficiency), run.weight))
    weight = sum(w for *_, w in points)
    if not weight or len({x for x, *_ in points}) < 2:
        raise ValueError("a power law needs measurements at two different numbers of rounds at least")
    mean_x = sum(w * x for x, _, w in points) / weight
    mean_y = sum(w * y for _, y, w in points) / weight
    slope = sum(w * (x - mean_x) * (y - mean_y) for x, y, w in points) / sum(
        w * (x - mean_x) ** 2 for x, _, w in points
    )
    return PowerLaw(exp(mean_y - slope * mean_x), -slope)
