"""Why a task waits, and why it cannot run: words made from the core's own decisions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pilot_quantum.resource.units import format_seconds
from pilot_quantum.task.needs import Needs
from pilot_quantum.task.pool import PilotView
from pilot_quantum.task.queues import Choice, Queue


def too_short(pilot: PilotView, seconds: float | None, now: float) -> str:
    """What is wrong when a task of `seconds` cannot end before the pilot does; empty when it can."""
    if pilot.ends_at is None or seconds is None or now + seconds <= pilot.ends_at:
        return ""
    left = max(0.0, pilot.ends_at - now)
    return f"has {format_seconds(left)} left, the task is expected to take {format_seconds(seconds)}"


def unsatisfiable(label: str, choices: Sequence[Choice], pilots: Iterable[PilotView]) -> str:
    """The message when no live or announced pilot can ever run a task: the nearest one, and what is missing there."""
    candidates = [(pilot.fit(choice.needs), pilot, choice) for pilot in pilots for choice in choices]
    fit, pilot, choice = min(candidates, key=lambda item: item[0].shortfall)
    remedy = f"Add a pilot that has it ({_as_url(choice.needs)}), give a smaller variant (needs=[..., ...])"
    return (
        f"task {label} {fit.missing} in the nearest pilot, {pilot.id!r} ({_has(pilot)}). "
        f"{remedy}, or wait_for_capacity=True."
    )


def lost(label: str, pilots: Sequence[PilotView]) -> str:
    """The message when the last pilot that could run a task has ended."""
    gone = ", ".join(f"{pilot.id!r} ({pilot.ended or 'draining'})" for pilot in pilots)
    return (
        f"task {label} can run on no pilot any more: {gone} could, and has ended or is draining. "
        "Add a pilot before the last one ends, or submit with wait_for_capacity=True."
    )


def waiting(queue: Queue, ahead: int, pilots: Sequence[PilotView], now: float) -> str:
    """Why the tasks of `queue` are not running: a line about the queue and one for each pilot."""
    lines = [f"queued with {len(queue)} like it; {ahead} tasks in queues that are served before."]
    if not any(pilot.live for pilot in pilots):
        lines.append("no pilot yet: add one with session.add_pilot(...).")
    lines += [_on_pilot(queue, pilot, now) for pilot in pilots if not pilot.ended]
    return "\n".join(lines)


def _on_pilot(queue: Queue, pilot: PilotView, now: float) -> str:
    if not pilot.live:
        return f"{pilot.id}: is draining and takes no new task."
    reasons = []
    for choice in queue.key.choices:
        fit = pilot.fit(choice.needs)
        seconds = queue.durations.predict(pilot.id, queue.key.choices.index(choice))
        short = too_short(pilot, seconds, now)
        if not fit:
            reasons.append(f"cannot: {fit.missing}")
        elif short:
            reasons.append(f"not now: {short}")
        elif not pilot.workers:
            reasons.append("can: when its workers are up")
        else:
            reasons.append(f"can: {_now(queue, pilot, choice.needs)}")
    return f"{pilot.id}: " + "; or ".join(reasons) + "."


def _now(queue: Queue, pilot: PilotView, needs: Needs) -> str:
    free = f"{pilot.idle} of {pilot.capacity.cores * pilot.capacity.nodes} cores are free, it needs {needs.cores}"
    if queue.reserved is not None and queue.reserved[0] == pilot.id:
        return f"node {queue.reserved[1]} is being kept free for it; {free}"
    return free


def _has(pilot: PilotView) -> str:
    capacity = pilot.capacity
    own = Needs(capacity.cores, capacity.gpus, capacity.qpus, capacity.memory, capacity.nodes, capacity.capabilities)
    return str(own)


def _as_url(needs: Needs) -> str:
    pairs = [f"cores={needs.cores}"] * (needs.cores > 1) + [f"gpus={needs.gpus}"] * bool(needs.gpus)
    pairs += [f"qpus={needs.qpus}"] * bool(needs.qpus) + [f"memory={needs.memory}"] * bool(needs.memory)
    pairs += [f"nodes={needs.nodes}"] * (needs.nodes > 1)
    pairs += [f"capabilities={','.join(sorted(needs.capabilities))}"] * bool(needs.capabilities)
    return "&".join(pairs) or "cores=1"
