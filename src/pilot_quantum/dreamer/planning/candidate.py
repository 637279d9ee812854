"""One way to get the answer, with what it would take."""

from __future__ import annotations

from enum import StrEnum, auto

import msgspec

from pilot_quantum.circuit.cuts import Cuts
from pilot_quantum.dreamer.prediction import Prediction

QPU = "qpu"
"""The method of a candidate that runs on a quantum processor; the others are called as their cost models."""


class Pruning(StrEnum):
    """What is left out first: nothing; what no term depends on; for each group of terms what none of them does."""

    NONE = auto()
    WHOLE = auto()
    APART = auto()


class Candidate(msgspec.Struct, frozen=True):
    """A way to get the answer. Of one plan, no two have the same `name`.

    method: the cost model's name: what runs the circuit ("lightning", "aer-statevector", "aer-mps", "aer-stabilizer"),
    "cut", or "qpu". parts: the terms that each run evaluates, as positions in `Question.terms`. threads: cores of
    each task. cuts: where the pruned circuit is cut; widths: of its
    fragments; limit: of the width, for which they were looked for; simulator: what runs them. qpu: the
    pilot that is one. shots: altogether. error: the standard error of the worst observable with what faults may take, 0
    where values are exact. price: in the provider's currency. pilots: those that can run it. prediction: of everything
    from the circuit to the answer, with what looking for the cuts has taken. refused: why it cannot be chosen; "" where
    it can. of_angles: whether the prediction holds for these angles alone, since a probe has followed them. surprise:
    the factor that runs like it have shown the cost models to be off by, which the prediction contains.
    """

    name: str
    method: str
    pruning: Pruning
    prediction: Prediction
    parts: tuple[tuple[int, ...], ...] = ()
    threads: int = 1
    cuts: Cuts = Cuts()
    widths: tuple[int, ...] = ()
    limit: int = 0
    simulator: str = ""
    qpu: str = ""
    shots: int = 0
    error: float = 0.0
    price: float = 0.0
    pilots: tuple[str, ...] = ()
    refused: str = ""
    of_angles: bool = False
    surprise: float = 1.0

    @property
    def exact(self) -> bool:
        """Whether the values have no error but rounding."""
        return self.error == 0

    def no_worse(self, other: Candidate) -> bool:
        """Whether it takes no more time and memory than `other`, for no larger error."""
        mine, others = self.prediction, other.prediction
        return mine.seconds <= others.seconds and self.error <= other.error and mine.memory <= others.memory
