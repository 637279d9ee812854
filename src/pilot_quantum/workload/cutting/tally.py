"""Counts of subexperiments, and what they say about the entries of a fragment's tensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pilot_quantum.circuit.quasi import Floats
from pilot_quantum.workload.cutting.gram import parity
from pilot_quantum.workload.cutting.subexperiments import Counts, Subexperiments

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """What one subexperiment measures.

    places: of its entries in the flattened tensor of the fragment. masks: which bits of an outcome make an entry's
    sign. branch_signs: of the joint outcomes of the variant's measurements. bits: number of qubits measured at the end.
    """

    places: Indices
    masks: NDArray[np.int64]
    branch_signs: Floats
    bits: int

    @property
    def constant(self) -> NDArray[np.bool_]:
        """Which entries are 1 whatever comes out."""
        return np.asarray((self.masks == 0) & bool((self.branch_signs > 0).all()))

    def signs(self, outcomes: NDArray[np.int64]) -> Floats:
        """Every entry's sign in every outcome: shape (entries, outcomes)."""
        bits = outcomes & ((1 << self.bits) - 1)
        return np.asarray(self.branch_signs[outcomes >> self.bits] * (1.0 - 2.0 * parity(self.masks[:, None] & bits)))


def entries_of(subexperiments: Subexperiments, setting: int, variant: int, outs: int, strings: int) -> Entries:
    """The entries that a (setting, variant) measures.

    outs: number of outgoing wires. strings: number of the fragment's local strings.
    """
    chosen = subexperiments.settings[setting]
    places = (variant * 4**outs + chosen.out) * strings + chosen.strings
    return Entries(places, chosen.masks, subexperiments.signs(variant), len(chosen.qubits))


class Tally:
    """All that was seen of one subexperiment, from however many draws."""

    def __init__(self, entries: Entries, draws: Sequence[Counts]) -> None:
        outcomes = np.concatenate([each.outcomes for each in draws])
        self._counts = np.concatenate([each.counts for each in draws]).astype(float)
        self._signs = entries.signs(outcomes)
        self.shots = float(self._counts.sum())

    def means(self) -> Floats:
        """Every entry's mean."""
        return np.asarray(self._signs @ self._counts / self.shots)

    def variance(self, slopes: Floats) -> Floats:
        """Of one shot's contribution Σ slope x sign, unbiased: shape (observables,); slopes: (observables, entries)."""
        each = slopes @ self._signs
        centred = each - (each @ self._counts / self.shots)[:, None]
        return np.asarray(centred**2 @ self._counts / (self.shots - 1))

    def noise(self, rng: np.random.Generator, samples: int) -> Floats:
        """Normal errors of the means, with their estimated covariance: shape (samples, entries)."""
        share = self._counts / self.shots
        normal = rng.standard_normal((samples, len(share))) * np.sqrt(share)
        normal -= normal.sum(axis=1, keepdims=True) * share
        return np.asarray(normal @ self._signs.T / np.sqrt(self.shots - 1))
