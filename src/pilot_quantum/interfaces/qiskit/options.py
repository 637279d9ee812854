"""What a primitive does where a call does not say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from pilot_quantum.errors import InvalidDescriptionError
from pilot_quantum.resource.address import unknown
from pilot_quantum.workload.blocks import entropy_of


@dataclass(slots=True)
class SamplerOptions:
    """default_shots: where neither PUB nor call names any. seed: None draws one for each call and keeps it."""

    default_shots: int = 1024
    seed: int | None = None


@dataclass(slots=True)
class EstimatorOptions:
    """default_precision: standard error, 0 for exact values. seed: None draws one for each call and keeps it.

    strategy: how circuits are run; None: as they are.
    """

    default_precision: float = 0.0
    seed: int | None = None
    strategy: str | None = None


Options = TypeVar("Options", SamplerOptions, EstimatorOptions)


def merged(defaults: Options, options: Options | Mapping[str, Any] | None, keywords: Mapping[str, Any]) -> Options:
    """`defaults`, changed by `options` and then by the `keywords` that are not None.

    Raises InvalidDescriptionError for an unknown name, with the nearest, and for a seed that is none.
    """
    names = [field.name for field in fields(defaults)]
    given = options if isinstance(options, Mapping) else {}
    if options is not None and not isinstance(options, Mapping):
        if not isinstance(options, type(defaults)):
            raise InvalidDescriptionError(f"options={options!r}: give a dict with {', '.join(names)}.")
        defaults = options
    for name in given:
        if name not in names:
            raise InvalidDescriptionError(unknown("option", str(name), names))
    changes = {**given, **{name: value for name, value in keywords.items() if value is not None}}
    found = replace(defaults, **changes)
    entropy_of(found.seed)
    return found
