"""Rates from measurements: non-negative, by relative error, drawn towards what is known where measurements are few."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, sqrt
from typing import NamedTuple

import numpy as np

from pilot_quantum.dreamer.prediction import Units
from pilot_quantum.resource.profile import Rates

LEAST_SPREAD = 1.05
"""No machine repeats itself better than this."""

NINE_OF_TEN = 1.645
"""Standard deviations to either side that hold nine of ten values of a normal distribution."""

DISTURBED = 0.4
"""Logarithm of the ratio to what is predicted from which on a measurement counts less: something else was running."""

PRIOR_WEIGHT = 0.02
"""What one assumed rate weighs, in measurements."""


class Sample(NamedTuple):
    """What a piece of work took: its units and the seconds that were measured."""

    units: Units
    seconds: float


def fit(assumed: Rates, samples: Sequence[Sample]) -> Rates:
    """The rates that explain `samples` best, with the spread of what they leave unexplained.

    assumed: rates of the same model, right in their proportions at least: a term that the samples say little of stays
    near its assumed proportion to the others. Minimised is Σ((predicted - measured)² / (predicted · measured)), nearly
    the squared logarithm of their ratio, by non-negative least squares (Lawson and Hanson 1974) with repeated weights,
    which take from those far off (Cauchy's).
    Raises ValueError where there are no samples, or one has a term that the model does not know.
    """
    from scipy.optimize import nnls  # type: ignore[import-untyped]

    names = list(assumed.seconds)
    if not samples or any(sample.seconds <= 0 for sample in samples):
        raise ValueError(
            f"the model {assumed.model!r} is fitted to measurements of more than 0 seconds; none were given"
        )
    if unknown := {name for sample in samples for name in sample.units} - set(names):
        raise ValueError(
            f"the model {assumed.model!r} has no term {', '.join(sorted(unknown))}, only {', '.join(names)}"
        )
    amounts = np.array([[sample.units.get(name, 0.0) for name in names] for sample in samples])
    seconds = np.array([sample.seconds for sample in samples])
    prior = np.array([assumed.seconds[name] for name in names])
    prior *= exp(float(np.median(np.log(seconds / np.maximum(amounts @ prior, 1e-12)))))
    predicted = seconds
    rates = prior
    for _ in range(12):
        far = np.log(predicted / seconds) / DISTURBED
        weights = 1 / np.sqrt(seconds * predicted * (1 + far**2))
        rows = np.vstack([amounts * prior * weights[:, None], sqrt(PRIOR_WEIGHT) * np.eye(len(names))])
        found, _ = nnls(rows, np.concatenate([seconds * weights, np.full(len(names), sqrt(PRIOR_WEIGHT))]))
        rates = found * prior
        predicted = np.maximum(amounts @ rates, 1e-12)
    return Rates(
        assumed.model,
        {name: float(rate) for name, rate in zip(names, rates, strict=True)},
        spread_of(np.log(predicted / seconds), free=len(names)),
        samples=len(samples),
    )


def spread_of(log_ratios: Sequence[float] | np.ndarray[tuple[int], np.dtype[np.float64]], free: int = 0) -> float:
    """The factor within which nine of ten measurements lie, from log(predicted / measured) of those at hand.

    free: parameters that were fitted to them, at most half of which count where measurements are few.
    """
    values = np.asarray(log_ratios, dtype=float)
    left = max(len(values) - free, len(values) / 2, 1)
    deviation = sqrt(float(values @ values) / left)
    return max(LEAST_SPREAD, exp(NINE_OF_TEN * deviation))
