"""Requests become jobs of a session; their results come back, also when some fail or the user stops the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from pilot_quantum.circuit.observable import pauli_operator
from pilot_quantum.cli.outcome import CircuitOutcome, Value
from pilot_quantum.cli.progress import PilotLine, Progress, Snapshot
from pilot_quantum.cli.request import Request
from pilot_quantum.cli.watch import Watch, Watched
from pilot_quantum.errors import CircuitError

if TYPE_CHECKING:
    from pilot_quantum.interfaces.qiskit import PilotJob
    from pilot_quantum.session import Session

REFRESH = 0.25
"""Seconds after which progress is shown anew when no task has ended."""

OnProgress = Callable[[Snapshot], None]


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of a request, and the ids of the tasks that it took."""

    outcome: CircuitOutcome
    tasks: frozenset[int]


@dataclass(frozen=True, slots=True)
class Execution:
    """All requests, ended. seconds: from the first submission to the last result."""

    finished: tuple[Finished, ...]
    seconds: float
    interrupted: bool


@dataclass(frozen=True, slots=True)
class _Started:
    request: Request
    job: PilotJob
    tasks: set[int]


def execute(
    session: Session,
    requests: Sequence[Request],
    seed: int | None,
    progress: Progress,
    on_progress: OnProgress = lambda _: None,
) -> Execution:
    """Run all requests on the session's pilots and wait for them; a failed one does not stop the others.

    on_progress: called in this thread whenever a task has ended. Ctrl-C cancels what has not ended and returns what
    has. Raises CircuitError for a circuit that no pilot can run, before anything is submitted.
    """
    check(session, requests)
    began = monotonic()
    watch = Watch()
    started: list[_Started] = []
    interrupted = False
    try:
        with progress:
            for request in requests:
                started.append(_start(session, request, seed, watch))
            while True:
                snapshot = _snapshot(session, watch)
                progress.update(snapshot)
                on_progress(snapshot)
                if snapshot.done == snapshot.total:
                    break
                watch.wait(REFRESH)
    except KeyboardInterrupt:
        interrupted = True
    ended = tuple(_finished(one, interrupted) for one in started)
    never = tuple(Finished(_outcome(request, "cancelled"), frozenset()) for request in requests[len(started) :])
    return Execution(ended + never, monotonic() - began, interrupted)


def check(session: Session, requests: Sequence[Request]) -> None:
    """Raise CircuitError for the first circuit that the session's pilots cannot run, its file named."""
    from qiskit.primitives.containers.estimator_pub import EstimatorPub
    from qiskit.primitives.containers.sampler_pub import SamplerPub

    from pilot_quantum.interfaces.qiskit.pubs import check_estimator, check_sampler
    from pilot_quantum.workload.memory import check_fits
    from pilot_quantum.workload.traits import traits_of

    resources = session.resources()
    for request in requests:
        traits = traits_of(request.circuit)
        try:
            if request.observables:
                check_estimator(0, EstimatorPub.coerce((request.circuit, "I" * request.circuit.num_qubits)), traits)
            else:
                check_sampler(0, SamplerPub.coerce(request.circuit, request.shots))
            check_fits(str(request.source), traits, resources)
        except CircuitError as error:
            raise type(error)(f"{request.source}: {error}") from error


def _start(session: Session, request: Request, seed: int | None, watch: Watch) -> _Started:
    from pilot_quantum.interfaces.qiskit import Estimator, Sampler

    submitter = Watched(session.with_options(name=request.label), session.cancel, watch, set())
    if request.observables:
        operators = [pauli_operator(one, request.circuit.num_qubits) for one in request.observables]
        estimator = Estimator(submitter, session.resources, seed=seed)
        job = estimator.run([(request.circuit, operators)], precision=request.precision)
    else:
        job = Sampler(submitter, session.resources, seed=seed).run([request.circuit], shots=request.shots)
    return _Started(request, job, submitter.tasks)


def _finished(started: _Started, interrupted: bool) -> Finished:
    request, job = started.request, started.job
    if interrupted and not job.in_final_state():
        return Finished(_outcome(request, "cancelled"), frozenset(started.tasks))
    try:
        data = job.result()[0].data
    except CancelledError:
        outcome = _outcome(request, "cancelled")
    except Exception as error:  # noqa: BLE001 - whatever ended the task belongs into its row of the table
        outcome = _outcome(request, "failed", error=f"{type(error).__name__}: {error}")
    else:
        outcome = _valued(request, data) if request.observables else _sampled(request, data)
    return Finished(outcome, frozenset(started.tasks))


def _valued(request: Request, data: Any) -> CircuitOutcome:
    values = tuple(
        Value(observable.text, float(value), float(std))
        for observable, value, std in zip(request.observables, data.evs, data.stds, strict=True)
    )
    return _outcome(request, "done", values=values)


def _sampled(request: Request, data: Any) -> CircuitOutcome:
    """The counts over all registers; with several, a blank between them, the first register last, as in Qiskit."""
    sizes = [register.size for register in request.circuit.cregs]
    whole = request.circuit.num_clbits
    arrays = [data[register.name] for register in request.circuit.cregs]
    joined = arrays[0].concatenate_bits(arrays)
    counts = {}
    for bits, count in joined.get_counts().items():
        parts, end = [], whole
        for size in sizes:
            parts.append(bits[end - size : end])
            end -= size
        counts[" ".join(reversed(parts))] = int(count)
    ordered = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    return _outcome(request, "done", counts=ordered)


def _outcome(request: Request, state: str, **found: Any) -> CircuitOutcome:
    source = request.source
    return CircuitOutcome(
        file=str(source.file),
        index=source.index,
        name=source.name,
        qubits=source.circuit.num_qubits,
        state=state,
        note=request.note,
        shots=request.shots,
        **found,
    )


def _snapshot(session: Session, watch: Watch) -> Snapshot:
    pilots = tuple(PilotLine(pilot.id, str(pilot.state)) for pilot in session.pilots)
    return Snapshot(watch.done, watch.failed, watch.total, pilots)
