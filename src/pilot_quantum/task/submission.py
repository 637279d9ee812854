"""What one function with one set of options amounts to: computed once, shared by all tasks submitted with it."""

from __future__ import annotations

from collections import deque
from typing import Any

from pilot_quantum.task.functions import Shippable
from pilot_quantum.task.future import Owner, TaskFuture
from pilot_quantum.task.options import Coupling, TaskOptions
from pilot_quantum.task.queues import Choice, QueueKey


class Handle:
    """A function with its options, its queue, its group in the journal, and the inbox of tasks on their way there."""

    __slots__ = ("_shipped", "dirty", "fixed", "function", "group", "inbox", "key", "label", "name", "options", "owner")

    def __init__(
        self, owner: Owner, function: Shippable, alternatives: tuple[Shippable, ...], options: TaskOptions, group: int
    ) -> None:
        """`alternatives` holds, for each variant in `options.needs`, the function to run: `function` or its own."""
        self.owner = owner
        self.options = options
        self.group = group
        self.name = options.name
        self.label = options.name or function.label
        self.key = QueueKey(
            function.label,
            tuple(
                Choice(variant.needs, shippable.digest)
                for variant, shippable in zip(options.needs, alternatives, strict=True)
            ),
            options.priority,
            _affinity(function, options),
            options.retries,
            options.timeout,
            options.expected_duration,
            options.wait_for_capacity,
            options.coupling.value,
            options.keep_remote,
        )
        self.inbox: deque[TaskFuture[Any]] = deque()
        self.dirty = False
        self._adopt(function, alternatives)

    def fresh(self) -> bool:
        """Whether the pickled functions still say what they would do now."""
        return all(one.fresh() for one in self._shipped)

    def renew(self, function: Shippable, alternatives: tuple[Shippable, ...]) -> bool:
        """Adopt functions that were pickled anew; False when they have become others, which need another handle."""
        digests = [choice.function for choice in self.key.choices]
        if function.digest != self.function.digest or [one.digest for one in alternatives] != digests:
            return False
        self._adopt(function, alternatives)
        return True

    def _adopt(self, function: Shippable, alternatives: tuple[Shippable, ...]) -> None:
        self.function = function
        self._shipped = (function, *(one for one in alternatives if one is not function))
        self.fixed = all(one.captured == () for one in self._shipped)
        """Whether they can never change, so that `fresh` need not be asked."""


def _affinity(function: Shippable, options: TaskOptions) -> str | None:
    """Where tasks return to: as named, or, coupled medium, where their function ran last."""
    if options.affinity is None and options.coupling is Coupling.MEDIUM:
        return f"medium:{function.label}"
    return options.affinity
