"""Candidates that run the circuit in one piece, or each group of terms' light cone in one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING

import msgspec

from pilot_quantum.circuit.faint import faint
from pilot_quantum.circuit.light_cone import Letters
from pilot_quantum.circuit.meetings import Widths, bounds
from pilot_quantum.circuit.skeleton import Skeleton, read_skeleton
from pilot_quantum.dreamer.models.light_cone import PRUNE, LightCone, Part
from pilot_quantum.dreamer.models.mps import DOUBTFUL, MPS, Foresee, MatrixProductState
from pilot_quantum.dreamer.models.stabiliser import STABILISER, Stabiliser
from pilot_quantum.dreamer.models.state_vector import AER, FUSES_FROM, LIGHTNING, StateVector
from pilot_quantum.dreamer.models.write import WRITE, Write
from pilot_quantum.dreamer.planning.candidate import Candidate, Pruning
from pilot_quantum.dreamer.planning.offer import offered
from pilot_quantum.dreamer.planning.places import Load, Places
from pilot_quantum.dreamer.planning.question import Question
from pilot_quantum.dreamer.prediction import Prediction, priced
from pilot_quantum.resource import capacity as capabilities

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

SHORT = {LIGHTNING: "lightning", AER: "aer", MPS: "mps", STABILISER: "stabiliser"}
"""What candidates are called by their methods."""

MOST_PARTS = 1000
"""Terms beyond which they are not run apart."""

FUSING = 2e-5
"""Seconds a gate that following Aer's fusion takes, about."""

SEPARATING = 2e-6
"""Seconds a gate and term that running terms apart takes to plan, about."""

BOUNDING = 4e-6
"""Seconds a gate that following how wide the bonds of a matrix-product state can become takes, about."""

PART_OF_GAIN = 0.3
"""Of what running terms apart may win at most, what planning it may take."""

SMALL_PART = 0.1
"""Of the best candidate's time, what weighing a further one may take."""

Probe = Callable[["QuantumCircuit", Foresee], Widths]
"""Follows a circuit, as long as it may still be worth it, and returns how wide its bonds really are."""

