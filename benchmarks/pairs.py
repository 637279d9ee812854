"""The harness of every benchmark: interleaved warm rounds, medians and spread, the machine, JSON or a table.

A ratio is only as good as the comparison behind it. So ours and the peer take turns within one run, both warm
and kept open, at least five times; medians are compared, and the spread is printed so that a reader sees the
noise.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import psutil

MIN_PAIRS = 5
SETTLE = 0.2  # seconds between rounds: what one contender leaves to finish is not charged to the next
PACKAGES = (
    "pilot-quantum",
    "cloudpickle",
    "distributed",
    "loky",
    "msgspec",
    "numpy",
    "qiskit",
    "qiskit-addon-cutting",
    "qiskit-aer",
    "ray",
)


class Samples(msgspec.Struct, frozen=True):
    """One contender's figures, one a round, with their median and range; `unit` says of what."""

    unit: str
    values: tuple[float, ...]
    median: float
    low: float
    high: float

    @classmethod
    def of(cls, unit: str, values: Sequence[float]) -> Samples:
        """The samples of `values`, at least one."""
        rounded = tuple(float(f"{value:.6g}") for value in values)
        return cls(unit, rounded, statistics.median(rounded), min(rounded), max(rounded))


class Ratio(msgspec.Struct, frozen=True):
    """Ours over the peer's: the ratio of the medians, and that of each pair, which shows how steady it is."""

    ratio: float
    pairs: tuple[float, ...]

    @classmethod
    def of(cls, ours: Samples, peer: Samples) -> Ratio:
        """The ratio of two sets of samples that were taken in turns."""
        each = tuple(round(a / b, 3) for a, b in zip(ours.values, peer.values, strict=True))
        return cls(round(ours.median / peer.median, 3), each)


class Machine(msgspec.Struct, frozen=True):
    """What a figure depends on and may be published: no names of hosts or persons."""

    cores: int
    usable_cores: int
    memory_bytes: int
    cpu: str
    system: str
    python: str
    packages: dict[str, str]
    load_average_before: float


def machine() -> Machine:
    """The machine this process runs on, with the load that it already had."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return Machine(
        cores=os.cpu_count() or 1,
        usable_cores=len(os.sched_getaffinity(0)),
        memory_bytes=psutil.virtual_memory().total,
        cpu=_cpu_model(),
        system=f"{platform.system()} {platform.machine()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        packages=versions,
        load_average_before=round(os.getloadavg()[0], 2),
    )


def _cpu_model() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


@contextmanager
def session_directory() -> Iterator[str]:
    """A directory where sessions are by default, so on the same disk, which is removed afterwards."""
    Path(".pilot-quantum").mkdir(exist_ok=True)
    with TemporaryDirectory(dir=".pilot-quantum", prefix="benchmark-") as directory:
        yield directory


def in_turns(
    contenders: Sequence[Callable[[], float]], unit: str, pairs: int = MIN_PAIRS, warm: bool = True
) -> list[Samples]:
    """Run the contenders one after another, `pairs` times; each returns its figure in `unit`.

    With `warm`, every contender runs once before, uncounted. Before each turn garbage is collected and the
    machine left alone for a moment. Raises ValueError for fewer than one pair.
    """
    if pairs < 1:
        raise ValueError(f"{pairs} pairs asked; at least 1 is needed, and {MIN_PAIRS} for a figure to publish")
    values: list[list[float]] = [[] for _ in contenders]
    for turn in range(-1 if warm else 0, pairs):
        for contender, kept in zip(contenders, values, strict=True):
            gc.collect()
            time.sleep(SETTLE)
            figure = contender()
            if turn >= 0:
                kept.append(figure)
    return [Samples.of(unit, kept) for kept in values]


def parser(description: str | None, pairs: bool = True) -> argparse.ArgumentParser:
    """The options that all benchmarks share."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--json", action="store_true", help="print JSON, and nothing else, on stdout")
    if pairs:
        options.add_argument("--pairs", type=int, default=MIN_PAIRS, help="rounds counted (default: %(default)s)")
    return options


def emit(result: msgspec.Struct, as_json: bool) -> None:
    """Print `result`: JSON with all rounds, or a table of its figures for a reader."""
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(result), indent=2).decode() + "\n")
        return
    _table(result, "")


def _table(result: msgspec.Struct, indent: str) -> None:
    for name in result.__struct_fields__:
        value = getattr(result, name)
        if isinstance(value, tuple):
            for index, item in enumerate(value):
                print(f"{indent}{name} {index + 1}")
                _table(item, indent + "  ")
        else:
            print(f"{indent + name:<24} {_shown(value)}")


def _shown(value: object) -> str:
    match value:
        case Samples():
            return f"median {value.median:g} {value.unit}, range {value.low:g} to {value.high:g}"
        case Ratio():
            return f"{value.ratio:g}, pairs {min(value.pairs):g} to {max(value.pairs):g}"
        case Machine():
            packages = ", ".join(f"{name} {version}" for name, version in value.packages.items())
            return (
                f"{value.usable_cores} of {value.cores} cores, {value.memory_bytes / 2**30:.0f} GiB, "
                f"{value.cpu}, {value.system}, {value.python}, load {value.load_average_before:g}; {packages}"
            )
        case float():
            return f"{value:g}"
        case _:
            return str(value)
