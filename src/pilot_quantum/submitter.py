"""Submitting tasks with a fixed set of options."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pilot_quantum.errors import PilotQuantumError
from pilot_quantum.resource.payload import dump_arguments
from pilot_quantum.resource.profile import ResourceProfile
from pilot_quantum.task.functions import Shippable, ship
from pilot_quantum.task.future import TaskFuture
from pilot_quantum.task.needs import Needs
from pilot_quantum.task.options import TaskOptions
from pilot_quantum.task.reactor import Reactor
from pilot_quantum.task.submission import Handle
from pilot_quantum.workflow.graph import Graph

if TYPE_CHECKING:
    from pilot_quantum.dreamer.experience import Experience
    from pilot_quantum.dreamer.planning.plan import Plan
    from pilot_quantum.interfaces.executor import SessionExecutor
    from pilot_quantum.interfaces.qiskit import Estimator, Sampler
    from pilot_quantum.workload.planned.job import PlanJob
    from pilot_quantum.workload.planned.runner import PlanRunner

T = TypeVar("T")

MOST = 4096
"""Functions that a submitter remembers; beyond, it starts anew (a program that makes a lambda per task)."""


class Home(Protocol):
    """What a submitter asks of its session."""

    closed: bool
    task_ids: Iterator[int]
    graph: Graph
    reactor: Reactor
    experience: Experience

    def closed_error(self) -> PilotQuantumError:
        """The error for work that comes too late."""

    def make_handle(self, function: Shippable, alternatives: tuple[Shippable, ...], options: TaskOptions) -> Handle:
        """The handle of a function with options."""

    def cancel(self, *futures: TaskFuture[Any]) -> None:
        """End these tasks in whatever state they are."""

    def resources(self) -> tuple[ResourceProfile, ...]:
        """What the pilots that have not ended offer."""


class Submitter:
    """Submits tasks with a fixed set of options; every keyword of `submit` goes to the function."""

    def __init__(self, session: Home, options: TaskOptions) -> None:
        self._session = session
        self._options = options
        self._handles: dict[int, Handle] = {}
        self._runner: PlanRunner | None = None

    @property
    def options(self) -> TaskOptions:
        """The options of the tasks that it submits."""
        return self._options

    def with_options(self, **options: Any) -> Submitter:
        """A submitter with these options changed; see `TaskOptions` for their names and meanings."""
        return Submitter(self._session, self._options.changed(**options))

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> TaskFuture[T]:
        """Run `fn(*args, **kwargs)` where a slot is free; its future, at once.

        A future among the arguments (also inside lists, tuples, dicts) makes a dependency: the task runs when the
        value is there, and fails with DependencyError when it never will be. A handle of `session.put` stands for its
        value. The arguments are pickled now, so that later changes to them do not matter. Raises NotPicklableError,
        SessionClosedError.
        """
        session = self._session
        if session.closed:
            raise session.closed_error()
        handle = self._handles.get(id(fn))
        if handle is None or not (handle.fixed or handle.fresh()):
            handle = self._make_handle(fn)
        data, inputs = dump_arguments(args, kwargs)
        future: TaskFuture[T] = TaskFuture(next(session.task_ids), handle, data, monotonic())
        if inputs and any(isinstance(one, TaskFuture) for one in inputs):
            session.graph.hold(future, inputs)
        elif inputs:
            future.inputs = tuple(one.content for one in inputs)
            session.reactor.submit(future)
        else:
            session.reactor.submit(future)
        return future

    def submit_many(self, fn: Callable[..., T], *iterables: Iterable[Any]) -> list[TaskFuture[T]]:
        """A task for each tuple of items, as `map` forms them; their futures in this order.

        All or none: when one cannot be submitted, those before it are cancelled.
        """
        futures: list[TaskFuture[T]] = []
        try:
            for items in zip(*iterables, strict=False):
                futures.append(self.submit(fn, *items))
        except BaseException:
            self._session.cancel(*futures)
            raise
        return futures

    def map(
        self, fn: Callable[..., T], *iterables: Iterable[Any], timeout: float | None = None, chunksize: int = 1
    ) -> Iterator[T]:
        """The results of `fn` over the zipped iterables, in order; like `concurrent.futures.Executor.map`.

        All tasks are submitted now. `timeout` seconds after the call TimeoutError is raised. `chunksize` is accepted
        and has no effect: the scheduler bundles by itself. Closing the iterator cancels what has not been shipped.
        """
        deadline = None if timeout is None else monotonic() + timeout
        return _results(self.submit_many(fn, *iterables), deadline)

    def submit_mpi(
        self,
        program: Callable[..., Any] | str | Path,
        *args: Any,
        ranks: int,
        ranks_per_node: int | None = None,
        rank_needs: Needs | None = None,
        **kwargs: Any,
    ) -> TaskFuture[Any]:
        """Run an MPI program on `ranks` ranks at the same time, as one task; its future, at once.

        program: a function, of which every rank runs `program(*args, **kwargs)` (it finds the others through mpi4py):
        the future gives rank 0's value; or the path of a Python script or another program, with `args` as its
        arguments: the future gives an `MPIResult`. ranks_per_node: how many share a node; by default as few nodes as
        there is room on. rank_needs: what one rank needs, by default one core. Of this submitter's options all but
        `needs` count. A rank that fails fails the future with MPIError, which has its words.
        Raises InvalidDescriptionError, NotPicklableError, SessionClosedError.
        """
        from pilot_quantum.workload.mpi.submit import submit_mpi

        each = Needs() if rank_needs is None else rank_needs
        return submit_mpi(self, program, args, kwargs, ranks, ranks_per_node, each)

    def run(self, plan: Plan) -> PlanJob:
        """Carry out what `pq.dreamer.plan` has proposed, as `plan.best` says; the job, at once.

        `plan.using(NAME)` takes another of its candidates. Raises, before anything is submitted: CircuitError for a
        circuit with parameters that have no values, CircuitTooLargeError where no pilot has the memory,
        UnsatisfiableError for a plan that needs a quantum processor, SessionClosedError.
        """
        if self._session.closed:
            raise self._session.closed_error()
        if self._runner is None:
            from pilot_quantum.workload.planned.runner import PlanRunner

            session = self._session
            self._runner = PlanRunner(self, session.resources, session.cancel, session.experience)
        return self._runner.run(plan)

    def executor(self, **options: Any) -> SessionExecutor:
        """A `concurrent.futures.Executor` whose calls become tasks with these options."""
        from pilot_quantum.interfaces.executor import SessionExecutor

        return SessionExecutor(self.with_options(**options))

    def estimator(self, **options: Any) -> Estimator:
        """A Qiskit `BaseEstimatorV2` that runs on the session's pilots; see `interfaces.qiskit.Estimator`."""
        from pilot_quantum.interfaces.qiskit import Estimator

        session = self._session
        return Estimator(self, self._resources, cancel=session.cancel, experience=session.experience, **options)

    def sampler(self, **options: Any) -> Sampler:
        """A Qiskit `BaseSamplerV2` that runs on the session's pilots; see `interfaces.qiskit.Sampler`."""
        from pilot_quantum.interfaces.qiskit import Sampler

        return Sampler(self, self._resources, cancel=self._session.cancel, **options)

    def _resources(self) -> tuple[ResourceProfile, ...]:
        """The pilots that a call is planned for. Raises SessionClosedError: then there are none, and not for that."""
        if self._session.closed:
            raise self._session.closed_error()
        return self._session.resources()

    def _make_handle(self, fn: Callable[..., Any]) -> Handle:
        session = self._session
        function = ship(fn)
        alternatives = tuple(function if one.fn is None else ship(one.fn) for one in self._options.needs)
        known = self._handles.get(id(fn))
        if known is not None and known.renew(function, alternatives):
            return known
        handle = session.make_handle(function, alternatives, self._options)
        if len(self._handles) >= MOST:
            self._handles.clear()
        self._handles[id(fn)] = handle
        return handle


def _results(futures: list[TaskFuture[T]], deadline: float | None) -> Iterator[T]:
    futures.reverse()
    try:
        while futures:
            yield _result_or_cancel(futures.pop(), deadline)
    finally:
        for future in futures:
            future.cancel()


def _result_or_cancel(future: TaskFuture[T], deadline: float | None) -> T:
    try:
        return future.result(None if deadline is None else deadline - monotonic())
    finally:
        future.cancel()
