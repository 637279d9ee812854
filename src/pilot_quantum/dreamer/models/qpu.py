"""Cost of a run on a quantum processor, which is data so far: waiting, running, paying, and what is left of a value."""

from __future__ import annotations

from dataclasses import dataclass

from pilot_quantum.circuit.skeleton import Skeleton
from pilot_quantum.dreamer.models.routing import IN_A_SWAP, IN_A_WIDE_GATE, Routing
from pilot_quantum.dreamer.prediction import Prediction
from pilot_quantum.resource.profile import QPUProfile

SPREAD = 3.0
"""Queues are known to a factor at best."""


@dataclass(frozen=True, slots=True)
class QPURun:
    """Predicts one job on `qpu`, of a circuit in its own gates (or near them)."""

    qpu: QPUProfile

    def fits(self, skeleton: Skeleton) -> bool:
        """Whether it has the qubits."""
        return skeleton.qubits <= self.qpu.qubits

    def predict(self, skeleton: Skeleton, shots: int) -> Prediction:
        """Waiting in the queue, and `shots` shots. Raises ValueError for a circuit that is too wide, naming both."""
        if not self.fits(skeleton):
            raise ValueError(f"{self.qpu.name} has {self.qpu.qubits} qubits, and the circuit {skeleton.qubits}")
        terms = {"queue": self.qpu.queue_seconds, "shots": shots / self.qpu.shots_per_second}
        seconds = sum(terms.values())
        low = terms["queue"] / SPREAD + terms["shots"]
        return Prediction(seconds, low, terms["queue"] * SPREAD + terms["shots"], 0, terms, assumed=True)

    def swaps(self, *skeletons: Skeleton) -> int:
        """Swaps that these circuits take together on its couplings; an estimate (see `Routing`), 0 where all qubits are
        coupled. Raises CircuitError where qubits that interact find no places between which there is a path.
        """
        if self.qpu.couplings is None:
            return 0
        routing = Routing(self.qpu.qubits, self.qpu.couplings)
        return sum(routing.swaps(skeleton) for skeleton in skeletons)

    @property
    def widest(self) -> int:
        """The most qubits that couplings join."""
        return self.qpu.qubits if self.qpu.couplings is None else Routing(self.qpu.qubits, self.qpu.couplings).widest

    def kept(self, skeleton: Skeleton, measured: int, swaps: int = 0) -> float:
        """The part of an expectation value that faults leave, at least about: that of shots without any fault.

        measured: qubits that are read. swaps: that couplings make necessary, three gates on two qubits each. Gates on
        more than two qubits count as six on two.
        """
        one, two = skeleton.arities.get(1, 0), skeleton.arities.get(2, 0)
        two += IN_A_WIDE_GATE * sum(count for arity, count in skeleton.arities.items() if arity > 2)
        return self.qpu.success(one, two + IN_A_SWAP * swaps, measured)

    def price(self, shots: int) -> float:
        """Of one job with so many shots, in the provider's currency."""
        return self.qpu.task_price + shots * self.qpu.shot_price
