"""Why a task waits, and why it cannot run: words made from the core's own decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from pilot_quantum.resource.capacity import LATER
from pilot_quantum.resource.units import format_seconds
from pilot_quantum.task.needs import Needs, demand
from pilot_quantum.task.nodes import Place
from pilot_quantum.task.pool import PilotView
from pilot_quantum.task.queues import Choice, Queue
from pilot_quantum.task.reservation import Hold


def too_short(nodes: Sequence[Place], seconds: float | None, now: float) -> str:
    """What is wrong when a task of `seconds` can end before none of these nodes does; empty when it can."""
    if not nodes or any(node.time_for(seconds, now) for node in nodes):
        return ""
    left = max(0.0, max(node.ends_at or 0.0 for node in nodes) - now)
    takes = "" if seconds is None else f", the task is expected to take {format_seconds(seconds)}"
    return f"has {format_seconds(left)} left{takes}"


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


def waiting(
    queue: Queue,
    ahead: int,
    pilots: Sequence[PilotView],
    hold: Hold | None,
    now: float,
    stories: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Why the tasks of `queue` are not running: a line about the queue and one for each pilot.

    stories: what the pilots themselves wait for; told of those that could run the tasks.
    """
    lines = [f"queued with {len(queue)} like it; {ahead} tasks in queues that are served before."]
    if not any(pilot.live for pilot in pilots):
        lines.append("no pilot yet: add one with session.add_pilot(...).")
    for pilot in pilots:
        if pilot.ended:
            continue
        lines.append(_on_pilot(queue, pilot, hold, now))
        story = stories.get(pilot.id, "")
        if story and any(pilot.fit(choice.needs) for choice in queue.key.choices):
            lines.append(f"    {story}.")
    return "\n".join(lines)


def _on_pilot(queue: Queue, pilot: PilotView, hold: Hold | None, now: float) -> str:
    if not pilot.live:
        return f"{pilot.id}: is draining and takes no new task."
    reasons = []
    for index, choice in enumerate(queue.key.choices):
        fit = pilot.fit(choice.needs)
        nodes = pilot.suited(queue.demands[index])
        short = too_short(nodes, queue.durations.predict(pilot.id, index), now)
        if not fit:
            reasons.append(f"cannot: {fit.missing}")
        elif short:
            reasons.append(f"not now: {short}")
        elif not nodes:
            reasons.append(f"can: when its nodes are up{_leaving(pilot)}")
        elif not pilot.workers:
            reasons.append("can: when its workers are up")
        else:
            reasons.append(f"can: {_now(pilot, choice.needs, hold, now)}{_leaving(pilot)}")
    return f"{pilot.id}: " + "; or ".join(reasons) + "."


def _now(pilot: PilotView, needs: Needs, hold: Hold | None, now: float) -> str:
    cores = sum(node.capacity.cores for node in pilot.nodes.values())
    if needs.nodes > 1:
        free = sum(node.holds(demand(needs).amounts) for node in pilot.suited(demand(needs)))
        words = f"it needs {needs.nodes} nodes at once, with {needs.cores} cores on each; {free} nodes are free for it"
    else:
        words = f"{pilot.idle} of {cores} cores are free, it needs {needs.cores}"
    if hold is None or hold.pilot is not pilot:
        return words
    start = hold.start(now)
    when = "" if start is None else f" (predicted to be so in {format_seconds(max(0.0, start - now))})"
    kept = ", ".join(str(node.index) for node in hold.nodes)
    return (
        f"{'node' if len(hold.nodes) == 1 else 'nodes'} {kept} {_are(hold.nodes)} being kept free for it{when}; {words}"
    )


def _leaving(pilot: PilotView) -> str:
    nodes = [node for node in pilot.nodes.values() if node.draining]
    if not nodes:
        return ""
    causes = ", ".join(sorted({node.draining for node in nodes}))
    kept = ", ".join(str(node.index) for node in nodes)
    return f"; {'node' if len(nodes) == 1 else 'nodes'} {kept} {_are(nodes)} draining ({causes})"


def _are(things: Sequence[object]) -> str:
    return "is" if len(things) == 1 else "are"


def _has(pilot: PilotView) -> str:
    """What it has, as far as that is known."""
    known = pilot.known
    amounts = [0 if amount == LATER else amount for amount in (known.cores, known.gpus, known.qpus, known.memory)]
    cores, gpus, qpus, memory = amounts
    return str(Needs(max(1, cores), gpus, qpus, memory, max(1, known.nodes), known.capabilities))


def _as_url(needs: Needs) -> str:
    pairs = [f"cores={needs.cores}"] * (needs.cores > 1) + [f"gpus={needs.gpus}"] * bool(needs.gpus)
    pairs += [f"qpus={needs.qpus}"] * bool(needs.qpus) + [f"memory={needs.memory}"] * bool(needs.memory)
    pairs += [f"nodes={needs.nodes}"] * (needs.nodes > 1)
    pairs += [f"capabilities={','.join(sorted(needs.capabilities))}"] * bool(needs.capabilities)
    return "&".join(pairs) or "cores=1"
