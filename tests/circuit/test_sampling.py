"""The bound on sampled counts: true samples pass, others do not."""

from __future__ import annotations

import numpy as np
import pytest

from pilot_quantum.circuit.sampling import impossible_outcomes, total_variation, total_variation_bound

EXACT = {format(index, "04b"): weight / 136 for index, weight in enumerate(range(1, 17))}


def drawn(exact: dict[str, float], shots: int, seed: int) -> dict[str, int]:
    counts = np.random.default_rng(seed).multinomial(shots, list(exact.values()))
    return {key: int(count) for key, count in zip(exact, counts, strict=True) if count}


@pytest.mark.parametrize("shots", [10, 400, 10_000])
def test_true_samples_stay_within_the_bound(shots: int) -> None:
    bound = total_variation_bound(EXACT, shots)
    assert all(total_variation(drawn(EXACT, shots, seed), EXACT) <= bound for seed in range(200))


def test_samples_of_another_distribution_exceed_it() -> None:
    uniform = dict.fromkeys(EXACT, 1 / 16)
    assert total_variation(drawn(uniform, 4096, seed=1), EXACT) > total_variation_bound(EXACT, 4096)


def test_reversed_bits_exceed_it() -> None:
    counts = {key[::-1]: count for key, count in drawn(EXACT, 4096, seed=1).items()}
    assert total_variation(counts, EXACT) > total_variation_bound(EXACT, 4096)


def test_outcomes_that_cannot_be_are_listed() -> None:
    assert impossible_outcomes({"00": 5, "01": 1}, {"00": 0.5, "11": 0.5}) == ["01"]
