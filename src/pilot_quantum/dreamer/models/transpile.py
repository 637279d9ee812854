"""Cost of Qiskit's transpiler, for circuits that a QPU is to run."""

from __future__ import annotations

from dataclasses import dataclass

from pilot_quantum.circuit.skeleton import Skeleton
from pilot_quantum.dreamer.prediction import Prediction, Units, priced
from pilot_quantum.resource.profile import Rates

TRANSPILE = "transpile"

LEVEL = 1
"""The optimisation level that the rates stand for; other levels take `EFFORT` times as much."""

EFFORT = {0: 0.5, 1: 1.0, 2: 1.5, 3: 3.0}
"""Seconds of each level to those of level 1, roughly, on circuits of 10 to 100 qubits."""


@dataclass(frozen=True, slots=True)
class Transpile:
    """Predicts one transpilation. rates: of the model "transpile"."""

    rates: Rates

    def units(self, skeleton: Skeleton, level: int = LEVEL, routed: bool = True) -> Units:
        """level: of optimisation, 0 to 3. routed: two-qubit gates act on neighbours of the device alone ("route").

        Raises ValueError for another level.
        """
        if level not in EFFORT:
            raise ValueError(f"optimisation level {level} is not one of {', '.join(map(str, EFFORT))}")
        wide = sum(len(wires) > 1 for wires in skeleton.wires)
        effort = EFFORT[level]
        return {"fixed": effort, "gate": effort * len(skeleton), "route": effort * wide if routed else 0.0}

    def predict(self, skeleton: Skeleton, level: int = LEVEL, routed: bool = True) -> Prediction:
        """Transpiling `skeleton`'s circuit once."""
        return priced(self.units(skeleton, level, routed), self.rates)
