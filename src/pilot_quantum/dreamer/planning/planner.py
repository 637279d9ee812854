"""The planner: from a question to a plan, in stages, cheap bounds first.

A circuit that runs in milliseconds must not be planned for longer than that. So each stage begins only where it may
find something faster than what is known already, its own time included; what was not looked at, the plan's notes say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from math import inf, sqrt
from time import perf_counter
from typing import TYPE_CHECKING

import msgspec

from pilot_quantum.circuit.finite import require_finite
from pilot_quantum.circuit.given import check_circuit
from pilot_quantum.circuit.meetings import Widths
from pilot_quantum.circuit.schmidt_ranks import Patience, follow
from pilot_quantum.dreamer.experience import experienced, surprises_of
from pilot_quantum.dreamer.models.cut import CUT
from pilot_quantum.dreamer.models.mps import DOUBTFUL, MPS
from pilot_quantum.dreamer.models.state_vector import LIGHTNING
from pilot_quantum.dreamer.planning.candidate import Candidate, Pruning
from pilot_quantum.dreamer.planning.cutting import Cutting, spent
from pilot_quantum.dreamer.planning.explanation import seconds_of
from pilot_quantum.dreamer.planning.places import Places, profiles_of
from pilot_quantum.dreamer.planning.plan import Plan
from pilot_quantum.dreamer.planning.qpus import Processors
from pilot_quantum.dreamer.planning.question import Observables, Question, question_of
from pilot_quantum.dreamer.planning.target import Target
from pilot_quantum.dreamer.planning.whole import Whole
from pilot_quantum.dreamer.prediction import Prediction
from pilot_quantum.errors import CircuitError, CircuitTooLargeError, InvalidDescriptionError, UnsatisfiableError
from pilot_quantum.resource.profile import ResourceProfile

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

AUTO = "auto"
KINDS = ("lightning", "aer", "mps", "stabiliser", "cut", "qpu")
"""What a strategy may be beside `AUTO` and the name of a candidate: the best candidate of that kind."""

CONE = "cone+"
"""How the names of candidates begin that leave out what no term depends on."""

Probe = Callable[["QuantumCircuit", Patience], Widths]
"""Follows how entangled a circuit makes its qubits: `circuit.schmidt_ranks.follow`, or what does the same elsewhere."""

MOST_BITS = 7.5
"""Of a bond that is followed: a gate on such takes 0.1 s, on one of a bit more eight times that."""

HALF = 0.5
"""Of the time between a matrix-product state that entangles nothing and the best candidate, what the state may take to
be worth a probe: that follows entanglement in about the time that the state takes for it. It ends as soon as it sees
that the state takes longer.
"""

TRIAL = 0.1
"""Of what the state may take, what a probe takes before it ends for what it foresees: at first all bonds are full."""

PROBED_AT_MOST = 5.0
"""Seconds that a probe may take where nothing else leads to the answer."""

THOROUGHLY = 1.0
"""Seconds that a probe may take when everything is to be weighed."""

CERTAIN = 1.1
"""The factor that entanglement may leave open when everything is to be weighed."""

PROBED_FROM = 0.025
"""Seconds of the best candidate below which no probe pays, unless a matrix-product state is not unlikely to win."""

UNKNOWN, OPEN = 20.0, 4.0
"""A range of seconds that spans such a factor says nothing; and one of a matrix-product state, whose bonds are open."""

HOPEFUL = 0.5
"""Of the best candidate's time, what a matrix-product state that entangles nothing may take to be weighed in full."""

WORTH = 1.45
"""Times the seconds that cuts take by what a glance promises, looking for them included, that the best candidate has to
take for cuts to be looked for: they have been found to take 0.9 to 1.35 times that.
"""

SIMPLER = 1.07
"""The factor that pruning has to promise to be chosen: near a tie, what leaves the circuit as it is wins."""

PROMISING, WEIGHED = 1, 3
"""Ways to cut that are predicted: in a hurry, and when everything is to be weighed."""

NAMED = 4
"""Candidates whose reasons an error gives."""

NARROWER = (0, 2, 4)
"""By how much less than the memory's limit fragments are made where the cuts' own share of memory is too much."""


