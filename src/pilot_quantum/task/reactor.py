"""The shell around the core: one thread that feeds it events and carries out its instructions. Runs no user code."""

from __future__ import annotations

import contextlib
import heapq
import os
import selectors
import threading
import traceback
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any, Protocol, TypeVar

from pilot_quantum.errors import PilotQuantumError, SessionClosedError
from pilot_quantum.journal.store import JournalWriter
from pilot_quantum.resource.capacity import Capacity
from pilot_quantum.resource.elastic import Work
from pilot_quantum.resource.engines.events import (
    Began,
    Engine,
    EngineEvent,
    Expiring,
    Leftover,
    Outcomes,
    Parcel,
    Revoked,
    Shipment,
)
from pilot_quantum.resource.values.kept import Kept, KeptReference, Key
from pilot_quantum.task import delivery
from pilot_quantum.task.core import Core
from pilot_quantum.task.delivery import Delivery, Ending
from pilot_quantum.task.events import Cancelled, Closing, Event, PilotAnnounced, PilotDraining, Submitted, Timer, Unfed
from pilot_quantum.task.feeding import Feeding, near, needs, unfed
from pilot_quantum.task.future import Output, TaskFuture
from pilot_quantum.task.instructions import (
    CapacityWanted,
    Forget,
    Instruction,
    Kill,
    Record,
    Resolution,
    Resolve,
    Revoke,
    SetTimer,
    Ship,
    StopNodes,
    StopPilot,
)
from pilot_quantum.task.state import TaskState
from pilot_quantum.task.submission import Handle

T = TypeVar("T")

PATIENCE = 0.05
"""Seconds for which submissions are gathered, unasked, while no slot is free for them anyway."""


class Engines(Protocol):
    """Where instructions go, and who follows the pilots' states."""

    def engine(self, pilot: str, worker: str) -> Engine:
        """The engine of a worker."""

    def observe(self, event: EngineEvent) -> Sequence[EngineEvent]:
        """An engine has reported a beginning or an end; what the core has to know of it."""

    def stop(self, pilot: str) -> None:
        """End a drained pilot."""

    def give_back(self, pilot: str, nodes: Sequence[int]) -> None:
        """These nodes have drained."""


