"""A fragment's distinct subexperiments, and counts drawn from the exact distribution of their outcomes.

A measurement in the middle of a circuit makes a simulator run every shot by itself. Here nothing runs per shot, nor per
subexperiment: the variants' final states are those of the exact mode, and the branches of all measurements are linear
in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pilot_quantum.circuit.quasi import Complexes, Floats, Operation
from pilot_quantum.workload.cutting.gram import marginal_tensors
from pilot_quantum.workload.cutting.parts import FragmentWork
from pilot_quantum.workload.cutting.settings import Setting
from pilot_quantum.workload.readout import sampled
from pilot_quantum.workload.units import final_state

Ints = NDArray[np.int64]

MOST_LISTED = 2**20
"""Outcomes up to which all counts are drawn at once (multinomially), not shot by shot."""


@dataclass(frozen=True, slots=True, eq=False)
class Subexperiments:
    """All subexperiments of a fragment: a choice of operations (the variant) with a setting.

    operations: of each leg but outgoing wires. A variant counts them as digits, the first leg's highest.
    """

    operations: tuple[tuple[Operation, ...], ...]
    settings: tuple[Setting, ...]

    @property
    def variants(self) -> int:
        """How many choices of operations there are."""
        return int(np.prod([len(each) for each in self.operations], dtype=np.int64))

    def chosen(self, variant: int) -> list[Operation]:
        """The operations of a variant."""
        digits = np.unravel_index(variant, [len(each) for each in self.operations]) if self.operations else ()
        return [each[int(i)] for each, i in zip(self.operations, digits, strict=True)]

    def signs(self, variant: int) -> Floats:
        """Of the joint outcomes of a variant's measurements, the first leg's slowest."""
        signs: Floats = np.ones(1)
        for operation in self.chosen(variant):
            signs = (signs[:, None] * operation.signs).reshape(-1)
        return signs

    def rows(self, variant: int) -> Complexes:
        """The weights of the fragment's terms that each joint outcome leaves: shape (outcomes, terms of all legs)."""
        rows = np.ones((1, 1), dtype=complex)
        for operation in self.chosen(variant):
            pairs = rows[:, None, :, None] * operation.rows[None, :, None, :]  # np.kron takes ten times as long
            rows = pairs.reshape(len(rows) * len(operation.rows), -1)
        return rows


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Outcomes seen and how often. outcomes: branch of the measurements times 2^(qubits measured), plus their bits."""

    outcomes: Ints
    counts: Ints

    @property
    def shots(self) -> int:
        """How many there were."""
        return int(self.counts.sum())


Drawn: TypeAlias = dict[tuple[int, int], Counts]
"""Counts by (setting, variant)."""


def distributions(
    work: FragmentWork, subexperiments: Subexperiments, wanted: Sequence[tuple[int, int]]
) -> list[Floats]:
    """The outcomes' exact probabilities for each (setting, variant): shape (branches, 2^(qubits measured)).

    Raises SimulationError.
    """
    psi = work.shape.amplitudes(final_state(work.blob, work.simulator)).reshape(-1, 2**work.shape.width)
    found: dict[tuple[int, int], Floats] = {}
    for index in sorted({setting for setting, _ in wanted}):
        setting = subexperiments.settings[index]
        overlaps = marginal_tensors(setting.rotated(psi), setting.qubits, work.shape.width)
        flat = overlaps.transpose(1, 2, 0).reshape(len(psi), -1)
        for key in wanted:
            if key[0] == index:
                rows = subexperiments.rows(key[1])
                left = (rows @ flat).reshape(len(rows), len(psi), -1)
                weights = (left * rows.conj()[:, :, None]).sum(axis=1).real
                found[key] = np.maximum(weights, 0.0)
    return [found[key] for key in wanted]


def draw(
    work: FragmentWork,
    subexperiments: Subexperiments,
    wanted: Sequence[tuple[int, int]],
    shots: Sequence[int],
    entropy: int,
    place: tuple[int, int],
) -> Drawn:
    """Counts of each (setting, variant), by their `shots`.

    entropy, place: the seed of each is made of these and of its (setting, variant), so that it has the same counts
    whoever draws them, with whichever others. Raises SimulationError.
    """
    found: Drawn = {}
    for key, weights, number in zip(wanted, distributions(work, subexperiments, wanted), shots, strict=True):
        rng = np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(*place, *key)))
        flat = weights.reshape(-1)
        if flat.size <= MOST_LISTED:
            counts = rng.multinomial(number, flat / flat.sum())
            outcomes = np.flatnonzero(counts)
            found[key] = Counts(outcomes, counts[outcomes])
        else:
            found[key] = Counts(*np.unique(sampled(flat, number, rng), return_counts=True))
    return found
