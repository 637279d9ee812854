"""Expectation values of a cut circuit from shots, as on machines that give nothing but counts, with their errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pilot_quantum.circuit.contraction import check_overlaps
from pilot_quantum.circuit.fragments import CutCircuit, LegKind
from pilot_quantum.circuit.quasi import Floats, decomposition
from pilot_quantum.circuit.updates import UPDATES_PER_UNIT, blocks
from pilot_quantum.errors import CircuitTooLargeError
from pilot_quantum.workload.cutting.keys import PartKey
from pilot_quantum.workload.cutting.mixture import Mixture
from pilot_quantum.workload.cutting.observables import PauliSums, combinations, on_fragments
from pilot_quantum.workload.cutting.parts import FragmentWork, Part
from pilot_quantum.workload.cutting.settings import settings
from pilot_quantum.workload.cutting.shots import Shots, check_budget, first_shots, further_shots
from pilot_quantum.workload.cutting.subexperiments import Counts, Drawn, Subexperiments, draw
from pilot_quantum.workload.cutting.tally import Entries, Tally, entries_of

MOST_SUBEXPERIMENTS = 10**6
SAMPLES = 64
"""Of the noise that the errors' terms beyond the first order are estimated with."""


@dataclass(frozen=True, slots=True, eq=False)
class SampledValues:
    """Estimates from shots. values, errors (one standard deviation): in the shape of the observables.

    shots: spent in all. subexperiments: distinct ones that were run. overhead: κ² of all cuts. seed: repeats this.
    """

    values: Floats
    errors: Floats
    shots: int
    subexperiments: int
    overhead: float
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """A subexperiment to be run: of which fragment, setting and variant; its entries."""

    fragment: int
    setting: int
    variant: int
    entries: Entries


