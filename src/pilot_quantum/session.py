"""The session: one run of an application. It ties the layers together and is what users hold."""

from __future__ import annotations

import atexit
import itertools
import os
import platform
import secrets
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import as_completed
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from pilot_quantum.dreamer.experience import Experience
from pilot_quantum.dreamer.known_rates import KnownRates
from pilot_quantum.errors import (
    JournalError,
    PilotQuantumError,
    PilotQuantumWarning,
    SessionClosedError,
    SessionDirectoryError,
)
from pilot_quantum.journal.store import JournalWriter
from pilot_quantum.resource.description import PilotDescription
from pilot_quantum.resource.pilot import Pilot
from pilot_quantum.resource.pilots import Pilots
from pilot_quantum.resource.profile import ResourceProfile
from pilot_quantum.resource.values.store import Store
from pilot_quantum.submitter import MOST, Submitter
from pilot_quantum.task.core import Core
from pilot_quantum.task.delivery import delivering
from pilot_quantum.task.functions import Shippable
from pilot_quantum.task.future import TaskFuture
from pilot_quantum.task.inputs import Inputs
from pilot_quantum.task.needs import Needs
from pilot_quantum.task.options import TaskOptions, split_keywords
from pilot_quantum.task.policy import Policy
from pilot_quantum.task.reactor import Reactor
from pilot_quantum.task.state import TaskState
from pilot_quantum.task.stored import Stored
from pilot_quantum.task.submission import Handle
from pilot_quantum.version import __version__
from pilot_quantum.workflow.graph import Graph

if TYPE_CHECKING:
    from pilot_quantum.dreamer.planning.plan import Plan
    from pilot_quantum.interfaces.executor import SessionExecutor
    from pilot_quantum.interfaces.qiskit import Estimator, Sampler
    from pilot_quantum.workload.planned.job import PlanJob

T = TypeVar("T")

GOODBYE = 5.0
"""Seconds for which pilots may take their time to end by themselves when the session closes."""

_sessions: weakref.WeakSet[Session] = weakref.WeakSet()


def _disown_all() -> None:
    for session in list(_sessions):
        session.disown()


os.register_at_fork(after_in_child=_disown_all)


