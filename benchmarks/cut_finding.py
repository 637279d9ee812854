"""How good and how fast our cut finder is against `find_cuts` of qiskit-addon-cutting.

Good: the 260 recorded instances, our defaults, our least sampling overhead against the recorded one. Fast: 60 of the
instances, both live, in turns, from the QuantumCircuit to the cuts. With `--prove`: for how many of the instances of up
to 20 qubits the best gate cuts are proved to be the best.

The 60: of each pair of family and size, in the order of the file, one width, the next in turn; of each third pair also
the width half a turn further. Where find_cuts was recorded with more than 2 s, `--long-pairs` pairs are run, and
`--pairs` otherwise.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterable, Sequence

import msgspec
from qiskit.circuit import QuantumCircuit
from qiskit_addon_cutting.automated_cut_finding import (  # type: ignore[import-untyped]
    DeviceConstraints,
    OptimizationParameters,
)
from qiskit_addon_cutting.automated_cut_finding import find_cuts as find_cuts_of_addon

from benchmarks.cut_circuits import Instance, instances
from benchmarks.pairs import Machine, emit, machine, parser
from pilot_quantum.circuit.finding import find_cuts

TOLERANCE = 1e-4
"""Relative difference of overheads below which they are equal."""

LONG = 2.0
"""Seconds of find_cuts beyond which an instance is run in fewer pairs."""

PROVE_SECONDS = 60.0
PROVE_QUBITS = 20
SEED = 111  # of find_cuts, for the order in which it tries what costs the same


class Live(msgspec.Struct, frozen=True):
    """One instance run live: medians of the pairs in milliseconds, and both overheads (κ²)."""

    name: str
    ours_ms: float
    find_cuts_ms: float
    speedup: float
    pairs: int
    ours_overhead: float
    find_cuts_overhead: float


class CutFinding(msgspec.Struct, frozen=True):
    """worse, lower: of how many instances our overhead is higher or lower than the recorded one.

    speedup_geomean: find_cuts' time over ours, geometric mean over the live instances. worse_live: as `worse`, against
    what find_cuts found live. proved: the share of the instances up to 20 qubits whose gate cuts are proved optimal.
    """

    worse: int
    lower: int
    instances: int
    ours_ms_median: float
    ours_ms_highest: float
    speedup_geomean: float
    speedup_least: float
    worse_live: int
    proved: float | None
    prove_seconds_highest: float | None
    settings: str
    machine: Machine
    live: tuple[Live, ...]


def chosen(recorded: Sequence[Instance]) -> list[Instance]:
    """The 60 that are run live; see above."""
    pairs: dict[tuple[str, int], list[Instance]] = {}
    for each in recorded:
        pairs.setdefault((each.family, each.qubits), []).append(each)
    found = []
    for turn, widths in enumerate(pairs.values()):
        found.append(widths[turn % len(widths)])
        if turn % 3 == 0:
            found.append(widths[(turn + len(widths) // 2) % len(widths)])
    return found


def ours(circuit: QuantumCircuit, width: int) -> float:
    """The least overhead that our defaults find."""
    return find_cuts(circuit, width).best.overhead


def theirs(circuit: QuantumCircuit, width: int) -> float:
    """The overhead that find_cuts finds."""
    _, facts = find_cuts_of_addon(circuit, OptimizationParameters(seed=SEED), DeviceConstraints(width))
    return float(facts["sampling_overhead"])


def timed(find: Callable[[QuantumCircuit, int], float], instance: Instance) -> tuple[float, float]:
    """Milliseconds and the overhead found."""
    circuit = instance.circuit()
    gc.collect()
    start = time.perf_counter()
    overhead = find(circuit, instance.width)
    return (time.perf_counter() - start) * 1e3, overhead


def live(instance: Instance, pairs: int, warm: bool) -> Live:
    """Both in turns; `warm`: each once before, uncounted. Ours is always warm: its first run takes milliseconds."""
    timed(ours, instance)
    if warm:
        timed(theirs, instance)
    rounds = [(timed(ours, instance), timed(theirs, instance)) for _ in range(pairs)]
    mine = statistics.median(ms for (ms, _), _ in rounds)
    peer = statistics.median(ms for _, (ms, _) in rounds)
    (_, overhead), (_, found) = rounds[0]
    name = f"{instance.family}-{instance.qubits} width {instance.width}"
    return Live(name, round(mine, 3), round(peer, 3), round(peer / mine, 2), pairs, overhead, found)


def prove(recorded: Iterable[Instance]) -> tuple[float, float]:
    """The share of instances whose best gate cuts are proved optimal, and the seconds of the longest."""
    proved, highest = [], 0.0
    for each in recorded:
        start = time.perf_counter()
        findings = find_cuts(each.circuit(), each.width, prove_seconds=PROVE_SECONDS)
        highest = max(highest, time.perf_counter() - start)
        proved.append(findings.gate_cut.proved)
    return sum(proved) / len(proved), round(highest, 3)


def main() -> None:
    """Run the benchmark from the command line."""
    options = parser(__doc__)
    options.add_argument("--long-pairs", type=int, default=1, help="pairs where find_cuts takes over 2 s (%(default)s)")
    options.add_argument("--families", help="only these, separated by commas (default: all)")
    options.add_argument("--prove", action="store_true", help="prove gate cuts optimal up to 20 qubits, 60 s each")
    args = options.parse_args()
    facts = machine()
    wanted = args.families.split(",") if args.families else None
    recorded = [each for each in instances() if wanted is None or each.family in wanted]
    if not recorded:
        options.error(f"no recorded instance is of the families {args.families}")
    found = [timed(ours, each) for each in recorded for _ in range(2)][1::2]
    ratios = [overhead / each.overhead for each, (_, overhead) in zip(recorded, found, strict=True)]
    run = [
        live(each, args.long_pairs if each.seconds > LONG else args.pairs, each.seconds <= LONG)
        for each in chosen(recorded)
    ]
    small = [each for each in recorded if each.qubits <= PROVE_QUBITS]
    proved, highest = prove(small) if args.prove and small else (None, None)
    emit(
        CutFinding(
            worse=sum(ratio > 1 + TOLERANCE for ratio in ratios),
            lower=sum(ratio < 1 - TOLERANCE for ratio in ratios),
            instances=len(recorded),
            ours_ms_median=round(statistics.median(ms for ms, _ in found), 3),
            ours_ms_highest=round(max(ms for ms, _ in found), 3),
            speedup_geomean=round(statistics.geometric_mean(each.speedup for each in run), 2),
            speedup_least=min(each.speedup for each in run),
            worse_live=sum(each.ours_overhead > each.find_cuts_overhead * (1 + TOLERANCE) for each in run),
            proved=proved,
            prove_seconds_highest=highest,
            settings=(
                f"find_cuts(circuit, width) of ours against qiskit_addon_cutting.find_cuts(circuit, "
                f"OptimizationParameters(seed={SEED}), DeviceConstraints(width)), both from the QuantumCircuit on; "
                f"{len(run)} instances live"
            ),
            machine=facts,
            live=tuple(run),
        ),
        args.json,
    )


if __name__ == "__main__":
    main()