class SampledExpectation:
    """Observables of a cut circuit from `shots` shots in all, over its distinct subexperiments.

    Two draws: a tenth of the budget by what each subexperiment could at most contribute, the rest in proportion to
    |slope| times spread as the first showed them. Counts of both are used. A subexperiment whose outcome is known, or
    which no observable depends on, is not run. Raises CircuitTooLargeError, and CircuitError for too few shots.
    """

    def __init__(
        self, cut: CutCircuit, works: Sequence[FragmentWork], sums: PauliSums, shots: int, entropy: int
    ) -> None:
        self._cut, self._works, self._sums = cut, works, sums
        self._budget, self._entropy = shots, entropy
        self._local, factors = on_fragments(sums.terms, cut)
        decompositions = [decomposition(link) for link in cut.links]
        self._plans = []
        for fragment, work, local in zip(cut.fragments, works, self._local, strict=True):
            operations = []
            for leg in fragment.legs:
                if leg.kind is not LegKind.OUTGOING:
                    sides = decompositions[leg.link]
                    operations.append((sides.first or ()) if leg.side == 0 else sides.second)
            self._plans.append(Subexperiments(tuple(operations), settings(work.shape, local.distinct)))
        count = sum(plan.variants * len(plan.settings) for plan in self._plans)
        if count > MOST_SUBEXPERIMENTS:
            raise CircuitTooLargeError(
                f"the cuts make {count} distinct subexperiments; at most {MOST_SUBEXPERIMENTS} are sampled. "
                "Make fewer cuts, or ask for exact values."
            )
        for index, (work, plan) in enumerate(zip(works, self._plans, strict=True)):
            check_overlaps(index, work.shape.variants, 2 ** max(len(setting.qubits) for setting in plan.settings))
        rows, of = combinations(self._local, len(sums.terms))
        weights = np.zeros((len(sums.weights), len(rows)))
        np.add.at(weights.T, of, (sums.weights * factors).T)
        self._mixture = Mixture(cut, decompositions, rows, weights)
        self._shapes = [
            self._mixture.shape(fragment, len(local.distinct))
            for fragment, local in zip(cut.fragments, self._local, strict=True)
        ]
        self._known = [np.zeros(int(np.prod(shape))) for shape in self._shapes]
        self._runs, self._bounds = self._distinct()
        self._index = {(run.fragment, run.setting, run.variant): i for i, run in enumerate(self._runs)}
        check_budget(shots, len(self._runs))

    def _distinct(self) -> tuple[list[_Run], Floats]:
        bounds = self._mixture.bound().gradients([np.ones(shape) for shape in self._shapes])
        runs, found = [], []
        for fragment, (plan, slopes) in enumerate(zip(self._plans, bounds, strict=True)):
            flat = slopes.reshape(len(slopes), -1)
            outs = len(self._works[fragment].shape.outgoing)
            for setting in range(len(plan.settings)):
                for variant in range(plan.variants):
                    entries = entries_of(plan, setting, variant, outs, self._shapes[fragment][-1])
                    constant = entries.constant
                    self._known[fragment][entries.places[constant]] = 1.0
                    bound = np.linalg.norm(flat[:, entries.places[~constant]].sum(axis=1))
                    if bound > 0:
                        runs.append(_Run(fragment, setting, variant, entries))
                        found.append(bound)
        return runs, np.array(found)

    def first(self) -> Iterator[tuple[PartKey, Part]]:
        """The first draw: what runs in workers."""
        return self._parts(first_shots(self._budget, self._bounds), 0)

    def second(self, found: Mapping[PartKey, Drawn]) -> Iterator[tuple[PartKey, Part]]:
        """The second draw, from what the first returned."""
        tallies = self._tallies(found)
        slopes = self._slopes(self._mixture.gradients(self._tensors(tallies)))
        spent = first_shots(self._budget, self._bounds)
        spreads = np.zeros(len(tallies))
        for i, (tally, slope) in enumerate(zip(tallies, slopes, strict=True)):
            # As if one more shot had come out as far off as can be: what was not seen yet may still come.
            most = np.abs(slope).sum(axis=1)
            spreads[i] = np.sqrt(((tally.variance(slope) * tally.shots + most**2) / (tally.shots + 1)).sum())
        return self._parts(further_shots(self._budget, spent, spreads), 1)

    def result(self, first: Mapping[PartKey, Drawn], second: Mapping[PartKey, Drawn]) -> SampledValues:
        """The estimates, from what both draws returned."""
        tallies = self._tallies(first, second)
        tensors = self._tensors(tallies)
        values = self._mixture.values(tensors)
        slopes = self._slopes(self._mixture.gradients(tensors))
        linear = sum(
            (tally.variance(slope) / tally.shots for tally, slope in zip(tallies, slopes, strict=True)),
            np.zeros(len(values)),
        )
        variance = np.maximum(linear + self._beyond(tallies, tensors, slopes, values), linear / 4)
        shape = self._sums.shape
        return SampledValues(
            values=values.reshape(shape),
            errors=np.sqrt(variance).reshape(shape),
            shots=int(sum(tally.shots for tally in tallies)),
            subexperiments=len(tallies),
            overhead=self._cut.overhead,
            seed=self._entropy,
        )

    def _beyond(
        self, tallies: Sequence[Tally], tensors: Sequence[Floats], slopes: Sequence[Floats], values: Floats
    ) -> Floats:
        """What the variance is more (or less) than the first order says, where several fragments are noisy.

        The estimate V is linear in each fragment's tensor T̂, whose square exceeds that of its mean by its covariance Σ̂.
        With T̂T̂ᵀ - Σ̂ in place of every T̂T̂ᵀ, V² is therefore an unbiased estimate of the square of V's mean, and it is
        the mean of V(T̂ + iξ)² over normal ξ of that covariance. So the variance is -mean (V(T̂ + iξ) - V)²; its first
        order, (slope·ξ)², is known exactly and taken off sample by sample.
        """
        if len({run.fragment for run in self._runs}) < 2:
            return np.zeros(len(values))
        rng = np.random.default_rng(np.random.SeedSequence(self._entropy, spawn_key=(len(self._works),)))
        noisy = [np.zeros((SAMPLES, tensor.size)) for tensor in tensors]
        linear = np.zeros((len(values), SAMPLES))
        for run, tally, slope in zip(self._runs, tallies, slopes, strict=True):
            noise = tally.noise(rng, SAMPLES)
            noisy[run.fragment][:, run.entries.places] = noise
            linear += slope @ noise.T
        shifted = [
            tensor + 1j * noise.reshape(SAMPLES, *tensor.shape) for tensor, noise in zip(tensors, noisy, strict=True)
        ]
        squares = (self._mixture.values_of_many(shifted) - values[:, None]) ** 2
        return np.asarray((-squares.real - linear**2).mean(axis=1))

    def _parts(self, shots: Shots, number: int) -> Iterator[tuple[PartKey, Part]]:
        for fragment, block, members in self._blocks():
            mine = [i for i in members if shots[i]]
            wanted = [(self._runs[i].setting, self._runs[i].variant) for i in mine]
            if wanted:
                arguments = (self._works[fragment], self._plans[fragment], wanted, [int(shots[i]) for i in mine])
                yield PartKey(fragment, block, number), (draw, *arguments, self._entropy, (fragment, number))

    def _blocks(self) -> Iterator[tuple[int, int, list[int]]]:
        """Subexperiments in blocks that take about as long as running the fragment, which each block does anew."""
        for fragment, (work, plan) in enumerate(zip(self._works, self._plans, strict=True)):
            mine = [i for i, run in enumerate(self._runs) if run.fragment == fragment]
            if not mine:
                continue
            largest = max(len(setting.qubits) for setting in plan.settings)
            one = _UPDATES_PER_DRAW + work.shape.variants**2 * 2**largest // 4
            for block, part in enumerate(blocks(len(mine), max(1, max(work.updates, UPDATES_PER_UNIT) // one))):
                yield fragment, block, mine[part]

    def _tallies(self, *found: Mapping[PartKey, Drawn]) -> list[Tally]:
        """What was seen of every subexperiment, whatever the order in which the parts came."""
        seen: list[list[Counts]] = [[] for _ in self._runs]
        for draws in found:
            for key in sorted(draws):
                for (setting, variant), counts in draws[key].items():
                    seen[self._index[key.fragment, setting, variant]].append(counts)
        return [Tally(run.entries, counts) for run, counts in zip(self._runs, seen, strict=True)]

    def _tensors(self, tallies: Sequence[Tally]) -> list[Floats]:
        flat = [known.copy() for known in self._known]
        for run, tally in zip(self._runs, tallies, strict=True):
            flat[run.fragment][run.entries.places] = tally.means()
        return [each.reshape(shape) for each, shape in zip(flat, self._shapes, strict=True)]

    def _slopes(self, gradients: Sequence[Floats]) -> list[Floats]:
        flat = [gradient.reshape(len(gradient), -1) for gradient in gradients]
        return [flat[run.fragment][:, run.entries.places] for run in self._runs]


_UPDATES_PER_DRAW = 2**14  # drawing and sending one subexperiment's counts, in amplitude updates
