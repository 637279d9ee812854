"""Cost of making tasks of circuits (`workload/planned`), in the session: writing them, and what is read from them."""

from __future__ import annotations

from dataclasses import dataclass

from pilot_quantum.dreamer.prediction import Prediction, Units, priced
from pilot_quantum.resource.profile import Rates

WRITE = "write"


@dataclass(frozen=True, slots=True)
class Write:
    """Predicts making tasks of circuits of standard gates. rates: of the model "write"."""

    rates: Rates

    def units(self, gates: int, circuits: int = 1, strings: int = 1) -> Units:
        """`circuits` circuits that have `gates` gates altogether, and from which `strings` Pauli strings are read."""
        return {"circuit": float(circuits), "gate": float(gates), "string": float(strings)}

    def predict(self, gates: int, circuits: int = 1, strings: int = 1) -> Prediction:
        """Seconds of making their tasks, one after another."""
        return priced(self.units(gates, circuits, strings), self.rates)
