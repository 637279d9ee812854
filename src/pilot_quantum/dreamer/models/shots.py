"""Shots that a target error takes (`workload/cutting/shots.py` divides them)."""

from __future__ import annotations

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