Model = Callable[[Skeleton, Sequence[Letters]], Prediction | None]


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """What is left out, and the runs that remain. prefix: of the candidates' names."""

    pruning: Pruning
    prefix: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Whole:
    """Makes the candidates. simulators: the pilots that can simulate. warm: they have run this structure before."""

    question: Question
    simulators: Places
    warm: bool = False

    def state_vectors(self, thorough: bool = False) -> Iterator[Candidate]:
        """By Lightning in all ways where it is there, else by Aer; and by both if `thorough`.

        Those of terms apart are left out where weighing them is not worth its time. See `beside_lightning`.
        """
        lightning = self.simulators.having(capabilities.LIGHTNING).profiles
        simulate = self._lightning if lightning else self._aer
        found = [one for way in self._in_one for one in simulate(way)]
        yield from found
        ways = list(self._in_one)
        least = inf if thorough else min(one.prediction.seconds for one in found)
        if (way := self._apart(least)) is not None:
            ways.append(way)
            yield from simulate(way)
        if thorough and lightning:
            for way in ways:
                yield from self._aer(way)

    def beside_lightning(self, candidate: Candidate, best: float) -> Iterator[Candidate]:
        """By Aer, what `candidate` does by Lightning, where weighing that is worth its time.

        best: seconds of the best candidate. Aer's fusion has to be followed to know what it takes, which is longer than
        all else about a state vector.
        """
        ways = self._in_one if candidate.pruning is not Pruning.APART else filter(None, [self._apart(inf)])
        way = next(way for way in ways if way.pruning is candidate.pruning)
        gates = sum(len(part.cone.gates) for part in way.parts)
        if gates * FUSING < SMALL_PART * best:
            yield from self._aer(way)

    def state_vectors_named(self, matches: Callable[[str], bool]) -> Iterator[Candidate]:
        """Those whose names match, and nothing else is weighed."""
        lightning = self.simulators.having(capabilities.LIGHTNING).profiles
        names = {method: SHORT[method] for method in (LIGHTNING, AER)}
        ways = list(self._in_one)
        if any(
            matches(f"terms+{name}{more}")
            for name in names.values()
            for more in ("", f" x{self.simulators.most_threads}")
        ) and (apart := self._apart(inf)):
            ways.append(apart)
        for way in ways:
            if lightning and matches(way.prefix + names[LIGHTNING]):
                yield from self._lightning(way)
            if matches(way.prefix + names[AER]) or matches(f"{way.prefix}{names[AER]} x{self.simulators.most_threads}"):
                yield from (one for one in self._aer(way) if matches(one.name))

    @cached_property
    def _in_one(self) -> tuple[Way, ...]:
        """The circuit as it is; and pruned, where that leaves anything out."""
        found = [Way(Pruning.NONE, "", (self.question.everything,))]
        if len(self.question.whole.cone.gates) < len(self.question.skeleton):
            found.append(Way(Pruning.WHOLE, "cone+", (self.question.whole,)))
        return tuple(found)

    def _apart(self, least: float) -> Way | None:
        """Each group of terms by itself; None where that is no narrower, or cannot win what it takes to plan.

        least: seconds of the best way so far.
        """
        terms = len(self.question.terms)
        if not 1 < terms <= MOST_PARTS or self._narrowing == 0:
            return None
        effort = SEPARATING * terms * len(self.question.whole.skeleton)
        if effort > PART_OF_GAIN * least * (1 - 0.5**self._narrowing):
            return None
        parts = self.question.apart
        return Way(Pruning.APART, "terms+", parts) if len(parts) > 1 else None

    @cached_property
    def _narrowing(self) -> int:
        """By how many qubits the widest cone of a term is narrower than that of all."""
        widest = max((qubits for qubits, _ in self.question.cones.sizes()), default=0)
        return self.question.whole.skeleton.qubits - widest

    def _lightning(self, way: Way) -> Iterator[Candidate]:
        places = self.simulators.having(capabilities.LIGHTNING)
        yield self._state_vector(way, places, StateVector(places.rates(LIGHTNING)), 1)

    def _aer(self, way: Way) -> Iterator[Candidate]:
        model = StateVector(self.simulators.rates(AER))
        yield self._state_vector(way, self.simulators, model, 1)
        threads = self.simulators.most_threads
        if threads > 1 and max(part.skeleton.qubits for part in way.parts) >= FUSES_FROM:
            yield self._state_vector(way, self.simulators, model, threads)

    @property
    def products(self) -> MatrixProductState:
        """The model of a matrix-product state."""
        return MatrixProductState(self.simulators.rates(MPS))

    def matrix_product(self, probe: Probe | None = None, doubt: float = DOUBTFUL) -> Candidate:
        """As a matrix-product state, after pruning. probe: asked where entanglement leaves more than `doubt` open."""
        model = self.products
        asked: list[bool] = []
        line = self.question.line

        def asking(foresee: Foresee) -> Widths:
            assert probe is not None
            asked.append(True)
            return probe(self.question.pruned.circuit if line is None else line, foresee)

        def run(_: Skeleton, letters: Sequence[Letters]) -> Prediction:
            skeleton, bound = self._bounded
            return model.predict(skeleton, letters, asking if probe is not None else None, doubt, self.warm, bound)

        found = self._candidate(self._in_one[-1], self.simulators, MPS, run)
        missed = faint(self.question.circuit)
        if missed:
            found = msgspec.structs.replace(found, refused=missed)
        return msgspec.structs.replace(found, of_angles=bool(asked or missed))

    @cached_property
    def _bounded(self) -> tuple[Skeleton, Widths]:
        """What a matrix-product state runs after pruning, and how wide its bonds may be."""
        line, (part,) = self.question.line, self._in_one[-1].parts
        skeleton = part.skeleton if line is None else read_skeleton(line)
        return skeleton, bounds(skeleton)

    def least_of_matrix_product(self) -> float:
        """Seconds that it takes, weighing it included, even where nothing is entangled and gates act on neighbours."""
        seconds = self.simulators.rates(MPS).seconds
        gates = [wires for part in self._in_one[-1].parts for wires in part.skeleton.wires]
        together = sum(len(wires) > 1 for wires in gates)
        least = seconds["fixed"] + seconds["gate"] * len(gates) + seconds["decomposition"] * together
        return float(least + BOUNDING * len(gates))

    def stabiliser(self) -> Candidate | None:
        """By stabilisers, after pruning; None where a gate is not Clifford."""
        way = self._in_one[-1]
        if not all(kind.clifford for part in way.parts for kind in part.skeleton.kinds):
            return None
        model = Stabiliser(self.simulators.rates(STABILISER))
        return self._candidate(way, self.simulators, STABILISER, model.predict)

    def _state_vector(self, way: Way, places: Places, model: StateVector, threads: int) -> Candidate:
        def run(skeleton: Skeleton, letters: Sequence[Letters]) -> Prediction:
            return model.predict(skeleton, letters, threads, self.warm)

        return self._candidate(way, places, model.rates.model, run, threads)

    def _candidate(self, way: Way, places: Places, method: str, model: Model, threads: int = 1) -> Candidate:
        loads = []
        for part in way.parts:
            prediction = model(part.skeleton, part.letters)
            assert prediction is not None
            loads.append(Load(prediction, part.skeleton.qubits, prediction.memory))
        name = f"{way.prefix}{SHORT[method]}" + (f" x{threads}" if threads > 1 else "")
        return Candidate(
            name=name,
            method=method,
            pruning=way.pruning,
            prediction=offered(places, loads, self._before(way), threads=threads),
            parts=tuple(part.terms for part in way.parts),
            threads=threads,
            pilots=places.taking(loads, threads).names,
            refused=places.refusal(loads, threads),
        )

    def _before(self, way: Way) -> list[Prediction]:
        """What the session does before it hands the tasks over."""
        gates = sum(len(part.cone.gates) for part in way.parts)
        written = (
            Write(self.simulators.rates(WRITE)).predict(gates, len(way.parts), len(self.question.terms)).named("write.")
        )
        if way.pruning is Pruning.NONE:
            return [written]
        model = LightCone(self.simulators.rates(PRUNE))
        return [priced(model.units(len(self.question.skeleton), way.parts), model.rates).named("prune."), written]
