"""A plan as a figure: what each candidate's time goes to."""

from __future__ import annotations

from collections import defaultdict
from os import PathLike
from typing import TYPE_CHECKING

from pilot_quantum.errors import PilotQuantumError

if TYPE_CHECKING:
    from pilot_quantum.dreamer.planning.plan import Plan

SMALL = 0.02
"""The part of a candidate's time below which a term is drawn with the others."""


def draw(plan: Plan, path: str | PathLike[str]) -> None:
    """Write a bar for each candidate that was not refused, its terms stacked, to `path` (.png, .svg or .pdf).

    Raises PilotQuantumError where matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise PilotQuantumError(
            "a plot takes matplotlib, which is not installed: pip install 'pilot-quantum[plot]'"
        ) from error
    shown = [candidate for candidate in plan.candidates if not candidate.refused][::-1]
    figure = Figure(figsize=(9, 1.5 + 0.35 * len(shown)), layout="constrained")
    axes = figure.subplots()
    stacks: dict[str, list[float]] = defaultdict(lambda: [0.0] * len(shown))
    for at, candidate in enumerate(shown):
        total = sum(candidate.prediction.terms.values()) or 1.0
        for name, seconds in candidate.prediction.terms.items():
            # Candidates differ by factors of thousands, so bars show shares, not seconds.
            stacks[name if seconds >= SMALL * total else "other"][at] += seconds / total
    left = [0.0] * len(shown)
    for name, shares in stacks.items():
        axes.barh(range(len(shown)), shares, left=left, label=name)
        left = [a + b for a, b in zip(left, shares, strict=True)]
    axes.set_yticks(
        range(len(shown)),
        [f"{one.name}\n{one.prediction.seconds:.3g} s" + " *" * (one.name == plan.best.name) for one in shown],
        fontsize="small",
    )
    axes.set_xlabel("share of the predicted time (* chosen)")
    axes.legend(fontsize="x-small", loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path)
