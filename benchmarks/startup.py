"""How long to the first answer: `import pilot_quantum`, and from process start to a first no-op's result."""

from __future__ import annotations

import subprocess
import sys
import time

import msgspec

from benchmarks.pairs import Machine, Samples, emit, in_turns, machine, parser, session_directory

IMPORT = "import time; t = time.perf_counter(); import pilot_quantum; print(time.perf_counter() - t)"
# `operator.neg` lives in the standard library: the worker has nothing to fetch or import.
FIRST_RESULT = """
import operator, sys
import pilot_quantum as pq
with pq.Session(sys.argv[1]) as session:
    session.add_pilot("local://?cores=2")
    print(session.submit(operator.neg, 1).result(), flush=True)
"""


class Startup(msgspec.Struct, frozen=True):
    """Seconds; medians of the rounds, after one that is not counted."""

    import_s: float
    first_result_s: float
    imports: Samples
    first_results: Samples
    settings: str
    machine: Machine


def import_seconds() -> float:
    """Seconds that a fresh interpreter takes to import the package, with files cached and compiled."""
    done = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True)
    return float(done.stdout)


def first_result_seconds() -> float:
    """Seconds from starting a process to its first result: interpreter, imports, pilot, worker included."""
    with session_directory() as directory:
        start = time.perf_counter()
        command = [sys.executable, "-c", FIRST_RESULT, directory]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            seconds = time.perf_counter() - start
    if line.strip() != "-1":
        raise AssertionError(f"the program printed {line!r} instead of -1, exit code {process.returncode}")
    return seconds


def main() -> None:
    """Run the benchmark from the command line."""
    args = parser(__doc__).parse_args()
    facts = machine()
    imports, first = in_turns([import_seconds, first_result_seconds], "s", args.pairs)
    emit(
        Startup(
            import_s=imports.median,
            first_result_s=first.median,
            imports=imports,
            first_results=first,
            settings="fresh interpreters; Session(), local://?cores=2, submit(operator.neg, 1).result()",
            machine=facts,
        ),
        args.json,
    )


if __name__ == "__main__":
    main()
