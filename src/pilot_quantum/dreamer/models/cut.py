"""Cost of a cut circuit on simulators, fragment by fragment, and the contraction that puts the answer together.

Amplitude branching: a fragment is built once and run in each of its variants; the Gram matrix of their final states,
for every factor of an observable on the fragment, is what the contraction takes. Sampling: every distinct subexperiment
is run, and shots are drawn from its outcomes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pilot_quantum.circuit.skeleton import Skeleton
from pilot_quantum.dreamer.models.state_vector import PER_AMPLITUDE, StateVector, memory
from pilot_quantum.dreamer.prediction import Prediction, Units, priced, together
from pilot_quantum.resource.profile import Rates

CUT = "cut"


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of a cut circuit, as far as its cost goes.

    skeleton: its gates. variants: states that it is run for (the product, over its cuts, of 2 for a gate cut and of 2
    for a wire that comes in; or its distinct subexperiments). open_legs: wires that are cut behind it. factors:
    distinct factors of the observables on it, the identity included.
    """

    skeleton: Skeleton
    variants: int
    open_legs: int = 0
    factors: int = 1


@dataclass(frozen=True, slots=True)
class Cut:
    """Predicts a cut circuit. rates: of the model "cut"; simulator: what runs the variants."""

    rates: Rates
    simulator: StateVector

    def fragment_units(self, fragment: Fragment) -> Units:
        """What a fragment takes beside its runs: building it, and its Gram matrix ("gram", in multiplications)."""
        states = fragment.variants * 2.0**fragment.open_legs
        amplitudes = 2.0 ** (fragment.skeleton.qubits - fragment.open_legs)
        return {
            "fragment": 1.0,
            "build": float(len(fragment.skeleton)),
            "variant": float(fragment.variants),
            "gram": fragment.factors * states**2 * amplitudes,
        }

    def fragment(self, fragment: Fragment, threads: int = 1) -> Prediction:
        """One fragment in all its variants, by amplitudes, on one worker."""
        beside = priced(self.fragment_units(fragment), self.rates).named("cut.")
        run = self.simulator.predict(fragment.skeleton, threads=threads, warm=True).times(fragment.variants)
        both = together((beside, run))
        states = fragment.variants * PER_AMPLITUDE * 2**fragment.skeleton.qubits  # all are kept for the Gram matrix
        return Prediction(both.seconds, both.low, both.high, run.memory + states, both.terms, both.assumed)

    def sampled(self, fragment: Fragment, shots: float) -> Prediction:
        """One fragment in all its subexperiments, `shots` altogether drawn from their outcomes."""
        units = {"fragment": 1.0, "build": float(len(fragment.skeleton)), "variant": float(fragment.variants)}
        beside = priced({**units, "shot": shots}, self.rates).named("cut.")
        run = self.simulator.predict(fragment.skeleton, warm=True).times(fragment.variants)
        return together((beside, run))

    def contraction(self, multiplications: float) -> Prediction:
        """Putting the answer together, as the contraction path counts it (opt_einsum's `opt_cost`)."""
        return priced({"contract": multiplications, "contraction": 1.0}, self.rates).named("cut.")

    def predict(self, fragments: Sequence[Fragment], multiplications: float, threads: int = 1) -> Prediction:
        """All fragments one after another on one worker, and the contraction; for more see `makespan`."""
        return together([*(self.fragment(one, threads) for one in fragments), self.contraction(multiplications)])

    def memory(self, fragment: Fragment) -> int:
        """Bytes that one worker needs for `fragment`."""
        return int(memory(fragment.skeleton.qubits) + fragment.variants * PER_AMPLITUDE * 2**fragment.skeleton.qubits)
