"""Rates from measurements: non-negative, by relative error, drawn towards what is known where measurements are few."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log, sqrt
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


def refined(rates: Rates, units: Units, seconds: float, forgetting: float = 0.1) -> Rates:
    """`rates` after one more run that took `seconds`: moved towards it, each term by its share in the prediction.

    forgetting: the weight of this run against all before it, between 0 and 1. A multiplicative step keeps rates
    positive, and a term that had no part in the run keeps its rate (normalised least mean squares on logarithms). The
    spread follows the surprise in the same way. Raises ValueError for seconds or a weight that cannot be meant.
    """
    if seconds <= 0 or not 0 < forgetting < 1:
        raise ValueError(
            f"a run of {seconds} s with the weight {forgetting} teaches nothing: give seconds above 0 and "
            "a weight between 0 and 1"
        )
    parts = {name: amount * rates.seconds[name] for name, amount in units.items() if amount > 0}
    predicted = sum(parts.values())
    if predicted <= 0:
        return rates
    surprise = log(seconds / predicted)
    norm = sum((part / predicted) ** 2 for part in parts.values())
    moved = {
        name: rate * exp(forgetting * surprise * (parts.get(name, 0.0) / predicted) / norm)
        for name, rate in rates.seconds.items()
    }
    variance = (log(rates.spread) / NINE_OF_TEN) ** 2
    variance += forgetting * (surprise**2 - variance)
    spread = max(LEAST_SPREAD, exp(NINE_OF_TEN * sqrt(variance)))
    return Rates(rates.model, moved, spread, rates.measured, rates.samples + 1)
