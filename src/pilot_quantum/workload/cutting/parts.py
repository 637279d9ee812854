"""What runs in a worker: all variants of a fragment, and what is asked of their final states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pilot_quantum.circuit.choi import ChoiShape
from pilot_quantum.circuit.updates import evolution_updates
from pilot_quantum.workload.cutting.gram import Complexes, gram_tensors, marginal_tensors
from pilot_quantum.workload.memory import Method
from pilot_quantum.workload.pauli import PauliTerms
from pilot_quantum.workload.traits import Traits
from pilot_quantum.workload.units import final_state

Part: TypeAlias = tuple[Any, ...]
"""A function that runs in a worker, a `FragmentWork`, and the function's other arguments."""


@dataclass(frozen=True, slots=True)
class FragmentWork:
    """A fragment as it travels. blob: its Choi circuit, as `to_blob` wrote it. shape: how to read its final state.

    instructions: of that circuit. simulator: what runs it, one that has amplitudes.
    """

    blob: bytes
    shape: ChoiShape
    instructions: int
    simulator: Method = Method.STATEVECTOR

    @property
    def updates(self) -> int:
        """Amplitude updates of running it."""
        return evolution_updates(self.instructions, self.shape.width + self.shape.ancillas)

    @property
    def traits(self) -> Traits:
        """As far as they decide what memory it takes."""
        return Traits(self.instructions, self.shape.width + self.shape.ancillas)

    def opened(self) -> Complexes:
        """The variants' final states: shape (values of all legs, 2^(qubits kept)). Raises SimulationError."""
        return self.shape.opened(final_state(self.blob, self.simulator))


def grams(work: FragmentWork, terms: PauliTerms) -> Complexes:
    """<psi_b|P|psi_a> for every string: shape (strings, variants a, variants b). Raises SimulationError."""
    return gram_tensors(work.opened(), terms)


def amplitudes(work: FragmentWork) -> Complexes:
    """The final states themselves: shape (values of all legs, 2^(qubits kept)). Raises SimulationError."""
    return work.opened()


def marginals(work: FragmentWork, measured: NDArray[np.intp]) -> Complexes:
    """What `marginal_tensors` says of the qubits at the positions `measured` among those kept."""
    return marginal_tensors(work.opened(), measured, len(work.shape.kept))
