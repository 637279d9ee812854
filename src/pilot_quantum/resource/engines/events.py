"""What an engine reports, and what it is told: the words of the engine protocol."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from pilot_quantum.resource.capacity import Capacity
from pilot_quantum.resource.site import Site

Outcome = tuple[int, int, float, float, bool]
"""How one attempt ended: task, attempt, began, ended (monotonic seconds of the session's host), ok (no exception)."""

Parcel = tuple[int, int, bytes, tuple[bytes, ...]]
"""One task on its way: task, attempt, pickled arguments, pickled values of the futures among them."""

Leftover = tuple[Outcome, bytes, tuple[int, int, int, int] | None]
"""What an attempt left: its outcome, the pickled value or error, the byte ranges of its stdout and stderr.

The value is empty where the attempt was lost with its worker: then only the output counts, and no outcome follows."""


@dataclass(frozen=True, slots=True)
class NodeUp:
    """A node of the pilot is there, with what it really has; its workers follow.

    node: unique within the pilot, never used again. group: its allocation; a gang stays within one. `ends_at`:
    monotonic seconds at which the allocation will end, if that is known. site: what its speed belongs to.
    """

    pilot: str
    node: int
    capacity: Capacity
    host: str = "localhost"
    group: str = ""
    ends_at: float | None = None
    site: Site | None = None


@dataclass(frozen=True, slots=True)
class NodesDraining:
    """These nodes shall take no new task; what has not begun there goes elsewhere."""

    pilot: str
    nodes: Sequence[int]
    cause: str


@dataclass(frozen=True, slots=True)
class NodesLost:
    """These nodes are gone, with all that ran there. `charged`: as a fault, which costs a lone task a crash."""

    pilot: str
    nodes: Sequence[int]
    cause: str
    charged: bool = False


@dataclass(frozen=True, slots=True)
class CapacityChanged:
    """What the pilot offers at most is another than was announced."""

    pilot: str
    capacity: Capacity


@dataclass(frozen=True, slots=True)
class Expiring:
    """The engine's allocation is about to end: `cause` says why (its walltime, SIGTERM)."""

    pilot: str
    cause: str
    allocation: str = ""


@dataclass(frozen=True, slots=True)
class WorkerUp:
    """A worker is ready to take tasks."""

    pilot: str
    worker: str
    pid: int = 0
    node: int = 0


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """A worker is gone; what it had and did not report is lost. `charged`: a task that was alone there may pay."""

    pilot: str
    worker: str
    cause: str
    charged: bool = True


@dataclass(frozen=True, slots=True)
class Began:
    """A task has begun at `at` (monotonic seconds). Short tasks are reported by their outcome alone."""

    pilot: str
    worker: str
    task: int
    attempt: int
    at: float


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What a worker finished, oldest first."""

    pilot: str
    worker: str
    items: Sequence[Outcome]


@dataclass(frozen=True, slots=True)
class Revoked:
    """These (task, attempt) had not begun and will not."""

    pilot: str
    worker: str
    items: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class EngineEnded:
    """The engine has ended with all its workers; `cause` says why, `failed` whether that was a fault.

    allocation: whose engine it was, where the pilot may have several; empty for the pilot itself.
    """

    pilot: str
    cause: str
    failed: bool = False
    allocation: str = ""


EngineEvent = (
    NodeUp
    | NodesDraining
    | NodesLost
    | CapacityChanged
    | Expiring
    | WorkerUp
    | WorkerLost
    | Began
    | Outcomes
    | Revoked
    | EngineEnded
)


@dataclass(frozen=True, slots=True)
class Shipment:
    """Tasks for one worker, to be run one after the other, and the slot they share; `gpus` by index on the node.

    nodes: the nodes of a gang, the worker's own first; empty for a task of one node. keep: where an agent stands
    between us and the worker, it keeps the results until they are asked for.
    """

    worker: str
    function: str
    cores: int
    gpus: tuple[int, ...]
    parcels: Sequence[Parcel]
    nodes: tuple[int, ...] = ()
    keep: bool = False


class Engine(Protocol):
    """Runs tasks inside one pilot. Called from the reactor's thread only; never blocks."""

    def start(self) -> None:
        """Bring up the workers; each is announced by WorkerUp."""

    def ship(self, shipment: Shipment) -> None:
        """Send tasks to a worker."""

    def revoke(self, worker: str, items: Sequence[tuple[int, int]]) -> None:
        """Take back what has not begun; the answer is Revoked with those for which that was so."""

    def kill(self, worker: str, cause: str) -> None:
        """End the worker's process with all that it started; the answer is WorkerLost. A new one replaces it."""

    def stop(self, cause: str) -> None:
        """End all workers at once; the answer is EngineEnded with `cause`."""


@runtime_checkable
class Keeping(Protocol):
    """An engine with which results may stay."""

    def hand_over(self, done: Callable[[], None]) -> None:
        """Bring all of them to the session, then (or when they are lost) call `done()`, which may be at once."""


class Loop(Protocol):
    """The reactor's loop, as engines see it. All is called from, and calls back on, the reactor's thread."""

    def watch(self, fd: int, ready: Callable[[], None], *, write: bool = False) -> None:
        """Call `ready` whenever `fd` can be read (with `write`: or written)."""

    def unwatch(self, fd: int) -> None:
        """Forget `fd`."""

    def call_later(self, delay: float, fn: Callable[[], None]) -> None:
        """Call `fn` after `delay` seconds."""

    def call_soon(self, fn: Callable[[], None]) -> None:
        """Call `fn` on the loop's thread; from any thread."""

    def emit(self, event: EngineEvent) -> None:
        """Report an event."""

    def deliver(self, leftovers: Sequence[Leftover], stdout: Path, stderr: Path) -> None:
        """Hand over what attempts left, before the Outcomes that speak of them."""

    def function(self, digest: str) -> bytes:
        """The pickled function with this content hash."""
