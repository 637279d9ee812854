"""Cost of sending tasks to a pilot and of getting their results back."""

from __future__ import annotations

from dataclasses import dataclass

from pilot_quantum.dreamer.prediction import Prediction, Units, priced
from pilot_quantum.resource.profile import Rates

DISPATCH = "dispatch"

FEW = 8
"""Tasks that are hardly ever bundled."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Predicts what tasks cost beside running. rates: of the model "dispatch"."""

    rates: Rates

    def units(self, tasks: int, sent: int = 0) -> Units:
        """One way there and back ("latency"), each task ("task"), each of the first `FEW`, which go one by one where
        later ones are bundled ("few"), each byte of `sent` in all ("byte").
        """
        first = {"latency": 1.0 if tasks else 0.0, "few": float(min(tasks, FEW))}
        return {**first, "task": float(tasks), "byte": float(sent)}

    def predict(self, tasks: int, sent: int = 0) -> Prediction:
        """`tasks` tasks submitted at once, their arguments `sent` bytes altogether."""
        return priced(self.units(tasks, sent), self.rates)
