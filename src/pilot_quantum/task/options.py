"""What a user may ask of the scheduler for a task, beside what to run."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from enum import StrEnum, auto
from typing import Any

from pilot_quantum.errors import InvalidDescriptionError
from pilot_quantum.resource.address import unknown
from pilot_quantum.resource.units import parse_seconds
from pilot_quantum.task.needs import Needs, NeedsLike, Variant, variants

_HIGHEST = 10**9
"""The highest priority; the journal holds 64-bit integers."""


class Coupling(StrEnum):
    """`tight`: parts run together. `medium`: returns to the same warm place while it is free. `loose`: anywhere."""

    TIGHT = auto()
    MEDIUM = auto()
    LOOSE = auto()


@dataclass(frozen=True, slots=True)
class TaskOptions:
    """How a task is to be scheduled.

    needs: what it must have; a list gives variants, the preferred first. priority: a larger one runs sooner.
    name: how errors and reports call it. retries: how often user code may raise and be run again.
    timeout: seconds that one attempt may run. expected_duration: seconds that it is expected to take on one slot.
    affinity: tasks with the same text return to the same worker while it is free.
    coupling: "loose"; "medium": without an affinity of their own, tasks return to where their function ran last;
    "tight": recorded, for gangs over several nodes, which do not exist yet.
    wait_for_capacity: wait for a pilot that can run it instead of failing.
    keep_remote: let the result stay on the pilot until it is asked for; tasks that need it and run there find it there.
    It comes when `result()` is called, when its pilot drains or the session closes. If the pilot is lost before, so is
    it: ResultLostError; the task was done, so no retry follows. On `local://` with the engine `processes`, and for
    results below 4 KiB, nothing changes.
    Times may be texts such as "5m". Raises InvalidDescriptionError naming the value.
    """

    needs: tuple[Variant, ...] = (Variant(Needs()),)
    priority: int = 0
    name: str | None = None
    retries: int = 0
    timeout: float | None = None
    expected_duration: float | None = None
    affinity: str | None = None
    coupling: Coupling = Coupling.LOOSE
    wait_for_capacity: bool = False
    keep_remote: bool = False

    def __post_init__(self) -> None:
        _check(self)

    def changed(self, **changes: Any) -> TaskOptions:
        """These options with `changes`, checked. Raises InvalidDescriptionError, naming the nearest valid option."""
        for name in changes:
            if name not in NAMES:
                raise InvalidDescriptionError(unknown("task option", name, NAMES))
        if "needs" in changes:
            changes["needs"] = variants(changes["needs"])
        return replace(self, **changes)


NAMES = frozenset(field.name for field in fields(TaskOptions))


def split_keywords(fn: Callable[..., Any], kwargs: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The task options among `kwargs` of a short-form submit, and the rest, which is for `fn`.

    Raises TypeError where `fn` itself takes a keyword of that name: which of the two was meant cannot be known.
    """
    options = {name: kwargs[name] for name in kwargs if name in NAMES}
    if options:
        try:
            parameters = inspect.signature(fn).parameters.values()
        except (TypeError, ValueError):
            parameters = ()  # type: ignore[assignment]
        for parameter in parameters:
            name = next(iter(options)) if parameter.kind is parameter.VAR_KEYWORD else parameter.name
            if name in options and parameter.kind is not parameter.POSITIONAL_ONLY:
                label = getattr(fn, "__qualname__", repr(fn))
                raise TypeError(
                    f"{name}= is an option of submit and could be a keyword of {label} too. For the task option: "
                    f"session.with_options({name}=...).submit(fn, ...), where every keyword goes to the function."
                )
    return options, {name: value for name, value in kwargs.items() if name not in options}


def _check(options: TaskOptions) -> None:
    set_ = object.__setattr__
    set_(options, "needs", variants(options.needs))
    for name, least in (("priority", None), ("retries", 0)):
        value = getattr(options, name)
        if isinstance(value, bool) or not isinstance(value, int) or (least is not None and value < least):
            limit = " of at least 0." if least == 0 else "."
            raise InvalidDescriptionError(f"{name}={value!r} must be a whole number{limit}")
    if abs(options.priority) > _HIGHEST:
        raise InvalidDescriptionError(f"priority={options.priority} must be at most {_HIGHEST} from 0 either way.")
    for name in ("timeout", "expected_duration"):
        value = getattr(options, name)
        if value is None:
            continue
        value = parse_seconds(value, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
            raise InvalidDescriptionError(f"{name}={value!r} must be a positive number of seconds.")
        set_(options, name, float(value))
    for name in ("name", "affinity"):
        value = getattr(options, name)
        if value is not None and not (isinstance(value, str) and value and value.isprintable()):
            raise InvalidDescriptionError(f"{name}={value!r} must be a text of printable characters, not empty.")
    for name in ("wait_for_capacity", "keep_remote"):
        if not isinstance(getattr(options, name), bool):
            raise InvalidDescriptionError(f"{name}={getattr(options, name)!r} must be True or False.")
    try:
        set_(options, "coupling", Coupling(options.coupling))
    except ValueError:
        raise InvalidDescriptionError(unknown("coupling", str(options.coupling), Coupling)) from None


__all__ = ["NAMES", "Coupling", "NeedsLike", "TaskOptions", "split_keywords"]
