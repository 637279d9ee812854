"""What calibrating found: the rates of every cost model on one machine, and whether they may be used on another."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median

import msgspec

from pilot_quantum.circuit.cuts import Cuts
from pilot_quantum.circuit.export import qiskit_circuit
from pilot_quantum.circuit.finding.glance import Glance, glance
from pilot_quantum.circuit.fragment_cone import observed as fragments_observed
from pilot_quantum.circuit.fragments import cut_circuit
from pilot_quantum.circuit.light_cone import Letters, light_cones
from pilot_quantum.circuit.schmidt_ranks import Patience, follow
from pilot_quantum.circuit.skeleton import Skeleton, program_skeleton
from pilot_quantum.dreamer.defaults import ASSUMED
from pilot_quantum.dreamer.fit import Sample, fit
from pilot_quantum.dreamer.models.cut import (
    BACK,
    CUT,
    OVERLAPS,
    PREPARE,
    finishing,
    overlapping,
    preparing,
    returning,
    shaped,
)
from pilot_quantum.dreamer.models.dispatch import DISPATCH, Dispatch
from pilot_quantum.dreamer.models.find import FIND, Find, Search
from pilot_quantum.dreamer.models.light_cone import PRUNE, LightCone, whole
from pilot_quantum.dreamer.models.mps import MPS, MatrixProductState
from pilot_quantum.dreamer.models.observing import observing
from pilot_quantum.dreamer.models.stabiliser import STABILISER, Stabiliser
from pilot_quantum.dreamer.models.state_vector import AER, LIGHTNING, StateVector
from pilot_quantum.dreamer.models.transpile import TRANSPILE, Transpile
from pilot_quantum.dreamer.models.write import WRITE, Write
from pilot_quantum.dreamer.prediction import Units
from pilot_quantum.dreamer.suite import Benchmark, cut_gates, program, strings
from pilot_quantum.errors import CalibrationError, PilotQuantumWarning
from pilot_quantum.resource.checks import check_number
from pilot_quantum.resource.profile import Rates
from pilot_quantum.resource.site import Machine


class CalibrationWarning(PilotQuantumWarning):
    """A calibration was made with other versions than those in use; or is of another machine, and is not used."""


class Measurement(msgspec.Struct, frozen=True):
    """Seconds that a benchmark took in each round. cold: everything made anew; warm: its structure known already."""

    benchmark: Benchmark
    cold: tuple[float, ...]
    warm: tuple[float, ...] = ()


class Calibration(msgspec.Struct, frozen=True):
    """Measured rates. date: ISO 8601, UTC. versions: of packages by name. noise: how far the least of a benchmark's
    rounds agrees with their median, the median over all; no prediction can do much better; None where each ran once.
    measurements: what the rates were fitted to. Raises InvalidDescriptionError for a noise that cannot be.
    """

    machine: Machine
    versions: dict[str, str]
    date: str
    noise: float | None
    rates: tuple[Rates, ...]
    measurements: tuple[Measurement, ...] = ()

    def __post_init__(self) -> None:
        if self.noise is not None:
            check_number("noise", self.noise, 0.0, 1.0)

    def check(self, machine: Machine, versions: Mapping[str, str]) -> None:
        """Raise CalibrationError where it is of another machine than `machine`, or fits no longer to the cost models.

        It must have every model once but Lightning's, which is not installed everywhere. Warns with CalibrationWarning
        where only versions differ: rates are then near, not exact.
        """
        if found := self.machine.differences(machine):
            raise CalibrationError(
                f"the calibration of {self.date} is of another machine: {'; '.join(found)}. "
                "Make one here: pilot-quantum dreamer calibrate"
            )
        for rates in self.rates:
            if rates.model not in ASSUMED or set(rates.seconds) != set(ASSUMED[rates.model].seconds):
                raise CalibrationError(
                    f"the calibration of {self.date} was made for another version of the cost model {rates.model!r}. "
                    "Make one here: pilot-quantum dreamer calibrate"
                )
        counts = Counter(rates.model for rates in self.rates)
        missing = ASSUMED.keys() - counts - {LIGHTNING}
        if missing or max(counts.values()) > 1:
            wrong = [f"no rates of {name!r}" for name in sorted(missing)]
            wrong += [f"rates of {name!r} {count} times" for name, count in counts.items() if count > 1]
            raise CalibrationError(
                f"the calibration of {self.date} is no calibration of this version: it has {', '.join(wrong)}. "
                "Make one here: pilot-quantum dreamer calibrate"
            )
        others = [
            f"{name} {self.versions.get(name, 'none')} there, {versions.get(name, 'none')} here"
            for name in sorted(self.versions.keys() | versions.keys())
            if self.versions.get(name) != versions.get(name)
        ]
        if others:
            warnings.warn(
                f"the calibration of {self.date} was made with other versions: {'; '.join(others)}. Predictions may be "
                "off; make one anew: pilot-quantum dreamer calibrate",
                CalibrationWarning,
                stacklevel=2,
            )


def calibrated(
    measurements: Sequence[Measurement], machine: Machine, versions: Mapping[str, str], date: str
) -> Calibration:
    """The rates that explain `measurements`, medians over their rounds; a model without any is left out.

    Raises ValueError where there are none at all.
    """
    by_model: dict[str, list[Sample]] = {}
    for measurement in measurements:
        by_model.setdefault(measurement.benchmark.model, []).extend(samples(measurement))
    rates = tuple(fit(ASSUMED[model], found) for model, found in by_model.items())
    agreements = [
        min(seconds) / sorted(seconds)[len(seconds) // 2]
        for measurement in measurements
        for seconds in (measurement.cold, measurement.warm)
        if len(seconds) > 1
    ]
    noise = median(agreements) if agreements else None
    return Calibration(machine, dict(versions), date, noise, rates, tuple(measurements))


def samples(measurement: Measurement) -> list[Sample]:
    """What a measurement says of the rates: its units with the median of the seconds of all rounds, cold and warm.

    The median is what a user waits for; the least of many runs is what only a benchmark sees.
    """
    benchmark = measurement.benchmark
    found = [Sample(units_of(benchmark), median(measurement.cold))]
    if measurement.warm:
        found.append(Sample(units_of(benchmark, warm=True), median(measurement.warm)))
    return found


def observed(benchmark: Benchmark) -> list[Letters]:
    """The Pauli strings that a benchmark asks for: Z on every qubit, so that nothing drops out (for pruning, in the
    middle alone); or, where it asks for several, pairs of neighbours.
    """
    if benchmark.terms > 1:
        return list(strings(benchmark))
    qubits = [benchmark.qubits // 2] if benchmark.model == PRUNE else range(benchmark.qubits)
    return [dict.fromkeys(qubits, "Z")]


def divided(benchmark: Benchmark) -> Glance:
    """Where a search for cuts of the benchmark's circuit begins. Raises CalibrationError where it has no two sides."""
    found = glance(program_skeleton(program(benchmark)))
    if found is None:
        raise CalibrationError(f"the circuit of the micro-benchmark {benchmark} has nothing to divide.")
    return found