class Session:
    """One run of an application: owns the journal, the scheduler and the pilots. Use it in a `with` statement.

    directory: where the journal and the tasks' output go; by default a new one below `./.pilot-quantum`.
    policy: which queue is served next and where; by default priority, then earliest predicted finish.
    Leaving the `with` block waits for all tasks; leaving it by an exception (Ctrl-C too) cancels them.
    Raises SessionDirectoryError or JournalError when the directory cannot be used.
    """

    def __init__(self, directory: str | os.PathLike[str] | None = None, *, policy: Policy | None = None) -> None:
        self.directory = _make_directory(directory)
        self._journal_error: JournalError | None = None
        self._journal = JournalWriter(self.directory, self._journal_failed)
        self._note_facts()
        self.closed = False
        self._lock = threading.RLock()
        self._groups = itertools.count(1)
        self.task_ids: Iterator[int] = itertools.count(1)
        self._core = Core(policy)
        self.reactor = Reactor(self._core, self._journal)
        self._store = Store(self.directory)
        self._inputs = Inputs(self._store)
        self._stored: weakref.WeakSet[Stored[Any]] = weakref.WeakSet()
        self.graph = Graph(self.reactor, self._journal, self.reactor.call_soon, self._inputs)
        self._pilots = Pilots(self.reactor, self.reactor, self._journal, self.directory)
        self._submitter = Submitter(self, TaskOptions())
        self._rates, self.experience = KnownRates(), Experience(self._tasks)
        self._by_options: dict[tuple[tuple[str, type, Any], ...], Submitter] = {}
        self._owner = os.getpid()
        _sessions.add(self)
        self.reactor.start(self._pilots)
        self._at_exit = _close_at_exit(weakref.ref(self))

    # Pilots.

    def add_pilot(self, resource: str | PilotDescription, **fields: Any) -> Pilot:
        """Ask for capacity: a URL such as "local://?cores=2", or a PilotDescription; at once, it comes up by itself.

        `fields` are those of PilotDescription, beside a URL. Raises InvalidDescriptionError, SessionClosedError.
        """
        if self.closed:
            raise self.closed_error()
        if isinstance(resource, PilotDescription):
            if fields:
                raise TypeError(f"give {', '.join(fields)} inside the PilotDescription.")
            return self._pilots.add(resource)
        return self._pilots.add(PilotDescription(resource, **fields))

    @property
    def pilots(self) -> tuple[Pilot, ...]:
        """Every pilot of this session, those that have ended too."""
        return self._pilots.all()

    def resources(self) -> tuple[ResourceProfile, ...]:
        """What the pilots that have not ended offer, with the rates that calibrating their places has found.

        With them goes what the session has learned since from plans that had the pilots for themselves.
        Warns (CalibrationWarning, once) where those are of another machine than the pilot's, and leaves them out.
        """
        return tuple(
            self.experience.on(self._rates.on(pilot.profile, pilot.description.resource, pilot.site))
            for pilot in self._pilots.all()
            if not pilot.state.final
        )

    # Tasks.

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> TaskFuture[T]:
        """Run `fn(*args, **kwargs)` where a slot is free; its future, at once. See `Submitter.submit`.

        Keywords that are task options (`needs=`, `priority=`, ...) are taken as such; TypeError is raised where the
        function itself takes a keyword of that name: then use `with_options(...)`.
        """
        if kwargs:
            options, kwargs = split_keywords(fn, kwargs)
            if options:
                return self._submitter_for(options).submit(fn, *args, **kwargs)
        return self._submitter.submit(fn, *args, **kwargs)

    def submit_mpi(
        self,
        program: Callable[..., Any] | str | os.PathLike[str],
        *args: Any,
        ranks: int,
        ranks_per_node: int | None = None,
        rank_needs: Needs | None = None,
        **kwargs: Any,
    ) -> TaskFuture[Any]:
        """Run an MPI program on `ranks` ranks at the same time, as one task. See `Submitter.submit_mpi`.

        Keywords that are task options (`priority=`, `timeout=`, ...) are taken as such, as `submit` does.
        """
        options, kwargs = split_keywords(program if callable(program) else _no_keywords, kwargs)
        submitter = self._submitter_for(options) if options else self._submitter
        program = program if callable(program) else Path(program)
        return submitter.submit_mpi(
            program, *args, ranks=ranks, ranks_per_node=ranks_per_node, rank_needs=rank_needs, **kwargs
        )

    def put(self, value: T) -> Stored[T]:
        """Keep a large value for tasks; pass the handle in its place. See `Stored`.

        It is pickled now, once, and travels once to each pilot; on one host all tasks use the same memory. Raises
        NotPicklableError, SessionClosedError, and OSError when there is no room for it.
        """
        if self.closed:
            raise self.closed_error()
        stored = Stored(value, self._store)
        self._stored.add(stored)
        return stored

    def with_options(self, **options: Any) -> Submitter:
        """A submitter whose tasks have these options; see `TaskOptions`."""
        return self._submitter.with_options(**options)

    def submit_many(self, fn: Callable[..., T], *iterables: Iterable[Any]) -> list[TaskFuture[T]]:
        """A task for each tuple of items, as `map` forms them; their futures in this order."""
        return self._submitter.submit_many(fn, *iterables)

    def map(
        self, fn: Callable[..., T], *iterables: Iterable[Any], timeout: float | None = None, chunksize: int = 1
    ) -> Iterator[T]:
        """The results of `fn` over the zipped iterables, in order. See `Submitter.map`."""
        return self._submitter.map(fn, *iterables, timeout=timeout, chunksize=chunksize)

    as_completed = staticmethod(as_completed)
    """`concurrent.futures.as_completed`: the futures in the order in which they end."""

    def run(self, plan: Plan) -> PlanJob:
        """Carry out what `pq.dreamer.plan` has proposed; the job, at once. See `Submitter.run`."""
        return self._submitter.run(plan)

    def executor(self, **options: Any) -> SessionExecutor:
        """A `concurrent.futures.Executor` whose calls become tasks of this session."""
        return self._submitter.executor(**options)

    def estimator(self, **options: Any) -> Estimator:
        """A Qiskit `BaseEstimatorV2` on this session's pilots."""
        return self._submitter.estimator(**options)

    def sampler(self, **options: Any) -> Sampler:
        """A Qiskit `BaseSamplerV2` on this session's pilots."""
        return self._submitter.sampler(**options)

    def cancel(self, *futures: TaskFuture[Any] | PlanJob) -> None:
        """End these tasks in whatever state they are: a running one's worker is ended, its bundle-mates run again.

        Of a plan's job, all its tasks.
        """
        own = [future for each in futures for future in self._tasks_of(each)]
        rest = [future for future in own if not self.graph.cancel(future)]
        if rest:
            self.reactor.cancel(rest)

    def explain(self, future: TaskFuture[Any] | PlanJob) -> str:
        """Why a task waits, on which pilots it could run, what is missing there, and what those pilots wait for.

        Of a plan's job: how many of its tasks have ended, and this of the first that has not.
        """
        if not isinstance(future, TaskFuture):
            tasks = self._tasks_of(future)
            waiting = [task for task in tasks if not task.done()]
            ended = f"{len(tasks) - len(waiting)} of the job's {len(tasks)} tasks have ended"
            return f"{ended}. Of the first that has not: {self.explain(waiting[0])}" if waiting else f"{ended}."
        self._require_own(future)
        kept = future.kept
        if kept is not None and (kept.cause or not kept.settled):
            words = str(kept.error) if kept.cause else f"its result, {kept.place}, stays there."
            return f"task {future.id} ({future.handle.label}) has ended: {words}"
        if future.done():
            return f"task {future.id} ({future.handle.label}) has ended: {future!r}."
        return self.graph.explain(future) or self.reactor.ask(
            lambda: (
                self._core.explain(future.id, monotonic(), self._pilots.stories())
                + self.reactor.feeding.story(future.id)
            )
        )

    def counts(self) -> dict[TaskState, int]:
        """How many tasks are in each state now, or have ended in it."""
        counts = {state: self._core.counts[state] for state in TaskState}
        counts[TaskState.WAITING] = len(self.graph)
        for state, ended in self.graph.ended.items():
            counts[state] += ended
        return counts

    def _tasks(self) -> tuple[int, int]:
        counts = self.counts()
        return sum(counts.values()), sum(number for state, number in counts.items() if not state.final)

    # The end.

    def close(self, *, cancel: bool = False) -> None:
        """Take no more work, end every task (by waiting, or with `cancel` at once), then every pilot.

        Results that were kept on pilots (`keep_remote=True`) and not asked for are brought here first; with `cancel`
        they are lost. Raises JournalError when the journal could not be written to its end; all results were delivered
        then too, and RuntimeError inside a future's callback, where it would wait for itself.
        """
        if delivering():
            raise RuntimeError("close() inside a future's callback would wait for that callback: call it elsewhere.")
        with self._lock:
            if self.closed and not self.reactor.running:
                return
            self.closed = True
            atexit.unregister(self._at_exit)
            try:
                if cancel:
                    self._cancel_all()
                self.reactor.close_to_new()
                self._wait_until_idle()
                if not cancel:
                    self.reactor.fetch_kept()
            except BaseException:
                cancel = True
                self._cancel_all()
                raise
            finally:
                if cancel:
                    self.reactor.lose_kept("its session was closed with its tasks cancelled")
                self.reactor.ask(self._pilots.end)
                self._pilots.wait(GOODBYE)
                self.reactor.ask(self._pilots.close)
                self.reactor.stop()
                self._inputs.clear()
                for stored in list(self._stored):
                    stored.release()
                self._journal.session("closed", f"{time.time():.6f}")
                self._journal.close()
        if self._journal_error is not None:
            raise self._journal_error

    def __enter__(self) -> Session:
        if self.closed:
            raise self.closed_error()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close(cancel=error is not None)
        except JournalError:
            if error is None:  # else the error on its way is the one to see; the journal's was given as a warning
                raise

    def __repr__(self) -> str:
        return f"<Session {str(self.directory)!r}{' closed' if self.closed else ''}>"

    # For submitters.

    def make_handle(self, function: Shippable, alternatives: tuple[Shippable, ...], options: TaskOptions) -> Handle:
        """The handle of a function with options; its code becomes known to the reactor."""
        for one in (function, *alternatives):
            self.reactor.register(one.digest, one.blob)
        handle = Handle(self, function, alternatives, options, next(self._groups))
        needs = " | ".join(str(variant.needs) for variant in options.needs)
        self._journal.group(
            monotonic(), handle.group, handle.label, function.label, needs, options.priority, options.coupling.value
        )
        return handle

    def cancel_queued(self, future: TaskFuture[Any]) -> None:
        """A future was cancelled before it was shipped."""
        self.cancel(future)

    def disown(self) -> None:
        """In a child that the program has forked: take no work, as threads and workers are the parent's."""
        self.closed = True

    def closed_error(self) -> PilotQuantumError:
        """The error for work that comes too late, or in the wrong process."""
        if os.getpid() != self._owner:
            return SessionClosedError(
                f"the session {str(self.directory)!r} belongs to process {self._owner}, and this is a child that it "
                "forked. Submit from there, or open a session of its own here with pq.Session()."
            )
        return SessionClosedError(
            f"the session {str(self.directory)!r} is closed and takes no more work; open a new one with pq.Session()."
        )

    def _submitter_for(self, options: dict[str, Any]) -> Submitter:
        try:
            # With the types, for 1 == True == 1.0, which are not all valid.
            key = tuple((name, type(options[name]), options[name]) for name in sorted(options))
            known = self._by_options.get(key)
        except TypeError:  # options that cannot be hashed or ordered, such as a list of variants
            return self._submitter.with_options(**options)
        if known is None:
            if len(self._by_options) >= MOST:
                self._by_options.clear()
            known = self._by_options[key] = self._submitter.with_options(**options)
        return known

    def _cancel_all(self) -> None:
        self.graph.cancel_all()
        self.reactor.cancel_all()

    def _wait_until_idle(self) -> None:
        """Until no task is outstanding: a result may release tasks that waited for it, so look again."""
        while True:
            released = self.graph.released
            self.graph.wait_until_empty()
            self.reactor.wait_until_idle()
            if self.graph.released == released and not len(self.graph):
                return

    def _tasks_of(self, one: TaskFuture[Any] | PlanJob) -> tuple[TaskFuture[Any], ...]:
        """A task, or those of a plan's job; told by what it has, for importing its class takes Qiskit."""
        tasks: Any = (one,) if isinstance(one, TaskFuture) else getattr(one, "tasks", (one,))
        for task in tasks:
            self._require_own(task)
        return tuple(tasks)

    def _require_own(self, future: TaskFuture[Any]) -> None:
        """Ids are a session's own: that of another's task would hit a task of ours."""
        if not isinstance(future, TaskFuture):
            raise TypeError(f"{future!r} is no task: give the future that submit returned.")
        if future.handle.owner is not self:
            raise ValueError(f"{future!r} is a task of another session than {self!r}: ask that one.")

    def _note_facts(self) -> None:
        """Write what this session is. Raises JournalError."""
        for key, value in (
            ("pilot-quantum", __version__),
            ("python", platform.python_version()),
            ("platform", platform.system()),
            ("opened", f"{time.time():.6f}"),
            ("pid", str(os.getpid())),
        ):
            self._journal.session(key, value)
        self._journal.flush()  # so that a disk that is full already is noticed before anything runs
        if self._journal_error is not None:
            self._journal.close()
            raise self._journal_error

    def _journal_failed(self, error: JournalError) -> None:
        self._journal_error = error
        words = f"{error} Tasks go on and results are delivered; the journal ends here."
        warnings.warn(words, PilotQuantumWarning, stacklevel=2)


def _no_keywords() -> None:
    """Stands for a script, which takes no keywords."""


def _make_directory(directory: str | os.PathLike[str] | None) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    path = Path(directory) if directory is not None else Path(".pilot-quantum") / f"{stamp}-{secrets.token_hex(3)}"
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        (path / "output").mkdir(exist_ok=True, mode=0o700)
    except OSError as error:
        raise SessionDirectoryError(
            f"the session directory {str(path)!r} cannot be written: {error.strerror or error}. "
            "Choose another: pq.Session(directory=...)."
        ) from error
    return path.resolve()


def _close_at_exit(session: weakref.ref[Session]) -> Callable[[], None]:
    """Close a session that was left open: wait for its tasks, unless the program ends by an error."""

    def close() -> None:
        one = session()
        if one is not None:
            one.close(cancel=getattr(sys, "last_type", None) is not None)

    atexit.register(close)
    return close
