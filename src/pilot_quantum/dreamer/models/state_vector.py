"""Cost of a state vector: fixed, for each gate, and for each amplitude that a gate touches.

seconds = fixed + start + build·g + gate·g + Σ c_kind·g_kind·2ⁿ + observing. Aer has two regimes: up to 14 qubits it
applies gate by gate in one thread; from there on it fuses gates (`fusion.passes`) and uses threads. Lightning applies
gate by gate at every width, in one thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass

from pilot_quantum.circuit.light_cone import Letters
from pilot_quantum.circuit.skeleton import Skeleton
from pilot_quantum.dreamer.models.fusion import passes
from pilot_quantum.dreamer.models.observing import observing
from pilot_quantum.dreamer.prediction import Prediction, Units, priced
from pilot_quantum.resource.profile import Rates

AER = "aer-statevector"
LIGHTNING = "lightning"

FUSES_FROM = 15
"""Qubits from which Aer fuses gates and uses threads: one more than its two thresholds for that."""

NEAR = 13
"""Qubits up to which the state (128 KiB) lies close to a core; beyond, each gate by itself costs `spill` on top."""

CACHED = 19
"""Qubits up to which the state (8 MiB) is taken to lie in some cache; beyond, each pass costs `far` on top."""

MAPPED = 20
"""Qubits up to which a state (16 MiB) gets memory that the process has had before; beyond (glibc: from 32 MiB on) its
pages are new from the system each time, each amplitude costs `fresh` on top, and each pass `farther`.
"""

PROCESS = 128 * 2**20
"""Bytes of a worker with its simulator loaded."""

PER_AMPLITUDE = 40
"""Bytes: the state (16), probabilities (8), sums over them."""

WIDEST = 900
"""Qubits beyond which 2ⁿ is no float; the cost is then that of 900, which nobody can pay."""


def memory(qubits: int) -> int:
    """Bytes that a process needs for a state of so many qubits, itself included."""
    return int(PROCESS + PER_AMPLITUDE * 2 ** min(qubits, WIDEST))


@dataclass(frozen=True, slots=True)
class StateVector:
    """Predicts the time of a state vector's evolution, and of the expectation values read from its end.

    rates: of the model `AER` or `LIGHTNING`; which of them says how gates count.
    """

    rates: Rates

    def units(self, skeleton: Skeleton, threads: int = 1, warm: bool = False) -> Units:
        """Units of evolving `skeleton`, all of whose qubits count: prune it first.

        threads: that the simulator may use; each takes its share, and what they cost one another, for they wait for the
        same memory, is `contended`, in amplitudes touched by all but one. warm: the worker has run a circuit of this
        structure before, so that nothing has to be read and built.
        """
        amplitudes = 2.0 ** min(skeleton.qubits, WIDEST)
        gates = len(skeleton)
        tally = Counter(skeleton.names)
        units = {"fixed": 1.0, "state": amplitudes}
        if not warm:
            units |= {"start": 1.0, "build": float(gates), "controlled": _among(tally, CONTROLLED)}
        aer = self.rates.model == AER
        fused = aer and skeleton.qubits >= FUSES_FROM
        counts = _fused(skeleton) if fused else _plain(skeleton) if aer else _kernels(skeleton, tally)
        if not aer:
            units["made"] = gates - _among(tally, KERNELS)
        units["fuse" if fused else "gate"] = float(gates)
        units["angle"] = _among(tally, TURNED)
        used = threads if fused else 1
        for kind, count in counts.items():
            units[kind] = count * amplitudes / used
        touched = sum(counts.values()) * amplitudes
        if used > 1:
            units["contended"] = touched * (1 - 1 / used)
        if skeleton.qubits > MAPPED:
            units |= {"fresh": amplitudes, "farther": touched / used}
        if skeleton.qubits > CACHED:
            units["far"] = touched / used
        elif skeleton.qubits > NEAR and not fused:
            units["spill"] = touched
        return units

    def predict(
        self, skeleton: Skeleton, terms: Sequence[Letters] = (), threads: int = 1, warm: bool = False
    ) -> Prediction:
        """One evolution, and the expectation values of `terms` (in the qubits of `skeleton`, or any of as many)."""
        units = {**self.units(skeleton, threads, warm), **observing(terms, min(skeleton.qubits, WIDEST))}
        return priced(units, self.rates, memory(skeleton.qubits))


def _plain(skeleton: Skeleton) -> dict[str, float]:
    """Gates by how much of the state each touches: Aer has kernels for the named ones."""
    counts = dict.fromkeys(("diagonal", "one", "two", "matrix"), 0.0)
    for wires, kind, name in zip(skeleton.wires, skeleton.kinds, skeleton.names, strict=True):
        if len(wires) == 1:
            counts["diagonal" if kind.diagonal or name in _FLIPS else "one"] += 1
        elif name in _AER_KERNELS:
            counts["two"] += 1
        else:
            counts["matrix"] += 2 ** (len(wires) - 2)
    return counts


TURNED = frozenset(["rx", "ry", "rz", "p", "r", "u", "u1", "u2", "u3", "rxx", "ryy", "rzz", "rzx"]) | frozenset(
    ["cp", "cu", "cu1", "cu3", "crx", "cry", "crz"]
)
"""Gates with angles."""

CONTROLLED = frozenset(["cp", "cu", "cu1", "cu3", "crx", "cry", "crz"])
"""Gates that Qiskit makes a gate inside a gate of, each time that one is read."""

_FLIPS = frozenset(["x", "y"])
"""Gates that only move amplitudes, as fast as those that only turn them."""

_AER_KERNELS = frozenset(["cx", "cy", "cz", "cp", "swap", "crz", "csx", "ccx", "ccz", "cswap", "mcx"])

KERNELS = {
    **{name: {"diagonal": 1.0} for name in ("z", "s", "sdg", "t", "tdg", "p")},
    **{name: {"one": 1.0} for name in ("h", "x", "y", "rx", "ry", "rz", "rxx", "ryy", "rzz")},
    **{name: {"two": 1.0} for name in ("cx", "cz", "swap")},
    **{name: {"slow": 1.0} for name in ("sx", "sxdg", "cy", "cp", "crx", "cry", "crz", "ccx", "cswap")},
    "u": {"diagonal": 2.0, "one": 1.0},
    "id": {},
}
"""Lightning's kernels by about how fast they are; a gate without one goes as its matrix ("matrix", "made")."""


def _among(tally: Counter[str], names: Container[str]) -> float:
    return float(sum(count for name, count in tally.items() if name in names))


def _kernels(skeleton: Skeleton, tally: Counter[str]) -> dict[str, float]:
    counts = dict.fromkeys(("diagonal", "one", "two", "slow", "matrix"), 0.0)
    for name, count in tally.items():
        for kind, amount in KERNELS.get(name, {}).items():
            counts[kind] += amount * count
    if tally.keys() - KERNELS.keys():
        for wires, name in zip(skeleton.wires, skeleton.names, strict=True):
            if name not in KERNELS:
                counts["matrix"] += 2.0 ** (2 * len(wires) - 4)
    return counts


def _fused(skeleton: Skeleton) -> dict[str, float]:
    found = passes(skeleton)
    return {
        "fused-diagonal": found.diagonal,
        "fused-2": found.dense[0] + found.dense[1],
        "fused-3": found.dense[2],
        "fused-wide": sum(count * 2 ** (k - 3) for k, count in enumerate(found.dense, start=1) if k > 3),
    }
