"""What `strategy=` may be."""

from __future__ import annotations

from pilot_quantum.dreamer.planning.planner import AUTO, KINDS
from pilot_quantum.errors import InvalidDescriptionError
from pilot_quantum.resource.address import unknown

_EXAMPLES = ("cone+lightning", "cone+aer", "cone+mps", "cone+stabiliser", "terms+lightning", "terms+aer")


def check_strategy(strategy: str) -> None:
    """Raise InvalidDescriptionError, naming the nearest, for what no candidate can be called, whatever the circuit."""
    words = strategy.replace("+", " ").split() if isinstance(strategy, str) else []
    if strategy != AUTO and not any(word in KINDS for word in words):
        raise InvalidDescriptionError(unknown("strategy", str(strategy), (AUTO, *KINDS, *_EXAMPLES)))
