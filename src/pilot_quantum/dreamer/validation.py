"""Predicted against measured: how often the choice is right, what a wrong one costs, how near the seconds are.

Pure: rows in, figures out. The seconds of a candidate are the median over its rounds. One that was stopped counts with
the seconds after which that was done: it would have taken longer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import exp, log
from statistics import fmean, median, quantiles

import msgspec

from pilot_quantum.dreamer.models.cut import CUT
from pilot_quantum.dreamer.models.power_law import CutRun, PowerLaw
from pilot_quantum.dreamer.models.state_vector import AER, LIGHTNING

CLOSE_ENOUGH = 0.05
"""A choice is right within so much of the best, or within the spread of the repeats where that is more."""

WIDEST_STATE = 26
"""Qubits up to which the plain rule takes a state vector."""

AUTO_ALLOWANCE = 0.010
"""Seconds that `auto_worst` leaves out, since they are lost in any call; what takes less counts as nothing."""


class Timed(msgspec.Struct, frozen=True):
    """A candidate, predicted and measured. seconds: one a round; of a stopped one the seconds after which it was.

    predicted, low, high: before anything of this circuit had run; by_rates: leaving out what the session had learned
    from circuits before it. qubits: of the widest state that it makes. tasks: circuits that it runs, variants of
    fragments counted singly. pruned: what was left out before ("none", "whole", "apart").
    """

    name: str
    method: str
    pruned: str
    qubits: int
    tasks: int
    predicted: float
    by_rates: float
    low: float
    high: float
    memory: int
    seconds: tuple[float, ...]
    stopped: bool = False

    @property
    def measured(self) -> float:
        """Seconds, the median over the rounds."""
        return median(self.seconds)

    @property
    def spread(self) -> float:
        """The middle half of the rounds over their median: what repeating it is uncertain by."""
        if len(self.seconds) < 2:
            return 0.0
        low, _, high = quantiles(self.seconds, n=4, method="inclusive")
        return (high - low) / self.measured


class Row(msgspec.Struct, frozen=True):
    """A case on a set-up. chosen: what the planner takes. refused: why, by name, of those that were not measured;
    failed: what running raised.

    auto: seconds of an estimator with `strategy="auto"` that knows no plans, one a round; fixed: of one with the best
    candidate's name as its strategy, in the same rounds. planning: seconds of planning alone. difference:
    between the largest and the smallest value that any candidate gave.
    """

    setup: str
    workers: int
    case: str
    qubits: int
    chosen: str
    candidates: tuple[Timed, ...]
    refused: dict[str, str]
    failed: dict[str, str]
    auto: tuple[float, ...]
    fixed: tuple[float, ...]
    planning: float
    difference: float

    def timed(self, name: str) -> Timed:
        """The candidate of this name. Raises KeyError where it was not measured."""
        for candidate in self.candidates:
            if candidate.name == name:
                return candidate
        raise KeyError(f"{self.case!r} has no measured candidate {name!r}")

    @property
    def best(self) -> Timed:
        """The candidate that took least."""
        return min(self.candidates, key=lambda each: each.measured)

    def ratio(self, name: str) -> float:
        """The seconds of this candidate over the least."""
        return self.timed(name).measured / self.best.measured

    def right(self, name: str) -> bool:
        """Whether choosing it is as good as the best: within 5 %, or within the spread of their repeats."""
        allowed = max(CLOSE_ENOUGH, self.timed(name).spread, self.best.spread)
        return self.ratio(name) <= 1 + allowed

    @property
    def close(self) -> bool:
        """Whether another method than the best one's took at most twice as long."""
        best = self.best
        return any(one.method != best.method and one.measured <= 2 * best.measured for one in self.candidates)


class Choices(msgspec.Struct, frozen=True):
    """Of a way to choose. top1: part of the rows in which it is right. regret: its seconds over the least, geometric
    mean. worst: the largest of these.
    """

    top1: float
    regret: float
    worst: float


class Figures(msgspec.Struct, frozen=True):
    """What rows say together.

    top1: part of the rows in which the planner's choice is right; top1_strict: within 5 %, whatever the spread.
    value_accuracy: mean over all candidates of min(predicted, measured) / max(predicted, measured); one that was
    stopped tells nothing unless it was predicted to end sooner; value_accuracy_by_rates: of predictions that leave out
    what sessions learned on the way. noise_floor: the same of every other round against the
    rest: no prediction can do much better. inside: part of the candidates within the range predicted for nine of ten.
    close_cases: rows in which a candidate of another method took at most twice the best. power_law: as published;
    later: as published later; calibrated: fitted here. rule: light cone, then Aer's state vector while it fits, else a
    matrix-product state; lightning: with Lightning's. auto: an estimator that plans over one that has settled for the
    best candidate, geometric mean, planning included; auto_worst: the largest, 10 ms left out (of
    one that took less, all); None where it never ran.
    """

    rows: int
    top1: float
    top1_strict: float
    regret: float
    regret_worst: float
    value_accuracy: float
    value_accuracy_by_rates: float
    noise_floor: float
    inside: float
    candidates: int
    stopped: int
    close_cases: int
    top1_power_law: float
    regret_power_law: float
    top1_power_law_later: float
    regret_power_law_later: float
    top1_power_law_calibrated: float
    regret_power_law_calibrated: float
    top1_rule: float
    regret_rule: float
    top1_rule_lightning: float
    regret_rule_lightning: float
    auto_geomean: float | None
    auto_worst: float | None
    planning_seconds: float