def plan(
    circuit: QuantumCircuit,
    observables: Observables,
    resources: Sequence[ResourceProfile] | ResourceProfile,
    target: Target | float | None = None,
    probe: Probe | None = follow,
    *,
    thorough: bool = False,
) -> Plan:
    """The best way to the expectation values of `observables` after `circuit`, and all others that were weighed.

    circuit: its parameters bound; measurements at its end are ignored; what is done to it later does not change the
    plan. observables: one, or nested sequences of them:
    text such as "0.5*ZZI + X0 X2", a SparsePauliOp, a SparseObservable or a Pauli. resources: `session.resources()`.
    target: the standard error allowed, or a `Target`; None asks for exact values. probe: asked where the entanglement
    that decides about a matrix-product state is in doubt; None: nothing is, and the doubt stays. thorough: weigh
    everything, even what would take longer to weigh than to run. Nothing is run. Raises CircuitError for a circuit or
    an observable that cannot be meant, CircuitTooLargeError or UnsatisfiableError where nothing leads to the answer,
    with the reasons and figures; InvalidDescriptionError for other arguments that cannot be meant, CalibrationError for
    rates that lack terms.
    """
    check_circuit(circuit)
    began = perf_counter()
    question = question_of(circuit.copy(), observables)  # whoever appends to it later has planned for what it was
    return examine(question, resources, target=target, probe=probe, thorough=thorough, began=began)


def examine(
    question: Question,
    resources: Sequence[ResourceProfile] | ResourceProfile,
    strategy: str = AUTO,
    *,
    target: Target | float | None = None,
    probe: Probe | None = follow,
    thorough: bool = False,
    warm: bool = False,
    began: float | None = None,
) -> Plan:
    """The plan for `question`. See `plan`.

    strategy: "auto"; or one of `KINDS` or a candidate's name, and nothing else is weighed ("cone+..." is the same
    without where nothing can be pruned). warm: workers have run a circuit of this structure before. began:
    `perf_counter()` when planning began.
    """
    began = perf_counter() if began is None else began
    resources = profiles_of(resources)
    if not resources:
        raise UnsatisfiableError(
            "there is no pilot to plan for. Add one first: session.add_pilot('local://'), then session.resources()."
        )
    stages = _Stages(question, resources, strategy, Target.of(target), probe, thorough, warm)
    try:
        candidates, notes = stages.run()
    except (ArithmeticError, ValueError):
        require_finite(question.circuit)  # looked for only now: it takes as long as reading the circuit does
        raise
    best = _best(candidates, stages.target)
    if best is None:
        raise _nothing(question, candidates, notes, strategy, stages.simulators)
    order = sorted(candidates, key=lambda each: (bool(each.refused), each.prediction.seconds))
    seconds = perf_counter() - began
    return Plan(question, tuple(resources), stages.target, tuple(order), best, tuple(notes), seconds)


