"""A budget of shots, divided where it lowers the error most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pilot_quantum.errors import CircuitError

Floats = NDArray[np.float64]
Shots = NDArray[np.int64]

FIRST = 32
"""Shots of each subexperiment before anything is known of its spread."""

SHARE = 0.1
"""Of the budget that is spent to learn the spreads, where that is more than `FIRST` each."""


def check_budget(shots: int, subexperiments: int) -> None:
    """Raise CircuitError where `shots` are too few to learn each subexperiment's spread with half of them."""
    least = 2 * FIRST * subexperiments
    if shots < least:
        raise CircuitError(
            f"a budget of {shots} shots is too small for {subexperiments} distinct subexperiments: "
            f"give at least {least}, or make fewer cuts."
        )


def first_shots(budget: int, bounds: Floats) -> Shots:
    """The first draw: by how much each subexperiment could at most contribute to the error."""
    share = max(int(SHARE * budget), FIRST * len(bounds))
    return FIRST + divided(share - FIRST * len(bounds), bounds)


def further_shots(budget: int, spent: Shots, spreads: Floats) -> Shots:
    """The second draw: together with what is `spent`, in proportion to the spreads as far as that can still be.

    Var = Σ s²/n is least for n in proportion to s (Neyman 1934).
    """
    left = budget - int(spent.sum())
    open_ = spreads > 0
    wanted = np.zeros(len(spent))
    while open_.any():
        wanted = np.where(open_, spreads * (left + spent[open_].sum()) / spreads[open_].sum() - spent, 0.0)
        if (wanted >= 0).all():
            break
        open_ &= wanted > 0
    return divided(left, wanted)


def divided(total: int, weights: Floats) -> Shots:
    """`total` in whole numbers by `weights`, all equal where they are all 0: the largest remainders are rounded up."""
    if not len(weights):
        return np.zeros(0, dtype=np.int64)
    weights = weights if weights.sum() > 0 else np.ones(len(weights))
    exact = total * (weights / weights.sum())
    parts: Shots = np.floor(exact).astype(np.int64)
    short = total - int(parts.sum())
    parts[np.argsort(parts - exact, kind="stable")[:short]] += 1
    return parts
