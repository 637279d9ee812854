"""What an answer has to be like."""

from __future__ import annotations

from dataclasses import dataclass

from pilot_quantum.resource.checks import check_number, check_whole


@dataclass(frozen=True, slots=True)
class Target:
    """The accuracy that is wanted, and what may be spent on it.

    error: standard error allowed of each observable, in its units, with what a processor's faults may take; 0 asks for
    exact values. shots: the most that may be spent; price: likewise, in the provider's currency; None for no limit.
    Raises InvalidDescriptionError.
    """

    error: float = 0.0
    shots: int | None = None
    price: float | None = None

    def __post_init__(self) -> None:
        check_number("target error", self.error, otherwise="0 for exact values")
        object.__setattr__(self, "error", float(self.error))
        if self.shots is not None:
            object.__setattr__(self, "shots", check_whole("target shots", self.shots, 1, "or None for no limit"))
        if self.price is not None:
            check_number("target price", self.price, otherwise="or None for no limit")

    @classmethod
    def of(cls, target: Target | float | None) -> Target:
        """A target as users give it: nothing for exact values, or the error alone. Raises InvalidDescriptionError."""
        if isinstance(target, Target):
            return target
        return cls() if target is None else cls(target)
