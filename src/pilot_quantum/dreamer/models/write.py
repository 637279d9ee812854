"""Cost of writing circuits for their way to workers (`workload/blob.py`), in the session."""

from __future__ import annotations

from dataclasses import dataclass

from pilot_quantum.dreamer.prediction import Prediction, Units, priced
from pilot_quantum.resource.profile import Rates

WRITE = "write"


@dataclass(frozen=True, slots=True)
class Write:
    """Predicts writing circuits of standard gates. rates: of the model "write"."""

    rates: Rates

    def units(self, gates: int, circuits: int = 1) -> Units:
        """`circuits` circuits that have `gates` gates altogether."""
        return {"circuit": float(circuits), "gate": float(gates)}

    def predict(self, gates: int, circuits: int = 1) -> Prediction:
        """Seconds of writing them, one after another."""
        return priced(self.units(gates, circuits), self.rates)
