"""What an answer has to be like."""

from __future__ import annotations

from dataclasses import dataclass

from pilot_quantum.errors import InvalidDescriptionError


@dataclass(frozen=True, slots=True)
class Target:
    """The accuracy that is wanted, and what may be spent on it.

    error: standard error allowed of each observable, in its units; 0 asks for exact values. shots: the most that may be
    spent; price: likewise, in the provider's currency; None for no limit. Raises InvalidDescriptionError.
    """

    error: float = 0.0
    shots: int | None = None
    price: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.error < float("inf"):
            raise InvalidDescriptionError(f"target error={self.error!r} must be a number of at least 0 (0: exact).")
        if self.shots is not None and self.shots < 1:
            raise InvalidDescriptionError(f"target shots={self.shots!r} must be at least 1, or None for no limit.")
        if self.price is not None and self.price < 0:
            raise InvalidDescriptionError(f"target price={self.price!r} must be at least 0, or None for no limit.")

    @classmethod
    def of(cls, target: Target | float | None) -> Target:
        """A target as users give it: nothing for exact values, or the error alone."""
        if isinstance(target, Target):
            return target
        return cls() if target is None else cls(float(target))
