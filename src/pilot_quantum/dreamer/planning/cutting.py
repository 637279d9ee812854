"""Candidates that cut the circuit, after pruning it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from pilot_quantum.circuit.finding import find_cuts
from pilot_quantum.circuit.finding.candidate import Candidate as Found
from pilot_quantum.circuit.interactions import read_interactions
from pilot_quantum.dreamer.models.cut import CUT, Cut
from pilot_quantum.dreamer.models.find import FIND, Find
from pilot_quantum.dreamer.models.light_cone import PRUNE, LightCone
from pilot_quantum.dreamer.models.state_vector import AER, LIGHTNING, StateVector
from pilot_quantum.dreamer.planning import places as capabilities
from pilot_quantum.dreamer.planning.candidate import Candidate, Pruning
from pilot_quantum.dreamer.planning.offer import offered
from pilot_quantum.dreamer.planning.places import Load, Places
from pilot_quantum.dreamer.planning.question import Question
from pilot_quantum.dreamer.planning.sweep import Glance, glance
from pilot_quantum.dreamer.prediction import Prediction, priced


@dataclass(frozen=True)
class Cutting:
    """Makes the candidates. simulators: the pilots that can simulate."""

    question: Question
    simulators: Places

    @cached_property
    def glance(self) -> Glance | None:
        """What a look at the interactions alone says."""
        return glance(self.question.whole.skeleton)

    @cached_property
    def looking(self) -> Prediction:
        """What looking for cuts takes."""
        skeleton = self.question.whole.skeleton
        pairs = sum(len(wires) > 1 for wires in skeleton.wires)
        found = Find(self.simulators.rates(FIND)).predict(len(skeleton.active), pairs)
        return found.named("find.")

    @property
    def least(self) -> float:
        """Seconds below which no cut candidate can be expected: looking for cuts, and what the glance's would run."""
        if self.glance is None:
            return float("inf")
        model = self._simulator
        skeleton = self.question.whole.skeleton
        uncut = model.predict(skeleton, warm=True)
        run = uncut.seconds * 2.0 ** (self.glance.amplitude_bits - skeleton.qubits)
        return float(self.looking.seconds + run)

    def candidates(self, limit: int, most: int) -> list[Candidate]:
        """The `most` promising ways to cut for fragments of at most `limit` qubits. Raises CircuitError, CutError."""
        names: dict[str, int] = {}
        candidates = []
        for one in self.found(limit)[:most]:
            name = f"cut {'+'.join(map(str, one.widths))}"
            names[name] = names.get(name, 0) + 1
            candidates.append(self._candidate(one, limit, f"{name} ({names[name]})" if names[name] > 1 else name))
        return candidates

    def found(self, limit: int) -> list[Found]:
        """Cuts for fragments of at most `limit` qubits, the fewest amplitudes first. Raises CircuitError, CutError."""
        found = find_cuts(read_interactions(self.question.divisible), limit)
        cut = [one for one in found.candidates if one.fragments > 1 and len(one.cuts)]
        return sorted(cut, key=lambda one: one.amplitudes)

    @cached_property
    def _simulator(self) -> StateVector:
        lightning = self.simulators.having(capabilities.LIGHTNING)
        if lightning.profiles:
            return StateVector(lightning.rates(LIGHTNING))
        return StateVector(self.simulators.rates(AER))

    def _candidate(self, found: Found, limit: int, name: str) -> Candidate:
        model = Cut(self.simulators.rates(CUT), self._simulator)
        cost = model.cost(self.question.pieces(found.cuts), self.question.whole.letters)
        loads = [Load(part.prediction, part.qubits, part.memory) for part in cost.parts]
        places = self.simulators
        if self._simulator.rates.model == LIGHTNING:
            places = places.having(capabilities.LIGHTNING)
        pruning = LightCone(places.rates(PRUNE))
        before = [
            priced(pruning.units(len(self.question.skeleton), [self.question.whole]), pruning.rates).named("prune."),
            self.looking,
            cost.prepare,
        ]
        return Candidate(
            name=name,
            method=CUT,
            pruning=Pruning.WHOLE,
            prediction=offered(places, loads, before, [cost.finish]),
            parts=(self.question.whole.terms,),
            cuts=found.cuts,
            widths=found.widths,
            limit=limit,
            simulator=self._simulator.rates.model,
            pilots=places.taking(loads).names,
            refused=cost.refused or places.refusal(loads),
        )
