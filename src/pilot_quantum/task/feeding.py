"""Inputs that are kept on pilots, for the tasks that need them: found where they lie, or fetched before the task goes.

The core has placed a task that waits for such an input: it counts as shipped, and can be taken back like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pilot_quantum.errors import DependencyError
from pilot_quantum.resource.values.kept import Kept, KeptReference, Key
from pilot_quantum.task.future import TaskFuture
from pilot_quantum.task.instructions import Ship


class Feeding:
    """Used on the reactor's thread. again: called with a shipment and one of its (task, attempt) whose input has come.

    lost: called with them where it will not.
    """

    def __init__(self, again: Callable[[Ship, Key], None], lost: Callable[[Ship, Key, Kept], None]) -> None:
        self._again = again
        self._lost = lost
        self._held: dict[Key, tuple[Ship, Kept]] = {}
        """Tasks that wait in their slots, and what for."""

    def inputs(self, ship: Ship, key: Key, future: TaskFuture[Any], engine: object) -> tuple[bytes, ...] | None:
        """The task's inputs as they go to `engine`; None while one of them has to be fetched, or when it is lost."""
        fed: list[bytes] = []
        missing: list[Kept] = []
        for one in future.inputs:
            if not isinstance(one, KeptReference):
                fed.append(one)
            elif one.kept.cause:
                self._lost(ship, key, one.kept)
                return None
            elif one.kept.content is not None:
                fed.append(one.kept.content)
            elif one.kept.keeper is engine:
                fed.append(bytes(one))
            else:
                missing.append(one.kept)
        if not missing:
            return tuple(fed)
        self._held[key] = ship, missing[0]
        for kept in missing:
            kept.ask(f"task {key[0]} needs it on worker {ship.worker}")
        missing[0].when_settled(lambda kept: self._settled(key, kept))
        return None

    def withdraw(self, items: Sequence[Key]) -> list[Key]:
        """Give these up where they are held here; those that were."""
        return [key for key in items if self._held.pop(key, None) is not None]

    def story(self, task: int) -> str:
        """For what a task waits in its slot; empty where it does not."""
        waits = next((kept for key, (_, kept) in self._held.items() if key[0] == task), None)
        if waits is None:
            return ""
        origin = f"{waits.words.task} ({waits.label})"
        return f" It waits there for the result of task {origin}, {waits.place}, which is being fetched."

    def _settled(self, key: Key, kept: Kept) -> None:
        ship, waits = self._held.get(key, (None, None))
        if ship is not None and waits is kept:
            del self._held[key]
            self._again(ship, key)


def near(future: TaskFuture[Any]) -> str:
    """The allocation where most of the task's kept inputs lie; empty where there are none."""
    sizes: dict[str, int] = {}
    for one in future.inputs:
        if isinstance(one, KeptReference) and not one.kept.settled:
            place = one.kept.keeper.allocation
            sizes[place] = sizes.get(place, 0) + one.kept.words.size
    return max(sizes, key=lambda place: sizes[place], default="")


def needs(future: TaskFuture[Any], kept: Kept) -> bool:
    """Whether a kept result is among the inputs of a task."""
    return any(isinstance(one, KeptReference) and one.kept is kept for one in future.inputs)


def unfed(future: TaskFuture[Any], kept: Kept) -> DependencyError:
    """The error of a task whose input is lost."""
    error, origin = kept.error, f"{kept.words.task} ({kept.label})"
    failure = DependencyError(
        f"task {future.id} ({future.handle.label}) was not run, because the result of task {origin} is gone: "
        f"{type(error).__name__}: {error}"
    )
    failure.origin, failure.__cause__ = origin, error
    return failure