class _Stages:
    """One run of the planner."""

    def __init__(
        self,
        question: Question,
        resources: Sequence[ResourceProfile],
        strategy: str,
        target: Target,
        probe: Probe | None,
        thorough: bool,
        warm: bool,
    ) -> None:
        self.question, self.resources, self.target = question, resources, target
        self.surprises = surprises_of(resources)
        if strategy.startswith(CONE) and len(question.whole.cone.gates) == len(question.skeleton):
            strategy = strategy.removeprefix(CONE)
        self.strategy, self.probe = strategy, probe
        self.simulators = Places.simulating(resources)
        self.whole = Whole(question, self.simulators, warm)
        self.thorough = thorough or strategy != AUTO
        self.candidates: list[Candidate] = []
        self.notes: list[str] = []

    def run(self) -> tuple[list[Candidate], list[str]]:
        if self.simulators.profiles:
            for kind, stage in (
                ("lightning", self._state_vectors),
                ("stabiliser", self._stabiliser),
                ("mps", self._matrix_product),
                ("cut", self._cuts),
                ("lightning", self._beside_lightning),
            ):
                if self._wanted(kind):
                    found = [one for one in stage() if self._matches(one.name)]
                    self.candidates += [experienced(one, self.surprises) for one in found]
            self._settle_doubt()
        else:
            self.notes.append(
                "no pilot is known to simulate: qiskit-aer is missing there (pip install 'pilot-quantum[qiskit]'), or "
                "its nodes are not up yet and have not said what they have (wait for that: pilot.wait('active'))"
            )
        if self._wanted("qpu"):
            processors = Processors(self.question, self.resources, self.target)
            self.candidates += [one for one in processors.candidates() if self._matches(one.name)]
        return self.candidates, self.notes

    @property
    def best(self) -> float:
        """Seconds to reckon with of the best candidate so far."""
        found = _best(self.candidates, self.target)
        return inf if found is None else _cost(found)

    @property
    def _reckoned(self) -> str:
        """What `best` is, in a note that compares with it, beside the seconds that tables show."""
        found = _best(self.candidates, self.target)
        if found is None:
            return "what no candidate is known to take yet"
        likely, high = seconds_of(found.prediction.seconds), seconds_of(found.prediction.high)
        return f"what {found.name} is reckoned with, {seconds_of(_cost(found))} ({likely} likely, up to {high})"

    def _wanted(self, kind: str) -> bool:
        """Whether candidates of this stage can bear the strategy's name."""
        if self.strategy == AUTO:
            return True
        words = self.strategy.replace("+", " ").split()
        kinds = ("lightning", "aer") if kind == "lightning" else (kind,)
        return any(word in kinds for word in words)

    def _matches(self, name: str) -> bool:
        """Whether the strategy allows a candidate of this name."""
        if self.strategy in (AUTO, name):
            return True
        return self.strategy in KINDS and self.strategy in name.replace("+", " ").split()

    def _state_vectors(self) -> Iterator[Candidate]:
        if self.strategy != AUTO:
            return self.whole.state_vectors_named(self._matches)
        return self.whole.state_vectors(self.thorough)

    def _beside_lightning(self) -> Iterator[Candidate]:
        """By Aer what Lightning does fastest, after all others: it wins seldom, and takes long to weigh."""
        found = [one for one in self.candidates if one.method == LIGHTNING]
        if not found or self.thorough:
            return
        fastest = min(found, key=lambda one: one.prediction.seconds)
        beside = list(self.whole.beside_lightning(fastest, self.best))
        if not beside:
            self.notes.append(
                f"Aer was not weighed beside Lightning: following how it fuses gates takes more than a tenth of "
                f"{self._reckoned}"
            )
        yield from beside

    def _stabiliser(self) -> Iterator[Candidate]:
        if (found := self.whole.stabiliser()) is not None:
            yield found

    def _matrix_product(self) -> Iterator[Candidate]:
        least = self.whole.least_of_matrix_product()
        if not self.thorough and least > HOPEFUL * self.best:
            self.notes.append(
                f"a matrix-product state was not weighed: it takes {seconds_of(least)} at least, more than half of "
                f"{self._reckoned}"
            )
            return
        yield self.whole.matrix_product()

    def _settle_doubt(self) -> None:
        """Ask the probe where the entanglement of a matrix-product state decides whether it is the best."""
        found = next((one for one in self.candidates if one.method == MPS), None)
        probe = self.probe
        if found is None or probe is None or found.of_angles or (self.strategy != AUTO and not found.refused):
            return
        others = [one for one in self.candidates if one is not found]
        best = _best(others, self.target)
        bar = inf if best is None else _cost(best) - spent(best)
        least, doubt = found.prediction.low, DOUBTFUL
        most = least + HALF * (bar - least)
        if self.thorough:
            seconds, most, doubt = max(THOROUGHLY, min(most, PROBED_AT_MOST)), inf, CERTAIN
        else:
            doubtful = most < found.prediction.high or bool(found.refused)
            if bar < min(PROBED_FROM, HALF * found.prediction.seconds) or least > HALF * bar or not doubtful:
                return
            seconds = min(most - least, PROBED_AT_MOST)
        followed = self.whole.matrix_product(
            lambda circuit, foresee: probe(circuit, Patience(seconds, MOST_BITS, foresee, most, TRIAL * most)), doubt
        )
        self.candidates = [*others, experienced(followed, self.surprises)]

    def _cuts(self) -> Iterator[Candidate]:
        cutting = Cutting(self.question, self.simulators)
        least = self._cut(cutting.least_of_any)
        if not self.thorough and WORTH * least > self.best:
            self.notes.append(
                f"cuts were not looked for: that and writing the pieces takes {seconds_of(least)} at least, not well "
                f"below {self._reckoned}"
            )
            return
        if cutting.glance is None:
            return
        least = self._cut(cutting.least)
        if not self.thorough and WORTH * least > self.best:
            self.notes.append(
                f"cuts were not looked for: at a glance they leave 2^{cutting.glance.amplitude_bits:.0f} amplitudes, "
                f"which with looking for them takes {seconds_of(least)} at least, not well below {self._reckoned}"
            )
            return
        names: Counter[str] = Counter()
        for limit in dict.fromkeys(min(cutting.glance.width, self.simulators.widest - less) for less in NARROWER):
            if limit < 1:
                return
            try:
                found = cutting.candidates(limit, WEIGHED if self.thorough else PROMISING)
            except CircuitError as error:
                self.notes.append(f"cuts for fragments of {limit} qubits: {error}")
                return
            for one in found:
                names[one.name] += 1
                again = f" ({names[one.name]})" if names[one.name] > 1 else ""
                yield msgspec.structs.replace(one, name=one.name + again)
            if not found or any(not one.refused for one in found):
                return

    def _cut(self, seconds: float) -> float:
        """Seconds that cuts take which are predicted to take so many, by what earlier ones have taken."""
        prediction = Prediction(seconds, seconds, seconds)
        expected = Candidate(CUT, CUT, Pruning.WHOLE, prediction, pilots=self.simulators.names)
        return experienced(expected, self.surprises).prediction.seconds


