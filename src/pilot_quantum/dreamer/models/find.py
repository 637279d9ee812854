from __future__ import annotations

from dataclasses import dataclass

from pilot_quantum.dreamer.prediction import Prediction, priced
from pilot_quantum.resource.profile import Rates

FIND = "find"


@dataclass(frozen=True, slots=True)
class Find:
    rates: Rates

    def predict(self, qubits: int, gates: int) -> Prediction:
        return priced({"fixed": 1.0, "gate": float(gates), "qubit": float(qubits)}, self.rates)
