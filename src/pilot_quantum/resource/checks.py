"""Numbers that users give, held against what they may be."""

from __future__ import annotations

from math import inf
from numbers import Real
from operator import index
from typing import Any

from pilot_quantum.errors import InvalidDescriptionError


def check_whole(what: str, value: object, least: int = 0, otherwise: str = "") -> int:
    """`value` as a whole number of at least `least`; neither 1e5 nor True is one.

    what: its name for the error. otherwise: what else could have been given, such as "or None for no limit". Raises
    InvalidDescriptionError.
    """
    try:
        found = index(value)  # type: ignore[arg-type]  # which is what is found out
    except TypeError:
        found = least - 1
    if isinstance(value, bool) or found < least:
        raise InvalidDescriptionError(
            f"{what}={value!r} must be a whole number of at least {least}{otherwise and ', ' + otherwise}."
        )
    return found


def check_number(what: str, value: object, least: float = 0.0, most: float = inf, otherwise: str = "") -> None:
    """Raise InvalidDescriptionError unless `value` is a finite number from `least` to `most`. See `check_whole`."""
    if isinstance(value, Real) and not isinstance(value, bool):
        number: Any = value  # a Real has no order for the type checker
        if least <= number <= most and number < inf:
            return
    allowed = f"a finite number of at least {least:g}" if most == inf else f"a number from {least:g} to {most:g}"
    raise InvalidDescriptionError(f"{what}={value!r} must be {allowed}{otherwise and ', ' + otherwise}.")
