from __future__ import annotations

from dataclasses import dataclass

from pilot_quantum.dreamer.prediction import Prediction, priced
from pilot_quantum.resource.profile import Rates

WRITE = "write"


@dataclass(frozen=True, slots=True)
class Write:
    rates: Rates

    def predict(self, gates: int, circuits: int = 1) -> Prediction:
        return priced({"fixed": float(circuits), "gate": float(gates)}, self.rates)
