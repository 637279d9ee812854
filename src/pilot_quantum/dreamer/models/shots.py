"""Shots that a target error takes, and how they are divided."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, sqrt

from pilot_quantum.errors import PilotQuantumError


class TooManyShotsError(PilotQuantumError, ValueError):
    """A target error needs more shots than there are to spend. needed, budget: both figures."""

    def __init__(self, needed: int, budget: int, error: float) -> None:
        super().__init__(
            f"a standard error of {error:g} needs {needed:,} shots, and the budget is {budget:,}, which gives "
            f"{error * sqrt(needed / max(1, budget)):.2g}. Ask for less, allow more shots, or use a simulator, which "
            "needs none."
        )
        self.needed = needed
        self.budget = budget


def shots_for(error: float, overhead: float = 1.0, variance: float = 1.0, budget: int | None = None) -> int:
    """Shots that bring the standard error of an expectation value down to `error`: κ²σ²/ε².

    error: target standard error, in units of the observable. overhead: κ², the squared one-norm of the
    quasi-probability decomposition (Mitarai and Fujii 2021); 1 without cuts. variance: of one shot, at most 1 for a
    Pauli. Raises ValueError when a number cannot be meant, TooManyShotsError where more than `budget` are needed.
    """
    if error <= 0 or overhead < 1 or variance < 0:
        raise ValueError(
            f"error={error} must be positive, overhead={overhead} at least 1, variance={variance} not negative"
        )
    needed = max(1, ceil(overhead * variance / error**2 * (1 - 1e-12)))
    if budget is not None and needed > budget:
        raise TooManyShotsError(needed, budget, error)
    return needed


def divided(shots: int, coefficients: Sequence[float], deviations: Sequence[float]) -> list[int]:
    """`shots` divided among estimates by |coefficient|·deviation: the least variance of their sum.

    At least one each (Neyman 1934); what rounding leaves goes to the largest remainders. Raises ValueError for fewer
    shots than estimates.
    """
    if shots < len(coefficients):
        raise ValueError(f"{shots} shots cannot be divided among {len(coefficients)} estimates: one each at least")
    weights = [abs(c) * s for c, s in zip(coefficients, deviations, strict=True)]
    total = sum(weights)
    free = shots - len(weights)
    exact = [free * (weight / total if total else 1 / len(weights)) for weight in weights]
    parts = [int(part) for part in exact]
    by_rest = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for i in by_rest[: free - sum(parts)]:
        parts[i] += 1
    return [1 + part for part in parts]


def variance_of(shots: Sequence[int], coefficients: Sequence[float], deviations: Sequence[float]) -> float:
    """Variance of the weighted sum of estimates, each from so many shots: the sum of (c·deviation)²/N."""
    return sum((c * s) ** 2 / n for n, c, s in zip(shots, coefficients, deviations, strict=True))
