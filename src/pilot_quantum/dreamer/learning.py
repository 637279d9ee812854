"""Rates refined by what finished plans have taken."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pilot_quantum.dreamer.fit import refined
from pilot_quantum.dreamer.models.cut import CUT
from pilot_quantum.dreamer.models.dispatch import DISPATCH
from pilot_quantum.dreamer.models.write import WRITE
from pilot_quantum.dreamer.planning.candidate import Candidate
from pilot_quantum.resource.profile import Rates

FORGETTING = 0.1
"""The weight of one run against all before it."""

MOST = 3.0
"""A run that took so many times its prediction, or so much less, had other reasons, and teaches nothing."""


def learned(rates: Sequence[Rates], candidate: Candidate, seconds: float) -> tuple[Rates, ...]:
    """`rates` after `candidate` has been run in so many seconds, planning left out.

    Every term moves by its share in the prediction (`fit.refined`), whatever model it belongs to, for nobody can tell
    which of them was wrong. Unchanged where the run was too far off, or where its model's rates are missing.
    """
    model = candidate.simulator or candidate.method
    prefixes = {model: "", DISPATCH: "dispatch.", WRITE: "write.", CUT: "cut."}
    involved = [one for one in rates if one.model in prefixes]
    joint = {prefixes[one.model] + name: rate for one in involved for name, rate in one.seconds.items()}
    terms = {name: share for name, share in candidate.prediction.terms.items() if joint.get(name)}
    predicted = sum(terms.values())
    if model not in {one.model for one in involved} or not predicted / MOST < seconds < predicted * MOST:
        return tuple(rates)
    units = {name: share / joint[name] for name, share in terms.items()}
    moved = refined(Rates(model, joint, spread=1.0), units, seconds, FORGETTING).seconds
    return tuple(
        msgspec.structs.replace(one, seconds={name: moved[prefixes[one.model] + name] for name in one.seconds})
        if one.model in prefixes
        else one
        for one in rates
    )
