"""What a cost model answers: seconds, term by term, with the range in which they lie, and the memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from pilot_quantum.errors import CalibrationError
from pilot_quantum.resource.profile import Rates

Units = Mapping[str, float]
"""How much of each term of a cost model a piece of work takes, such as {"gate": 57, "pass": 1.2e6}."""


class Prediction(msgspec.Struct, frozen=True):
    """A predicted run. The terms add up to `seconds`; low, high: nine of ten runs lie between; memory: bytes at most.

    assumed: whether some rate behind it was not measured on the machine in question.
    """

    seconds: float
    low: float
    high: float
    memory: int = 0
    terms: dict[str, float] = {}
    assumed: bool = False

    def __add__(self, other: Prediction) -> Prediction:
        """One after the other. Their errors count as alike, for both depend on the same machine."""
        return together((self, other))

    def times(self, factor: float) -> Prediction:
        """`factor` times the same, one after another."""
        terms = {name: seconds * factor for name, seconds in self.terms.items()}
        scaled = (self.seconds * factor, self.low * factor, self.high * factor)
        return Prediction(*scaled, self.memory, terms, self.assumed)

    def named(self, prefix: str) -> Prediction:
        """The same with `prefix` before the name of each term."""
        return msgspec.structs.replace(self, terms={f"{prefix}{name}": s for name, s in self.terms.items()})


def priced(units: Units, rates: Rates, memory: int = 0) -> Prediction:
    """`units` at `rates`. A term without a rate raises CalibrationError: a model and its rates belong together."""
    terms = {}
    for name, amount in units.items():
        if name not in rates.seconds:
            raise CalibrationError(
                f"the rates of {rates.model!r} have no term {name!r}, only {', '.join(sorted(rates.seconds))}; "
                "they were fitted for another version of the model. Calibrate again: pilot-quantum dreamer calibrate"
            )
        if amount:
            terms[name] = amount * rates.seconds[name]
    seconds = sum(terms.values())
    return Prediction(seconds, seconds / rates.spread, seconds * rates.spread, memory, terms, not rates.measured)


def together(predictions: Iterable[Prediction]) -> Prediction:
    """All of them, one after another: seconds add up, and the largest needs the memory."""
    seconds = low = high = 0.0
    memory, assumed = 0, False
    terms: dict[str, float] = {}
    for one in predictions:
        seconds, low, high = seconds + one.seconds, low + one.low, high + one.high
        memory, assumed = max(memory, one.memory), assumed or one.assumed
        for name, value in one.terms.items():
            terms[name] = terms.get(name, 0.0) + value
    return Prediction(seconds, low, high, memory, terms, assumed)
