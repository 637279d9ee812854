"""Cost of a stabiliser simulation of a Clifford circuit (Aaronson and Gottesman 2004): polynomial in every respect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pilot_quantum.circuit.light_cone import Letters
from pilot_quantum.circuit.skeleton import Skeleton
from pilot_quantum.dreamer.prediction import Prediction, Units, priced
from pilot_quantum.resource.profile import Rates

STABILISER = "aer-stabilizer"

PROCESS = 128 * 2**20


@dataclass(frozen=True, slots=True)
class Stabiliser:
    """Predicts Aer's stabiliser simulation. rates: of the model "aer-stabilizer"."""

    rates: Rates

    def units(self, skeleton: Skeleton, terms: Sequence[Letters] = ()) -> Units:
        """A gate changes two columns of a tableau of 2n rows ("row"); a Pauli string is held against all of them."""
        qubits = skeleton.qubits
        return {
            "fixed": 1.0,
            "gate": float(len(skeleton)),
            "row": float(len(skeleton) * qubits),
            "string": float(len(terms)),
            "observe": float(len(terms) * qubits**2),
        }

    def predict(self, skeleton: Skeleton, terms: Sequence[Letters] = ()) -> Prediction | None:
        """The run; None where a gate is not Clifford by its name, so that there is none."""
        if not all(kind.clifford for kind in skeleton.kinds):
            return None
        return priced(self.units(skeleton, terms), self.rates, PROCESS + 4 * skeleton.qubits**2)