Choose = Callable[[Row], str]
"""The name of the candidate that is taken, one that was measured."""


def figures(rows: Sequence[Row], power_laws: tuple[PowerLaw, PowerLaw, Callable[[Row], PowerLaw]]) -> Figures:
    """The figures of `rows`, at least one. power_laws: as published, as published later, as fitted for a row."""
    published, later, fitted = power_laws
    ours = choices(rows, lambda row: row.chosen)
    first = choices(rows, lambda row: by_power_law(row, published))
    second = choices(rows, lambda row: by_power_law(row, later))
    third = choices(rows, lambda row: by_power_law(row, fitted(row)))
    rule, rule_lightning = choices(rows, by_rule), choices(rows, lambda row: by_rule(row, LIGHTNING))
    candidates = [one for row in rows for one in row.candidates]
    ended = [one for one in candidates if not one.stopped]
    autos = [(median(row.auto), median(row.fixed)) for row in rows if row.auto and row.fixed]
    return Figures(
        rows=len(rows),
        top1=ours.top1,
        top1_strict=_mean(float(row.ratio(row.chosen) <= 1 + CLOSE_ENOUGH) for row in rows),
        regret=ours.regret,
        regret_worst=ours.worst,
        value_accuracy=_mean(value_accuracies(candidates)),
        value_accuracy_by_rates=_mean(value_accuracies(candidates, lambda one: one.by_rates)),
        noise_floor=_mean(repeatabilities(ended)),
        inside=_mean(float(one.low <= one.measured <= one.high) for one in ended),
        candidates=len(candidates),
        stopped=len(candidates) - len(ended),
        close_cases=sum(row.close for row in rows),
        top1_power_law=first.top1,
        regret_power_law=first.regret,
        top1_power_law_later=second.top1,
        regret_power_law_later=second.regret,
        top1_power_law_calibrated=third.top1,
        regret_power_law_calibrated=third.regret,
        top1_rule=rule.top1,
        regret_rule=rule.regret,
        top1_rule_lightning=rule_lightning.top1,
        regret_rule_lightning=rule_lightning.regret,
        auto_geomean=_geometric(auto / best for auto, best in autos) if autos else None,
        auto_worst=max([max(0.0, auto - AUTO_ALLOWANCE) / best for auto, best in autos], default=None),
        planning_seconds=_mean(row.planning for row in rows),
    )


def choices(rows: Sequence[Row], choose: Choose) -> Choices:
    """How well `choose` does."""
    names = [(row, choose(row)) for row in rows]
    ratios = [row.ratio(name) for row, name in names]
    return Choices(_mean(float(row.right(name)) for row, name in names), _geometric(ratios), max(ratios))


def by_power_law(row: Row, law: PowerLaw) -> str:
    """What the power law takes of the cuts and the best state vector of the whole: that is 2ⁿ to it, whatever runs it.

    It says nothing of simulators, so it is given the one that took least, and the light cone for nothing.
    """
    cuts = [one for one in row.candidates if one.method == CUT]
    whole = [one for one in row.candidates if one.method in (LIGHTNING, AER) and one.pruned != "apart"]
    costs = {one.name: law.cost(one.qubits, one.tasks, row.workers) for one in cuts}
    if whole:
        costs[min(whole, key=lambda one: one.measured).name] = 2.0 ** min(one.qubits for one in whole)
    if not costs:
        return _fallback(row)
    return min(costs, key=lambda name: costs[name])


def by_rule(row: Row, simulator: str = AER) -> str:
    """The light cone; then `simulator`'s state vector while it fits, up to 26 qubits; else a matrix-product state."""
    for pruned in ("whole", "none"):
        for one in row.candidates:
            if (one.method, one.pruned) == (simulator, pruned) and one.qubits <= WIDEST_STATE:
                return one.name
    return _fallback(row)


def cut_runs(rows: Iterable[Row]) -> Iterator[CutRun]:
    """What rows say of cutting, for `fit_power_law`: each cut against the best state vector of the whole."""
    for row in rows:
        whole = [one for one in row.candidates if one.method in (LIGHTNING, AER) and one.pruned != "apart"]
        if not whole:
            continue
        least, qubits = min(one.measured for one in whole), min(one.qubits for one in whole)
        for one in row.candidates:
            if one.method == CUT and not one.stopped:
                yield CutRun(qubits, one.qubits, one.tasks, row.workers, least / one.measured)


def value_accuracies(
    candidates: Iterable[Timed], predicted: Callable[[Timed], float] = lambda one: one.predicted
) -> Iterator[float]:
    """min / max of predicted and measured; nothing for one that was stopped before it was predicted to end."""
    for one in candidates:
        if not one.stopped or predicted(one) < one.measured:
            yield agreement(predicted(one), one.measured)


def repeatabilities(candidates: Iterable[Timed]) -> Iterator[float]:
    """min / max of the medians of every other round and of the rest; nothing for what ran once."""
    for one in candidates:
        if len(one.seconds) > 1:
            yield agreement(median(one.seconds[::2]), median(one.seconds[1::2]))


def agreement(one: float, other: float) -> float:
    """The smaller over the larger of two positive numbers."""
    return min(one, other) / max(one, other)


def _fallback(row: Row) -> str:
    """A matrix-product state; where there is none, the best there is."""
    products = [one.name for one in row.candidates if one.name in ("cone+mps", "mps")]
    return products[0] if products else row.best.name


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return fmean(found) if found else 0.0


def _geometric(values: Iterable[float]) -> float:
    return exp(fmean(log(value) for value in values))