class Reactor:
    """Drives one core. Public methods may be called from any thread unless they say otherwise."""

    def __init__(self, core: Core, journal: JournalWriter) -> None:
        self.core = core
        self._journal = journal
        self._engines: Engines | None = None
        self._delivery = Delivery()
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = os.pipe()
        self._wake_lock = threading.RLock()
        """So that nobody writes to the pipe's number when it has been closed and given to another file. It may be taken
        twice: objects that are being collected may wake us, in a thread that is just doing that."""
        os.set_blocking(self._wake_in, False)
        os.set_blocking(self._wake_out, False)
        self._selector.register(self._wake_in, selectors.EVENT_READ, self._drain_wakes)
        self._listening = False
        """Whether a submission must wake the thread; else it looks by itself soon."""
        self._deaf_until = 0.0
        self._calls: deque[Callable[[], None]] = deque()
        self._questions: deque[Callable[[], None]] = deque()
        """Calls that wait until the events before them have been handled."""
        self._dirty: deque[Handle] = deque()
        self._events: list[Event] = []
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._timer_count = 0
        self._core_timer = float("inf")
        self._futures: dict[int, TaskFuture[Any]] = {}
        self._payloads: dict[tuple[int, int], bytes] = {}
        self._functions: dict[str, bytes] = {}
        self.feeding = Feeding(self._ship_again, self._unfed)
        self._kept: weakref.WeakSet[Kept] = weakref.WeakSet()
        """Results that stay, or have stayed, on their pilots."""
        self._idle_waiters: list[threading.Event] = []
        self._stopping = False
        self.crash: BaseException | None = None
        """What ended the reactor's thread, if a defect did."""
        self._thread = threading.Thread(target=self._run, name="pilot-quantum-reactor", daemon=True)

    def start(self, engines: Engines) -> None:
        """Begin to work, with the pilots' engines."""
        self._engines = engines
        self._thread.start()

    # From the session, any thread.

    def register(self, digest: str, blob: bytes) -> None:
        """Make a pickled function known, before tasks that use it."""
        self._functions[digest] = blob

    def submit(self, future: TaskFuture[Any]) -> None:
        """Queue a task whose inputs are there."""
        handle = future.handle
        handle.inbox.append(future)
        if not handle.dirty:
            handle.dirty = True
            self._dirty.append(handle)
        if self._listening:
            self.wake()

    def cancel_queued(self, future: TaskFuture[Any]) -> None:
        """The future was cancelled before it was shipped."""
        self.cancel([future])

    def cancel(self, futures: Sequence[TaskFuture[Any]]) -> None:
        """End these tasks, whatever their state."""
        self.post(Cancelled([future.id for future in futures]))

    def post(self, event: Event) -> None:
        """Feed an event to the core."""
        self.call_soon(lambda: self._events.append(event))

    def call_soon(self, fn: Callable[[], None]) -> None:
        """Run `fn` on the reactor's thread."""
        self._calls.append(fn)
        self.wake()

    def ask(self, fn: Callable[[], T]) -> T:
        """Run `fn` on the reactor's thread, after all that was submitted so far, and return what it returns."""
        if threading.current_thread() is self._thread:
            return fn()
        answer: Future[T] = Future()

        def reply() -> None:
            try:
                answer.set_result(fn())
            except Exception as error:  # noqa: BLE001 - raised again in the asking thread
                answer.set_exception(error)

        self.call_soon(lambda: self._questions.append(reply))
        # Not result(timeout=...): what `fn` raises may be a TimeoutError itself.
        while self.running and not wait([answer], timeout=1.0).done:
            pass
        return answer.result(timeout=0) if answer.done() else fn()

    def wake(self) -> None:
        """Make the thread look at what has come."""
        self._listening = False
        if self.crash is not None:
            self._fail_everything(self.crash)
        with self._wake_lock, contextlib.suppress(OSError):  # full: it is awake already; closed: it has ended
            os.write(self._wake_out, b"\0")

    @property
    def running(self) -> bool:
        """Whether the thread is there."""
        return self._thread.is_alive()

    def cancel_all(self) -> None:
        """End every task that has been submitted so far."""
        self.call_soon(lambda: self._events.append(Cancelled(list(self._futures))))

    def close_to_new(self) -> None:
        """Tell the core that neither pilots nor (but for dependants) tasks will come any more."""
        self.post(Closing())

    def wait_until_idle(self) -> None:
        """Return when no task is outstanding and all that has ended so far has been delivered."""
        event = threading.Event()
        self.call_soon(lambda: self._idle_waiters.append(event))
        while self.running and not event.wait(timeout=1.0):
            pass  # looks up now and then so that a defect that ends the thread cannot leave us waiting
        self._delivery.flush()

    def fetch_kept(self) -> None:
        """Have all results that stay on pilots brought here; return when they have come, or are lost."""
        kept = self.ask(lambda: [one for one in self._kept if not one.settled])
        for one in kept:
            one.ask("its session closes")
        for one in kept:
            while self.running and not one.wait(timeout=1.0):
                pass

    def lose_kept(self, cause: str) -> None:
        """Give up all results that stay on pilots."""
        self.ask(lambda: self._lose_kept(cause))

    def stop(self) -> None:
        """End the thread after the work at hand; then deliver what is left."""
        self.call_soon(self._begin_stop)
        if threading.current_thread() is not self._thread:
            self._thread.join()
        self._lose_kept("its session is closed")
        self._fail_rest(SessionClosedError("the session was closed before the task could be queued."))
        self._delivery.close()
        self._selector.close()
        with self._wake_lock:
            wake_out, self._wake_out = self._wake_out, -1
        os.close(wake_out)
        os.close(self._wake_in)

    # What pilots ask of the scheduler (L1's `Scheduler`), on the reactor's thread.

    def announce(self, pilot: str, capacity: Capacity, ends_at: float | None) -> None:
        """A pilot has been asked for."""
        self._events.append(PilotAnnounced(pilot, capacity, ends_at))

    def drain(self, pilot: str) -> None:
        """A pilot shall take no new task."""
        self._events.append(PilotDraining(pilot))

    def tell(self, events: Sequence[EngineEvent]) -> None:
        """What has changed about nodes and capacity."""
        self._events += [event for event in events if not isinstance(event, Expiring)]

    def backlog(self) -> Sequence[Work]:
        """What waits for a place."""
        return self.core.backlog(monotonic())

    def idle_nodes(self) -> Mapping[tuple[str, int], float]:
        """(pilot, node) -> monotonic seconds since when nothing has run there."""
        return self.core.idle_nodes(monotonic())

    # What engines ask of the loop (L1's `Loop`), on the reactor's thread.

    def watch(self, fd: int, ready: Callable[[], None], *, write: bool = False) -> None:
        """Call `ready` whenever `fd` can be read (with `write`: or written)."""
        mask = selectors.EVENT_READ | (selectors.EVENT_WRITE if write else 0)
        if fd in self._selector.get_map():
            self._selector.modify(fd, mask, ready)
        else:
            self._selector.register(fd, mask, ready)

    def unwatch(self, fd: int) -> None:
        """Forget `fd`."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(fd)

    def call_later(self, delay: float, fn: Callable[[], None]) -> None:
        """Call `fn` after `delay` seconds."""
        self._timer_count += 1
        heapq.heappush(self._timers, (monotonic() + delay, self._timer_count, fn))

    def emit(self, event: EngineEvent) -> None:
        """An engine reports an event."""
        if isinstance(event, Began | Outcomes | Revoked):  # of tasks, and many: these concern the core alone
            self._events.append(event)
        else:
            self.tell(self._require_engines().observe(event))

    def deliver(self, leftovers: Sequence[Leftover], stdout: Path, stderr: Path) -> None:
        """What attempts left, before the outcomes that speak of them."""
        payloads = self._payloads
        for outcome, payload, output in leftovers:
            if payload:  # empty: the attempt was lost, and only what it printed is left
                payloads.setdefault((outcome[0], outcome[1]), payload)
            if output is not None and (future := self._futures.get(outcome[0])) is not None:
                future.add_output(Output(outcome[1], stdout, stderr, output))

    def function(self, digest: str) -> bytes:
        """The pickled function with this content hash."""
        return self._functions[digest]

    # The thread.

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._wait()
                self._step()
        except BaseException as error:  # noqa: BLE001 - a defect: nobody may be left waiting for ever
            self.crash = error
            traceback.print_exc()
            self._fail_everything(error)
            self._listening = True  # so that later submissions come by `wake`, and fail there
        finally:
            for event in self._idle_waiters:
                event.set()

    def _wait(self) -> None:
        now = monotonic()
        timeout: float | None = None
        soonest = min(self._core_timer, self._timers[0][0] if self._timers else float("inf"))
        if soonest < float("inf"):
            timeout = max(0.0, soonest - now)
        if self.core.idle or now >= self._deaf_until:
            self._listening = True
        else:
            timeout = min(PATIENCE if timeout is None else timeout, self._deaf_until - now)
        if self._dirty or self._calls or self._events:
            timeout = 0
        watched = self._selector.get_map()
        for key, _ in self._selector.select(timeout):
            if watched.get(key.fd) is key:  # else what came just before it, of the same moment, has ended it
                key.data()
        self._listening = False

    def _step(self) -> None:
        now = monotonic()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2]()
        while self._calls:
            call = self._calls.popleft()
            self._gather()  # what was submitted before the call was made comes before it
            call()
        self._gather()
        if self._core_timer <= now:
            self._core_timer = float("inf")
            self._events.append(Timer())
        while self._events:
            events, self._events = self._events, []
            self._carry_out(self.core.handle(events, monotonic()))
        while self._questions:
            self._questions.popleft()()
        if self._idle_waiters and not self.core.outstanding and not self._dirty:
            for event in self._idle_waiters:
                event.set()
            self._idle_waiters.clear()

    def _gather(self) -> None:
        """Turn submissions into events, one for all tasks of a handle."""
        while self._dirty:
            handle = self._dirty.popleft()
            handle.dirty = False  # before the inbox is emptied: what comes from now on marks it again
            inbox = handle.inbox
            batch = [inbox.popleft() for _ in range(len(inbox))]
            if not batch:
                continue
            if self._kept:
                places: dict[str, list[TaskFuture[Any]]] = {}
                for future in batch:
                    places.setdefault(near(future), []).append(future)
                for place, there in places.items():
                    self._enter(handle, there, place)
            else:
                self._enter(handle, batch)

    def _enter(self, handle: Handle, batch: Sequence[TaskFuture[Any]], place: str = "") -> None:
        """Tell the core of new tasks. place: the allocation where results lie that they need."""
        key = handle.key._replace(near=place) if place else handle.key
        ids, times = [future.id for future in batch], [future.submitted for future in batch]
        self._futures.update(zip(ids, batch, strict=True))
        self._events.append(Submitted(key, handle.group, ids, times, handle.name))

    def _carry_out(self, instructions: Sequence[Instruction]) -> None:
        engines = self._require_engines()
        for instruction in instructions:
            match instruction:
                case Ship():
                    self._ship(instruction, engines.engine(instruction.pilot, instruction.worker))
                case Resolve():
                    self._resolve(instruction.items)
                case Record():
                    self._journal.task_rows(list(instruction.rows))
                case SetTimer():
                    self._core_timer = instruction.at
                case Forget():
                    self._payloads.pop((instruction.task, instruction.attempt), None)
                case Revoke():
                    self._revoke(instruction, engines.engine(instruction.pilot, instruction.worker))
                case Kill():
                    engines.engine(instruction.pilot, instruction.worker).kill(instruction.worker, instruction.cause)
                case StopPilot():
                    engines.stop(instruction.pilot)
                case StopNodes():
                    engines.give_back(instruction.pilot, instruction.nodes)
                case CapacityWanted():
                    subject = f"{instruction.amount} x {instruction.needs}"
                    self._journal.decision_row(monotonic(), subject, "capacity wanted", instruction.reason)

    def _ship(self, ship: Ship, engine: Engine) -> None:
        parcels: list[Parcel] = []
        refused: list[tuple[int, int]] = []
        futures = self._futures
        for task, attempt in ship.items:
            future = futures[task]
            if not future.claim() or future.payload is None:
                refused.append((task, attempt))
                continue
            inputs: tuple[bytes, ...] | None = future.inputs
            if inputs and self._kept:
                inputs = self.feeding.inputs(ship, (task, attempt), future, engine)
            if inputs is not None:
                parcels.append((task, attempt, future.payload, inputs))
        if parcels:
            engine.ship(Shipment(ship.worker, ship.function, ship.cores, ship.gpus, parcels, ship.nodes, ship.keep))
        if refused:
            # Cancelled between the core's decision and now; the event that says so is on its way.
            self._events.append(Revoked(ship.pilot, ship.worker, refused))

    def _revoke(self, revoke: Revoke, engine: Engine) -> None:
        held = self.feeding.withdraw(revoke.items)
        if held:
            self._events.append(Revoked(revoke.pilot, revoke.worker, held))
        if len(held) < len(revoke.items):
            engine.revoke(revoke.worker, [item for item in revoke.items if item not in held])

    # Results that stay on pilots.

    def _ship_again(self, ship: Ship, key: Key) -> None:
        """An input of a task has come that it waited for, in its slot."""
        if self.core.has(ship.worker, *key):
            self._ship(replace(ship, items=[key]), self._require_engines().engine(ship.pilot, ship.worker))

    def _unfed(self, ship: Ship, key: Key, kept: Kept) -> None:
        """An input of a task is lost that it needs now."""
        self._events.append(Revoked(ship.pilot, ship.worker, [key]))
        self._events.append(Unfed([(key[0], unfed(self._futures[key[0]], kept))]))

    def _keep(self, future: TaskFuture[Any], kept: Kept) -> None:
        kept.label = future.handle.label
        self._kept.add(kept)
        self._decide(kept, "result kept", kept.place)
        kept.when_settled(self._settled)

    def _settled(self, kept: Kept) -> None:
        if not kept.cause:
            self._decide(kept, "result fetched", f"{kept.place}: {kept.why}")
            return
        self._decide(kept, "result lost", f"{kept.place}: {kept.cause}")
        hungry = [future for future in self._futures.values() if needs(future, kept)]
        if hungry:
            self._events.append(Unfed([(future.id, unfed(future, kept)) for future in hungry]))

    def _lose_kept(self, cause: str) -> None:
        for kept in list(self._kept):
            kept.lose(cause)

    def _decide(self, kept: Kept, decision: str, reason: str) -> None:
        self._journal.decision_row(monotonic(), f"task {kept.words.task}", decision, reason)

    def _resolve(self, items: Sequence[Resolution]) -> None:
        futures, payloads = self._futures, self._payloads
        batch = []
        for task, attempt, state, error in items:
            future, payload = futures.pop(task), payloads.pop((task, attempt), None)
            plain = payload is not None and state is TaskState.DONE and delivery.is_plain(payload)
            if isinstance(payload, KeptReference):
                plain = False
                self._keep(future, payload.kept)
            # The short way, without another change of threads, for results that can run no code.
            if not plain or not future.end_quietly(delivery.loads(payload)):  # type: ignore[arg-type]
                batch.append(Ending(future, state, payload, error))
        if batch:
            self._delivery.put(batch)

    def _begin_stop(self) -> None:
        self._stopping = True

    def _drain_wakes(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_in, 4096)
        if not self.core.idle:
            self._deaf_until = monotonic() + PATIENCE

    def _fail_everything(self, error: BaseException) -> None:
        """After a defect: end every future, so that nothing hangs."""
        words = f"the scheduler stopped by a defect: {type(error).__name__}: {error}"
        self._lose_kept(words)
        self._fail_rest(PilotQuantumError(words))

    def _fail_rest(self, error: PilotQuantumError) -> None:
        """End all futures that are left, in a reactor that runs no more."""
        self._gather()
        batch = [Ending(future, TaskState.FAILED, None, error) for future in self._futures.values()]
        self._futures.clear()
        if batch:
            self._delivery.put(batch)

    def _require_engines(self) -> Engines:
        if self._engines is None:
            raise AssertionError("the reactor was used before it was started")
        return self._engines
