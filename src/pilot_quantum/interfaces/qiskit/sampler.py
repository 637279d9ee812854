"""Samples through a session."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from qiskit.primitives import BaseSamplerV2, PrimitiveResult
from qiskit.primitives.containers import SamplerPubLike

from pilot_quantum.interfaces.qiskit.job import PilotJob
from pilot_quantum.interfaces.qiskit.options import SamplerOptions, merged
from pilot_quantum.interfaces.qiskit.primitive import Dispatcher, Reading
from pilot_quantum.interfaces.qiskit.pubs import check_sampler, label, sampler_pubs
from pilot_quantum.workload.batch import Batch
from pilot_quantum.workload.blocks import UnitKey, entropy_of
from pilot_quantum.workload.sampling import Sampling
from pilot_quantum.workload.submitter import Cancel, Resources, Submitter, cancel_unshipped
from pilot_quantum.workload.units import sample


class Sampler(BaseSamplerV2):  # type: ignore[misc]
    """`session.sampler()`: Qiskit's BaseSamplerV2 on the session's pilots, simulated by Qiskit Aer.

    submitter: what units are handed to, a session or its `with_options(...)`. resources: gives the pilots' profiles.
    cancel: ends tasks that have begun, too: the session's.
    default_shots: where neither PUB nor call names any (1024). seed: the same seed gives the same samples on any
    number of workers, and after retries. None draws one for each call and keeps it in the result's metadata.
    options: a dict with these two.
    """

    def __init__(
        self,
        submitter: Submitter,
        resources: Resources,
        *,
        cancel: Cancel = cancel_unshipped,
        default_shots: int | None = None,
        seed: int | None = None,
        options: SamplerOptions | Mapping[str, Any] | None = None,
    ) -> None:
        self._cancel = cancel
        self._dispatcher = Dispatcher(submitter, resources, "sampler")
        self._options = merged(SamplerOptions(), options, {"default_shots": default_shots, "seed": seed})

    @property
    def options(self) -> SamplerOptions:
        """What is used where a call does not say; may be changed."""
        return self._options

    @property
    def default_shots(self) -> int:
        """The number of shots where neither PUB nor call names one."""
        return self._options.default_shots

    @property
    def seed(self) -> int | None:
        """The seed of the samples; None draws one for each call."""
        return self._options.seed

    def run(self, pubs: Iterable[SamplerPubLike], *, shots: int | None = None) -> PilotJob:
        """Start sampling and return the job, at once.

        pubs: circuits, or tuples (circuit, parameter values, shots), the last two where there are any. shots: for PUBs
        that name none. Raises, before anything is submitted: CircuitError for a PUB that cannot be meant,
        CircuitTooLargeError for one that no pilot has the memory for, TypeError.
        """
        checked = sampler_pubs(pubs, self._options.default_shots if shots is None else shots)
        entropy = entropy_of(self._options.seed)
        reading = Reading()
        traits = [reading.traits(pub.circuit) for pub, _ in checked]
        for index, (pub, _) in enumerate(checked):
            check_sampler(index, pub)
            if not pub.circuit.cregs:
                warnings.warn(
                    f"{label(index, pub.circuit)} has no classical register, so its result will be empty. "
                    f"Did you mean to measure? circuit.measure_all()",
                    UserWarning,
                    stacklevel=2,
                )
        self._dispatcher.check([pub.circuit for pub, _ in checked], traits)
        parts = [
            Sampling(index, pub, values, each, reading.blob(pub.circuit))
            for index, ((pub, values), each) in enumerate(zip(checked, traits, strict=True))
        ]
        futures = []
        for part, each in zip(parts, traits, strict=True):
            submit = self._dispatcher.submitter(each).submit
            futures += [(key, submit(sample, *arguments)) for key, arguments in part.units(entropy)]

        def assemble(found: Mapping[UnitKey, Any]) -> PrimitiveResult:
            results = [part.result(found) for part in parts]
            return PrimitiveResult(results, metadata={"version": 2, "seed": entropy})

        return PilotJob(Batch(futures, self._cancel), assemble)
