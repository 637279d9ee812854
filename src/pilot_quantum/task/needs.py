"""What a task must have, and whether a pilot can give it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pilot_quantum.errors import InvalidDescriptionError
from pilot_quantum.resource.capacity import CAPABILITY, Capacity
from pilot_quantum.resource.slots import Amounts
from pilot_quantum.resource.units import format_bytes, parse_bytes


@dataclass(frozen=True, slots=True)
class Needs:
    """What one task must have while it runs; all amounts are per node.

    cores: CPU cores. gpus, qpus: devices. memory: bytes, or a text such as "4GiB"; 0 asks for no guarantee.
    nodes: nodes at the same time (more than one makes the task a gang). capabilities: names that the pilot must
    list, such as "simulator". Raises InvalidDescriptionError on a value that cannot be meant.
    """

    cores: int = 1
    gpus: int = 0
    qpus: int = 0
    memory: int = 0
    nodes: int = 1
    capabilities: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        object.__setattr__(self, "memory", parse_bytes(self.memory, "memory"))
        for name, least in (("cores", 1), ("gpus", 0), ("qpus", 0), ("memory", 0), ("nodes", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InvalidDescriptionError(
                    f"Needs({name}={value!r}): {name} must be a whole number of at least {least}."
                )
        object.__setattr__(self, "capabilities", _capabilities(self.capabilities))

    def __str__(self) -> str:
        parts = [_count(self.cores, "core")]
        parts += [_count(self.gpus, "GPU")] * bool(self.gpus) + [_count(self.qpus, "QPU")] * bool(self.qpus)
        parts += [format_bytes(self.memory)] * bool(self.memory)
        parts += [_count(self.nodes, "node")] * (self.nodes > 1) + sorted(self.capabilities)
        return ", ".join(parts)


class Demand:
    """Needs as the scheduler looks them up: one object for all that are equal, so that it need not compare them."""

    __slots__ = ("amounts", "needs", "nodes")

    def __init__(self, needs: Needs) -> None:
        self.needs = needs
        self.nodes = needs.nodes
        self.amounts = Amounts(needs.cores, needs.gpus, needs.qpus, needs.memory)
        """What they take of each node."""


_DEMANDS: dict[Needs, Demand] = {}


def demand(needs: Needs) -> Demand:
    """The one Demand of these needs; remembered, as few different needs exist."""
    return _DEMANDS.get(needs) or _DEMANDS.setdefault(needs, Demand(needs))


@dataclass(frozen=True, slots=True)
class Variant:
    """One acceptable way to run a task: its needs and, where that differs, its own callable."""

    needs: Needs
    fn: Callable[..., Any] | None = None


NeedsLike = Needs | Variant | Sequence[Needs | Variant]


def variants(needs: NeedsLike) -> tuple[Variant, ...]:
    """`needs` as a tuple of variants, the preferred one first. Raises InvalidDescriptionError."""
    items = [needs] if isinstance(needs, Needs | Variant) else list(needs) if _iterable(needs) else [needs]
    found = tuple(item if isinstance(item, Variant) else Variant(item) for item in items)  # type: ignore[arg-type]
    for variant in found:
        if not isinstance(variant.needs, Needs):
            raise InvalidDescriptionError(f"needs={variant.needs!r}: give pq.Needs(...), or a list of them (variants).")
    if not found:
        raise InvalidDescriptionError("needs=[]: give at least one pq.Needs(...).")
    return found


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether needs fit, and if not, the first thing that is missing, in words."""

    ok: bool
    missing: str = ""
    shortfall: float = 0.0

    def __bool__(self) -> bool:
        return self.ok


FITS = Fit(True)


def fits(needs: Needs, capacity: Capacity) -> Fit:
    """Whether `needs` could ever fit into `capacity` (with nothing else running there)."""
    for label, want, have in (
        ("nodes", needs.nodes, capacity.nodes),
        ("QPUs", needs.qpus, capacity.qpus),
        ("GPUs on one node", needs.gpus, capacity.gpus),
        ("cores on one node", needs.cores, capacity.cores),
    ):
        if want > have:
            return Fit(False, f"needs {want} {label}, has {have}", want - have)
    if needs.memory > capacity.memory:
        text = f"needs {format_bytes(needs.memory)} of memory on one node, has {format_bytes(capacity.memory)}"
        return Fit(False, text, 1)
    lacking = needs.capabilities - capacity.capabilities
    if lacking and capacity.complete:
        return Fit(False, f"needs the capability {', '.join(sorted(lacking))}, which it does not have", 2)
    return FITS


def _capabilities(value: object) -> frozenset[str]:
    items = [value] if isinstance(value, str) else list(value) if isinstance(value, Iterable) else [value]
    for item in items:
        if not isinstance(item, str) or not CAPABILITY.match(item):
            raise InvalidDescriptionError(
                f"Needs(capabilities={value!r}): give names such as 'simulator', in a list or a set."
            )
    return frozenset(items)


def _iterable(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + "s" * (number != 1)
