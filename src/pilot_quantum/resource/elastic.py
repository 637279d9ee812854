"""When a pilot should grow, shrink or be replaced: rules without I/O and without a clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pilot_quantum.resource.capacity import Capacity

HOLD = 5.0
"""Seconds for which work must have waited before a pilot grows, unless the user says otherwise."""
IDLE = 60.0
"""Seconds for which nodes must have been idle before they are given back, unless the user says otherwise."""
BACK_OFF = 10.0
"""Seconds before a wish is repeated that failed; doubled with each failure."""
WORTH = 2.0
"""Growing must be worth it: work that all slots together will have done within so many holds needs no more of them."""


@dataclass(frozen=True, slots=True)
class Work:
    """Tasks that wait: what each needs of a node (`cores`, ...) and of how many nodes at once.

    seconds: predicted of one task, or None. since: monotonic seconds at which the first of them was queued.
    fits: the pilots on which such a task could run if they had enough nodes.
    """

    tasks: int
    nodes: int
    amounts: Capacity
    seconds: float | None
    since: float
    fits: frozenset[str]


@dataclass(frozen=True, slots=True)
class Part:
    """One allocation of a pilot, as the rules see it.

    idle_since: None while anything runs there. ends_at: None where nobody knows. replaced: whether a successor has
    been asked for. length: seconds that it had when it came up.
    """

    allocation: str
    nodes: int
    up: bool
    idle_since: float | None
    ends_at: float | None
    replaced: bool
    length: float | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """A pilot that may grow and shrink: its bounds, what it has, and its times in seconds."""

    pilot: str
    capacity: Capacity
    least: int
    most: int
    parts: Sequence[Part]
    hold: float
    idle_timeout: float
    replace_before: float | None
    retry_at: float = 0.0
    """Monotonic seconds before which nothing is asked for, because the last wish failed."""

    @property
    def nodes(self) -> int:
        """Nodes that it has or waits for; of an allocation and its successor, those of the successor."""
        return sum(part.nodes for part in self.parts if not part.replaced)


@dataclass(frozen=True, slots=True)
class Grow:
    """Ask for an allocation of so many nodes more."""

    nodes: int
    reason: str


@dataclass(frozen=True, slots=True)
class Shrink:
    """Drain an allocation."""

    allocation: str
    reason: str


@dataclass(frozen=True, slots=True)
class Replace:
    """Ask for a successor of an allocation, which drains when that is there."""

    allocation: str
    nodes: int
    reason: str


Step = Grow | Shrink | Replace


def decide(standing: Standing, work: Sequence[Work], now: float) -> list[Step]:
    """What to do now: replacements that are due, then growth, and only without it, shrinking."""
    waits = _waits(standing, work)
    idle = [] if waits else _shrinking(standing, now)
    if now < standing.retry_at:
        return [*idle]
    steps: list[Step] = [*_replacements(standing, waits, now)]
    grown = _growth(standing, work, now)
    return [*steps, grown] if grown is not None else [*steps, *idle]


def retry_after(failures: int) -> float:
    """Seconds to wait after so many failures in a row."""
    return min(BACK_OFF * 2.0 ** (failures - 1), 600.0)


def _waits(standing: Standing, work: Sequence[Work]) -> bool:
    """Whether anything waits that could run on the nodes that are there, or on those that there is room for."""
    return any(standing.pilot in one.fits and one.nodes <= max(_largest(standing), _room(standing)) for one in work)


def _room(standing: Standing) -> int:
    return max(0, standing.most - standing.nodes)


def _largest(standing: Standing) -> int:
    """The nodes of the largest allocation: a gang stays within one."""
    return max((part.nodes for part in standing.parts), default=0)


def _replacements(standing: Standing, waits: bool, now: float) -> list[Replace]:
    """Allocations that end soon, but not those that nobody needs.

    One that is shorter than the time for that is replaced half-way, not as soon as it is there.
    """
    if standing.replace_before is None:
        return []
    due = []
    for part in standing.parts:
        needless = part.idle_since is not None and not waits and standing.nodes - part.nodes >= standing.least
        if not part.up or part.replaced or part.ends_at is None or needless:
            continue
        left, lead = part.ends_at - now, standing.replace_before
        if part.length is not None and part.length <= lead:
            lead = part.length / 2
        if left <= lead:
            due.append(Replace(part.allocation, part.nodes, f"{part.allocation} ends in {max(0.0, left):.0f} s"))
    return due


def _growth(standing: Standing, work: Sequence[Work], now: float) -> Grow | None:
    """As many nodes as the waiting work would fill, once it has waited for long enough; one growth at a time."""
    missing = standing.least - standing.nodes
    if missing > 0:
        have = f"{standing.nodes} nodes are" if standing.nodes != 1 else "1 node is"
        return Grow(missing, f"{have} fewer than the {standing.least} that are always wanted")
    room = _room(standing)
    if room <= 0 or any(not part.up for part in standing.parts):
        return None
    wanted, words = 0, ""
    for one in work:
        if standing.pilot not in one.fits or now - one.since < standing.hold:
            continue
        if one.nodes > 1:
            nodes = one.nodes if _largest(standing) < one.nodes <= room else 0
        else:
            nodes = _nodes_for(standing, one, now)
        if nodes > wanted:
            wanted, words = nodes, _words(one, now)
    nodes = min(room, wanted)
    return Grow(nodes, words) if nodes > 0 else None


def _words(work: Work, now: float) -> str:
    many = f"{work.tasks} tasks wait, the first" if work.tasks > 1 else "a task waits,"
    words = f"{many} for {now - work.since:.0f} s"
    if work.nodes > 1:
        words += f", on {work.nodes} nodes at once"
    if work.seconds is not None:
        words += f", predicted to take {work.seconds:.3g} s" + (" each" if work.tasks > 1 else "")
    return words


def _nodes_for(standing: Standing, work: Work, now: float) -> int:
    """How many further nodes the tasks could fill; none when those that are there will soon have done them."""
    each = _places(standing.capacity, work.amounts)
    there = sum(part.nodes for part in standing.parts if _has_time(part, work.seconds, now)) * each
    if there and work.seconds is not None and work.tasks * work.seconds / there <= WORTH * standing.hold:
        return 0
    return -(-work.tasks // each)


def _has_time(part: Part, seconds: float | None, now: float) -> bool:
    """Whether a task of so many seconds can end before the allocation does, or could not in a new one either."""
    if part.replaced:
        return False
    if part.ends_at is None or seconds is None or (part.length is not None and part.length < seconds):
        return True
    return now + seconds <= part.ends_at


def _places(node: Capacity, amounts: Capacity) -> int:
    """How many tasks of `amounts` a node holds at once."""
    pairs = [(node.cores, amounts.cores), (node.gpus, amounts.gpus), (node.qpus, amounts.qpus)]
    pairs.append((node.memory, amounts.memory))
    return max(1, min((have // want for have, want in pairs if want), default=1))


def _shrinking(standing: Standing, now: float) -> list[Shrink]:
    """Allocations that have been idle for too long, as far as the lower bound allows; the longest idle first."""
    steps, left = [], standing.nodes
    parts = [part for part in standing.parts if part.up and not part.replaced and part.idle_since is not None]
    for part in sorted(parts, key=lambda part: part.idle_since or 0.0):
        idle = now - (part.idle_since or now)
        if idle >= standing.idle_timeout and left - part.nodes >= standing.least:
            left -= part.nodes
            steps.append(Shrink(part.allocation, f"nothing has run there for {idle:.0f} s"))
    return steps
