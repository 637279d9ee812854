"""Candidates that cut the circuit, after pruning it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf
from time import perf_counter

from pilot_quantum.circuit.finding import find_cuts
from pilot_quantum.circuit.finding.candidate import Candidate as Found
from pilot_quantum.circuit.finding.glance import Glance, glance
from pilot_quantum.circuit.interactions import read_interactions
from pilot_quantum.dreamer.defaults import UNSURE
from pilot_quantum.dreamer.models.cut import CUT, Cut
from pilot_quantum.dreamer.models.dispatch import DISPATCH, Dispatch
from pilot_quantum.dreamer.models.find import EFFORT, FIND, Find, Search
from pilot_quantum.dreamer.models.light_cone import PRUNE, LightCone
from pilot_quantum.dreamer.models.state_vector import AER, LIGHTNING, WIDEST, StateVector
from pilot_quantum.dreamer.planning.candidate import Candidate, Pruning
from pilot_quantum.dreamer.planning.offer import offered
from pilot_quantum.dreamer.planning.places import Load, Places
from pilot_quantum.dreamer.planning.question import Question
from pilot_quantum.dreamer.prediction import Prediction, priced, together
from pilot_quantum.errors import CircuitTooLargeError
from pilot_quantum.resource import capacity as capabilities

RIVAL = 8.0
"""Times the fewest amplitudes that a way to cut with fewer cuts may leave to be weighed beside that with the fewest."""

IN_PIECES = ("cut.pieces", "cut.gate", "cut.link")
"""Terms of a prediction: what making the pieces takes."""

NARROWER = 2
"""Narrower widths for which fragments are looked for, too, where running what a glance promises takes longer than to
look for that."""

HOPELESS = 200.0
"""Bits of amplitudes that nobody runs, far from where floats end."""

FEWEST = 2
"""Fragments that there are at least."""


def spent(candidate: Candidate) -> float:
    """Seconds of a candidate that planning it has taken already: looking for cuts, and making the pieces."""
    terms = candidate.prediction.terms
    return sum(seconds for name, seconds in terms.items() if name.startswith(f"{FIND}.") or name in IN_PIECES)


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
    def least_of_any(self) -> float:
        """Seconds that everything takes at least but running the fragments, whatever is found: looking for cuts, making
        the pieces, writing them, sending them, and putting together.
        """
        seconds = self.simulators.rates(CUT).seconds
        looking = self._find.predict(self._search).seconds
        sending = Dispatch(self.simulators.rates(DISPATCH)).predict(FEWEST).seconds
        each = seconds["pieces"] + FEWEST * seconds["part"] + seconds["overlap"] + seconds["answer"]
        gates = len(self.question.whole.skeleton) * (seconds["gate"] + seconds["write"])
        return float(looking + sending + each + gates)

    @cached_property
    def least(self) -> float:
        """The same, and running what the glance promises: below, no cut candidate can be expected."""
        if self.glance is None:
            return inf
        looking = self._find.predict(self._search, self.glance.bits, self.narrower).seconds
        more = looking - self._find.predict(self._search).seconds
        return self.least_of_any + more + self.running

    @cached_property
    def running(self) -> float:
        """Seconds that running the fragments takes which the glance promises, and reading the terms from them."""
        if self.glance is None:
            return inf
        skeleton, seconds = self.question.whole.skeleton, self.simulators.rates(CUT).seconds
        uncut = self._simulator.predict(skeleton, warm=True)
        if self.glance.amplitude_bits > HOPELESS:
            return inf
        states, variants = 2.0**self.glance.amplitude_bits, 2.0**self.glance.bits
        strings = (len(self.question.whole.letters) + 1) / 2  # a term is mostly on one side, and nothing on the other
        reading = strings * states * (seconds["turn"] + variants * seconds["gram"])
        return float(uncut.seconds * states / 2.0 ** min(skeleton.qubits, WIDEST) + reading)

    @cached_property
    def narrower(self) -> int:
        """For how many narrower widths fragments are looked for, too."""
        crossing = 0 if self.glance is None else self.glance.bits
        looking = self._find.predict(self._search, crossing)
        return NARROWER if self.running > looking.seconds else 0

    def candidates(self, limit: int, most: int) -> list[Candidate]:
        """The `most` promising ways to cut for fragments of at most `limit` qubits, and a rival of the first: the one
        with the fewest cuts that leaves not many more amplitudes, since cuts have their price, too.

        Raises CircuitError, CutError.
        """
        began = perf_counter()
        found = self.found(limit)
        looked = _taken(perf_counter() - began)
        rivals = [one for one in found if one.amplitudes <= RIVAL * found[0].amplitudes]
        chosen = found[:most] + sorted(rivals, key=lambda one: len(one.cuts))[:1]
        return [self._candidate(one, limit, looked) for i, one in enumerate(chosen) if one not in chosen[:i]]

    def found(self, limit: int) -> list[Found]:
        """Cuts for fragments of at most `limit` qubits, the fewest amplitudes first. Raises CircuitError, CutError.

        None where the circuit falls apart by itself: its parts are fragments, too.
        """
        found = find_cuts(read_interactions(self.question.divisible), limit, effort=EFFORT, more_parts=self.narrower)
        return sorted((one for one in found.candidates if one.fragments > 1), key=lambda one: one.amplitudes)

    @cached_property
    def _find(self) -> Find:
        return Find(self.simulators.rates(FIND))

    @cached_property
    def _search(self) -> Search:
        return Search.of(self.question.whole.skeleton)

    @cached_property
    def _simulator(self) -> StateVector:
        lightning = self.simulators.having(capabilities.LIGHTNING)
        if lightning.profiles:
            return StateVector(lightning.rates(LIGHTNING))
        return StateVector(self.simulators.rates(AER))

    def _candidate(self, found: Found, limit: int, looked: Prediction) -> Candidate:
        places = self.simulators
        if self._simulator.rates.model == LIGHTNING:
            places = places.having(capabilities.LIGHTNING)
        pruning = LightCone(places.rates(PRUNE))
        units = pruning.units(len(self.question.skeleton), [self.question.whole])
        before = [priced(units, pruning.rates).named("prune."), looked]
        try:
            cost = Cut(places.rates(CUT), self._simulator).cost(
                self.question.pieces(found.cuts), self.question.whole.letters
            )
        except CircuitTooLargeError as error:
            pilots: tuple[str, ...] = ()
            refused = str(error)
            seconds = self._simulator.rates.seconds["state"] * found.amplitudes
            prediction = together([*before, Prediction(seconds, seconds / UNSURE, seconds * UNSURE)])
        else:
            loads = [Load(part.prediction, part.qubits, part.memory) for part in cost.parts]
            pilots, refused = places.taking(loads).names, places.refusal(loads)
            prediction = offered(places, loads, [*before, cost.prepare], [cost.finish])
        return Candidate(
            name=f"cut {'+'.join(map(str, found.widths))}",
            method=CUT,
            pruning=Pruning.WHOLE,
            prediction=prediction,
            parts=(self.question.whole.terms,),
            cuts=found.cuts,
            widths=found.widths,
            limit=limit,
            simulator=self._simulator.rates.model,
            pilots=pilots,
            refused=refused,
        )


def _taken(seconds: float) -> Prediction:
    """What looking for cuts has taken: nothing about it is uncertain any more."""
    return Prediction(seconds, seconds, seconds, terms={f"{FIND}.taken": seconds})
