"""Workers made warm: what they will need is imported and has run once, in each of them."""

from __future__ import annotations

import os
from pathlib import Path
from time import monotonic, sleep

from pilot_quantum.circuit.export import qiskit_circuit
from pilot_quantum.circuit.families import ghz, w_state
from pilot_quantum.dreamer.models.mps import MPS
from pilot_quantum.dreamer.models.stabiliser import STABILISER
from pilot_quantum.dreamer.models.state_vector import AER, LIGHTNING
from pilot_quantum.resource.site import look_around
from pilot_quantum.workload.calibrate import timed
from pilot_quantum.workload.flatten import flatten_for_mps
from pilot_quantum.workload.submitter import Cancel, Submitter, cancel_unshipped

PATIENCE = 60.0
"""Seconds that a worker waits for the others."""

_LONG = 30.0  # expected seconds of each task, so that no two of them are handed to one worker together


def warm_all(submitter: Submitter, workers: int, meeting: Path, cancel: Cancel = cancel_unshipped) -> None:
    """Make so many workers of this machine warm, each by a task of its own.

    meeting: a new directory, in which they wait for each other. Raises what a task raises, TimeoutError where fewer
    workers come up.
    """
    meeting.mkdir(parents=True)
    options = submitter.with_options(expected_duration=_LONG, name="warm up")
    futures = [options.submit(warm_up, str(meeting), workers) for _ in range(workers)]
    try:
        for future in futures:
            future.result(2 * PATIENCE)
    except BaseException:
        cancel(*futures)
        raise


def warm_up(meeting: str, workers: int) -> None:
    """In a worker: run every simulator once, then wait until so many others have, so that none does it twice."""
    import pilot_quantum.workload.cutting.execute
    import pilot_quantum.workload.units  # noqa: F401

    circuit = qiskit_circuit(ghz(3))
    simulators = (AER, LIGHTNING) if look_around().lightning else (AER,)
    for model in (*simulators, MPS, STABILISER):
        timed(model, circuit, {0: "Z", 1: "Z"})
    flatten_for_mps(qiskit_circuit(w_state(3)))  # imports Qiskit's transpiler, seconds the first time
    place = Path(meeting)
    (place / str(os.getpid())).touch()
    deadline = monotonic() + PATIENCE
    while len(list(place.iterdir())) < workers:
        if monotonic() > deadline:
            raise TimeoutError(f"of {workers} workers, {len(list(place.iterdir()))} came up in {PATIENCE:.0f} s")
        sleep(0.005)
