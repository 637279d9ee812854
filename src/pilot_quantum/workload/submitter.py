"""What L3 asks of the layer below: a way to hand over tasks, and what the pilots have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Protocol

from pilot_quantum.resource.capacity import SIMULATOR
from pilot_quantum.resource.profile import ResourceProfile
from pilot_quantum.task.needs import Needs, Variant
from pilot_quantum.task.options import TaskOptions

Resources = Callable[[], Sequence[ResourceProfile]]

Cancel = Callable[..., object]
"""Ends the tasks of the futures given, in whatever state they are: `Session.cancel`."""


def cancel_unshipped(*futures: Future[Any]) -> None:
    """End those that have not begun: all that futures can do by themselves."""
    for future in futures:
        future.cancel()


class Submitter(Protocol):
    """A session, or what its `with_options` returns."""

    @property
    def options(self) -> TaskOptions:
        """What the user has asked for so far."""
        ...

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Hand over one task; its future, at once."""
        ...

    def with_options(self, **options: Any) -> Submitter:
        """A submitter whose tasks have these options beside those so far."""
        ...


def simulating(
    variants: Sequence[Variant],
    memory: int,
    capabilities: frozenset[str] = frozenset({SIMULATOR}),
    threads: int = 1,
) -> list[Variant]:
    """`variants`, each with these capabilities, and at least `memory` bytes and `threads` cores on its node."""
    return [
        replace(variant, needs=_needs(variant.needs, memory, capabilities, threads))
        if variant.needs.qpus == 0
        else variant
        for variant in variants
    ]


def _needs(needs: Needs, memory: int, capabilities: frozenset[str], threads: int) -> Needs:
    return replace(
        needs,
        cores=max(needs.cores, threads),
        memory=max(needs.memory, memory),
        capabilities=needs.capabilities | capabilities,
    )
