"""Whether sampled counts can come from a known distribution, for any number of outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from math import log, sqrt


def total_variation(counts: Mapping[str, int], exact: Mapping[str, float]) -> float:
    """½·Σ|counts/shots - exact| over all outcomes; 0 when they agree, 1 when nothing does."""
    shots = sum(counts.values())
    outcomes = counts.keys() | exact.keys()
    return 0.5 * sum(abs(counts.get(key, 0) / shots - exact.get(key, 0.0)) for key in outcomes)


def total_variation_bound(exact: Mapping[str, float], shots: int, failure: float = 1e-6) -> float:
    """What `total_variation` of `shots` true samples exceeds with a probability of at most `failure`.

    Its mean is at most ½·Σ√(p(1-p)/N) (Jensen), and it exceeds its mean by √(ln(1/failure)/(2N)) with at
    most that probability, since one shot moves it by at most 1/N (McDiarmid 1989, bounded differences).
    """
    mean = 0.5 * sum(sqrt(max(0.0, p * (1 - p)) / shots) for p in exact.values())
    return mean + sqrt(log(1 / failure) / (2 * shots))


def impossible_outcomes(counts: Mapping[str, int], exact: Mapping[str, float]) -> list[str]:
    """Outcomes that were seen although their exact probability is zero."""
    return sorted(counts.keys() - exact.keys())