def _best(candidates: Sequence[Candidate], target: Target) -> Candidate | None:
    """The candidate to choose: of those that are allowed and accurate enough the one that costs least."""
    allowed = [one for one in candidates if not one.refused and one.error <= target.error]
    return min(allowed, key=lambda one: _cost(one) * (1.0 if one.pruning is Pruning.NONE else SIMPLER), default=None)


def _cost(candidate: Candidate) -> float:
    """The seconds to reckon with: the geometric mean of what is likely and of what it may take.

    Where the range is so wide that nobody knows, it is what it may take: a candidate that takes a second or a thousand
    loses against one that takes two.
    """
    prediction = candidate.prediction
    if prediction.high > (OPEN if candidate.method == MPS else UNKNOWN) * prediction.low:
        return prediction.high
    return sqrt(prediction.seconds * prediction.high)


def _nothing(
    question: Question, candidates: Sequence[Candidate], notes: Sequence[str], strategy: str, simulators: Places
) -> UnsatisfiableError | InvalidDescriptionError:
    """The error where no candidate is left."""
    if not candidates and strategy != AUTO and strategy not in KINDS:
        near = get_close_matches(
            strategy, (AUTO, *KINDS, "cone+lightning", "cone+aer", "cone+mps", "terms+lightning"), 1
        )
        hint = f" Did you mean {near[0]!r}?" if near else ""
        return InvalidDescriptionError(
            f"strategy {strategy!r} is none for circuit {question.circuit.name!r}.{hint} Give 'auto', one of "
            f"{', '.join(KINDS)}, or the name of a candidate that plan.explain() lists."
        )
    skeleton = question.skeleton
    nearest = sorted(candidates, key=lambda one: one.prediction.memory or inf)[:NAMED]
    reasons = [f"{one.name} {one.refused}" for one in nearest] + list(notes)
    if len(candidates) > NAMED:
        reasons.append(f"{len(candidates) - NAMED} more candidates were refused likewise")
    text = (
        f"no way was found to run circuit {question.circuit.name!r} ({skeleton.qubits} qubits, {len(skeleton)} gates): "
        f"{'; '.join(reasons) or 'there is no candidate'}."
    )
    if not candidates or any(one.pilots for one in candidates):  # there is room, and something else is in the way
        return UnsatisfiableError(f"{text} Add a pilot that can, take another strategy, or ask for less.")
    qubits = question.whole.skeleton.qubits
    if (limit := simulators.too_narrow(qubits)) is not None:
        return CircuitTooLargeError(
            f"{text} Add a pilot that takes circuits of {qubits} qubits: the widest of these is limited to {limit} "
            "(`widest` of its profile), whatever its memory. Or use fewer qubits."
        )
    return CircuitTooLargeError(f"{text} Add a pilot whose nodes have more memory, or use fewer qubits.")
