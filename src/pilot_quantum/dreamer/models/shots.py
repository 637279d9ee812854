"""Shots that a target error takes (`workload/cutting/shots.py` divides them)."""

from __future__ import annotations

from math import ceil, inf, sqrt

from pilot_quantum.errors import InvalidDescriptionError, PilotQuantumError

MOST_SHOTS = 2**63 - 1
"""That are counted: what 64 bits hold, more than any machine ever runs."""


class TooManyShotsError(PilotQuantumError, ValueError):
    """A target error needs more shots than there are to spend.

    needed, budget: both figures; a need beyond `MOST_SHOTS` is a float, infinite where none can hold it. budget: None
    where there was none, and only `MOST_SHOTS` are too few.
    """

    def __init__(self, needed: float, budget: int | None, error: float) -> None:
        figure = f"{needed:,}" if needed < MOST_SHOTS else "more than 1e+308" if needed == inf else f"{needed:.2g}"
        if budget is None:
            limit = f"nobody counts more than {MOST_SHOTS:.2g}"
        else:
            limit = f"the budget is {budget:,}"
            limit += f", which gives {error * sqrt(needed / max(1, budget)):.2g}" if needed < inf else ""
        super().__init__(
            f"a standard error of {error:g} needs {figure} shots, and {limit}. Ask for less, allow more shots, or use "
            "a simulator, which needs none."
        )
        self.needed = needed
        self.budget = budget


def shots_for(error: float, overhead: float = 1.0, variance: float = 1.0, budget: int | None = None) -> int:
    """Shots that bring the standard error of an expectation value down to `error`: κ²σ²/ε².

    error: target standard error, in units of the observable. overhead: κ², the squared one-norm of the
    quasi-probability decomposition (Mitarai and Fujii 2021); 1 without cuts. variance: of one shot, at most 1 for a
    Pauli. Raises InvalidDescriptionError when a number cannot be meant, TooManyShotsError where more than `budget` are
    needed, or more than `MOST_SHOTS`.
    """
    if not (0 < error < inf and overhead >= 1 and variance >= 0):
        raise InvalidDescriptionError(
            f"error={error} must be positive and finite, overhead={overhead} at least 1, variance={variance} not "
            "negative"
        )
    exact = float(overhead) * float(variance) / error / error if variance else 0.0  # no square, which may be 0
    if exact >= MOST_SHOTS:
        raise TooManyShotsError(exact, budget, error)
    needed = max(1, ceil(exact * (1 - 1e-12)))
    if budget is not None and needed > budget:
        raise TooManyShotsError(needed, budget, error)
    return needed
