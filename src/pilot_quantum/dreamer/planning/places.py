"""Where candidates can run: the pilots as a planner sees them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf
from reprlib import repr as short

from pilot_quantum.dreamer.defaults import rates_for
from pilot_quantum.dreamer.models.makespan import Job, Worker, greedy
from pilot_quantum.dreamer.models.state_vector import PER_AMPLITUDE, PROCESS
from pilot_quantum.dreamer.prediction import Prediction
from pilot_quantum.errors import InvalidDescriptionError
from pilot_quantum.resource.capacity import LATER, SIMULATOR
from pilot_quantum.resource.profile import Rates, ResourceProfile
from pilot_quantum.resource.units import format_bytes

MOST_WORKERS = 4096
"""So many are played through at most; where there are more, nobody waits for one."""


@dataclass(frozen=True, slots=True)
class Load:
    """One task of a candidate. prediction: of its run in a worker; qubits: of the state it makes; memory: in bytes."""

    prediction: Prediction
    qubits: int
    memory: int


@dataclass(frozen=True, slots=True)
class Places:
    """The pilots that may run a candidate's tasks. profiles: one each."""

    profiles: tuple[ResourceProfile, ...]

    @classmethod
    def simulating(cls, resources: Sequence[ResourceProfile]) -> Places:
        """Those that can simulate."""
        return cls(tuple(one for one in resources if SIMULATOR in one.capabilities and one.qpu is None))

    def having(self, capability: str) -> Places:
        """Those that offer `capability`."""
        return Places(tuple(one for one in self.profiles if capability in one.capabilities))

    @property
    def names(self) -> tuple[str, ...]:
        """The pilots."""
        return tuple(one.pilot for one in self.profiles)

    @property
    def most_threads(self) -> int:
        """Cores of the node that has most, where that is known already."""
        return max((one.cores for one in self.profiles if one.cores < LATER), default=1)

    @property
    def widest(self) -> int:
        """Qubits of the widest state vector that some pilot takes and has the memory for; 0 where none is."""
        return max((_holds(one) for one in self.profiles), default=0)

    def too_narrow(self, qubits: int) -> int | None:
        """The qubits that the widest pilot takes, where that, whatever the memory, is less than `qubits`; else None."""
        limits = [one.widest for one in self.profiles if one.widest is not None]
        return max(limits) if limits and len(limits) == len(self.profiles) and max(limits) < qubits else None

    def rates(self, model: str) -> Rates:
        """Those of the first pilot that was calibrated; where none was, what is assumed.

        Raises CalibrationError where they lack terms of the model.
        """
        known = (profile for profile in self.profiles if profile.rates_of(model))
        return rates_for(next(known, self.profiles[0]), model)

    def taking(self, loads: Sequence[Load], threads: int = 1) -> Places:
        """Those where at least one of `loads` fits: by memory, by width, by cores of a node."""
        return Places(tuple(one for one in self.profiles if any(_fits(load, one, threads) for load in loads)))

    def refusal(self, loads: Sequence[Load], threads: int = 1) -> str:
        """Why some task of `loads` fits nowhere, with both figures; "" where each fits somewhere."""
        for load in loads:
            if any(_fits(load, one, threads) for one in self.profiles):
                continue
            if all(one.cores < threads for one in self.profiles):
                return f"takes {threads} cores of one node, and the largest has {self.most_threads}"
            if (limit := self.too_narrow(load.qubits)) is not None:
                return f"makes a state of {load.qubits} qubits, and no pilot takes more than {limit}"
            largest = max(self.profiles, key=lambda one: one.memory)
            return (
                f"takes {format_bytes(load.memory)} for a state of {load.qubits} qubits, and the largest node "
                f"({largest.pilot!r}) has {format_bytes(largest.memory)}"
            )
        return ""

    def makespan(self, loads: Sequence[Load], threads: int = 1) -> float:
        """Seconds after which all have ended, handed over the longest first; infinite where one fits nowhere."""
        jobs = [Job(load.prediction.seconds, load.qubits) for load in loads]
        if len(jobs) == 1:
            return inf if self.refusal(loads, threads) else jobs[0].seconds
        workers = self._workers(loads, threads)
        jobs.sort(key=lambda job: (-job.seconds, -job.qubits))
        return greedy(jobs, workers)

    def _workers(self, loads: Sequence[Load], threads: int) -> list[Worker]:
        found: list[Worker] = []
        for profile in self.profiles:
            fitting = [load for load in loads if _fits(load, profile, threads)]
            if not fitting:
                continue
            largest = max(load.memory for load in fitting)
            each = min(profile.cores // threads, profile.memory // largest if largest else LATER)
            count = min(profile.nodes * each, len(loads), MOST_WORKERS)
            widest = max(load.qubits for load in fitting)
            found += [Worker(widest=widest)] * count
        return found


def profiles_of(resources: Iterable[ResourceProfile] | ResourceProfile) -> tuple[ResourceProfile, ...]:
    """Pilots' profiles as users give them: several, or one alone. Raises InvalidDescriptionError for what is none."""
    if isinstance(resources, ResourceProfile):
        return (resources,)
    found = tuple(resources) if isinstance(resources, Iterable) else (resources,)
    for one in found:
        if not isinstance(one, ResourceProfile):
            raise InvalidDescriptionError(
                f"resources: {short(one)} is a {type(one).__name__}, not what a pilot has. Give session.resources(), "
                "or a list of ResourceProfile."
            )
    return found


def _fits(load: Load, profile: ResourceProfile, threads: int) -> bool:
    if profile.widest is not None and load.qubits > profile.widest:
        return False
    return load.memory <= profile.memory and threads <= profile.cores


def _holds(profile: ResourceProfile) -> int:
    amplitudes = (profile.memory - PROCESS) // PER_AMPLITUDE
    qubits = amplitudes.bit_length() - 1 if amplitudes > 0 else 0
    return qubits if profile.widest is None else min(qubits, profile.widest)
