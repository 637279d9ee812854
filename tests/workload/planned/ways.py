"""Candidates as a planner would make them, each for one way of running a question."""

from __future__ import annotations

from pilot_quantum.circuit.cuts import Cuts
from pilot_quantum.dreamer.planning.candidate import Candidate, Pruning
from pilot_quantum.dreamer.planning.plan import Plan
from pilot_quantum.dreamer.planning.question import Question
from pilot_quantum.dreamer.planning.target import Target
from pilot_quantum.dreamer.prediction import Prediction

SECOND = Prediction(1.0, 0.5, 2.0)


def way(method, pruning=Pruning.WHOLE, prediction=SECOND, **fields):
    return Candidate(name=f"{pruning} {method}", method=method, pruning=pruning, prediction=prediction, **fields)


def cut(cuts, simulator="lightning", **fields):
    return Candidate(
        name="cut", method="cut", pruning=Pruning.WHOLE, prediction=SECOND, cuts=cuts, simulator=simulator, **fields
    )


def plan_of(question: Question, *candidates: Candidate) -> Plan:
    return Plan(question, (), Target(), candidates, candidates[0], (), 0.0)


EXACT = [
    *(way(method, pruning) for method in ("lightning", "aer-statevector") for pruning in Pruning),
    *(way("aer-mps", pruning) for pruning in Pruning),
    way("aer-statevector", threads=2),
    cut(Cuts(), "aer-statevector"),
]
"""Every way to run a circuit of standard gates exactly, whatever its gates."""