def units_of(benchmark: Benchmark, warm: bool = False) -> Units:
    """The units of a benchmark in the terms of its model. Raises CalibrationError for a model that has no benchmark."""
    if benchmark.model == DISPATCH:
        return Dispatch(ASSUMED[DISPATCH]).units(benchmark.qubits, benchmark.qubits * benchmark.size)
    if benchmark.model == CUT:
        return _cutting(benchmark)
    if benchmark.model == FIND:
        search = Search.of(program_skeleton(program(benchmark)))
        return Find(ASSUMED[FIND]).units(search, divided(benchmark).bits, benchmark.parts - 2)
    skeleton, terms = program_skeleton(program(benchmark)), observed(benchmark)
    if benchmark.model == MPS:
        followed = follow(qiskit_circuit(program(benchmark)), Patience())
        return MatrixProductState(ASSUMED[MPS]).units(skeleton, terms, widths=followed)
    return running(benchmark.model, skeleton, terms, warm, benchmark.threads)


def running(model: str, skeleton: Skeleton, terms: Sequence[Letters], warm: bool = False, threads: int = 1) -> Units:
    """The units of running a circuit by `model` and reading `terms`: what a finished task refines its rates by.

    Raises CalibrationError for a model that runs no whole circuit.
    """
    rates = ASSUMED.get(model)
    if rates is not None and model in (AER, LIGHTNING):
        return {**StateVector(rates).units(skeleton, threads, warm), **observing(terms, skeleton.qubits)}
    if rates is not None and model == MPS:
        return MatrixProductState(rates).units(skeleton, terms)
    if rates is not None and model == STABILISER:
        return Stabiliser(rates).units(skeleton, terms)
    if rates is not None and model == TRANSPILE:
        return Transpile(rates).units(skeleton)
    if rates is not None and model == PRUNE:
        return _pruning(skeleton, terms)
    if rates is not None and model == WRITE:
        return Write(rates).units(len(skeleton), strings=len(terms))
    if rates is not None and model == FIND:
        return Find(rates).units(Search.of(skeleton))
    raise CalibrationError(f"the cost model {model!r} has no micro-benchmark: it runs no whole circuit")


def _cutting(benchmark: Benchmark) -> Units:
    """The units of one stage of a cut circuit."""
    if benchmark.stage == OVERLAPS:
        states = float(benchmark.size) * 2**benchmark.qubits
        return {"overlap": 1.0, "open": states, **overlapping(benchmark.size, benchmark.qubits, benchmark.terms)}
    if benchmark.stage == BACK:
        return returning(benchmark.size)
    letters = strings(benchmark)
    cut = cut_circuit(qiskit_circuit(program(benchmark)), Cuts(cut_gates(benchmark)))
    cut = fragments_observed(cut, {qubit for term in letters for qubit in term})
    shapes, rows = shaped(cut, letters)
    return preparing(cut, shapes, len(letters)) if benchmark.stage == PREPARE else finishing(cut, shapes, rows)


def _pruning(skeleton: Skeleton, terms: Sequence[Letters]) -> Units:
    parts = whole(skeleton, light_cones(skeleton, terms), terms)
    return LightCone(ASSUMED[PRUNE]).units(len(skeleton), parts)
