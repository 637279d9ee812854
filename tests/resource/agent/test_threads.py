"""Threads and GPUs follow the slot: what `adopt` does in one process. What tasks see: tests/resource/test_pilot.py."""

from __future__ import annotations

import subprocess
import sys

from pilot_quantum.resource.agent import threads


def _run(code: str) -> str:
    setup = "import os\nfrom pilot_quantum.resource.agent import threads\n"
    done = subprocess.run([sys.executable, "-c", setup + code], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


def test_every_limit_names_the_cores_and_cuda_the_gpus() -> None:
    environ = threads.environment(3, "0,2")
    assert environ.pop("CUDA_VISIBLE_DEVICES") == "0,2"
    assert set(environ.values()) == {"3"}
    assert {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PILOT_QUANTUM_CORES"} <= set(environ)


def test_a_library_that_is_loaded_later_reads_the_limit() -> None:
    code = (
        "threads.adopt(1, '')\nimport numpy, threadpoolctl\n"
        "print({p['num_threads'] for p in threadpoolctl.threadpool_info()})"
    )
    assert _run(code) == "{1}"


def test_a_library_that_is_loaded_is_told() -> None:
    code = (
        "import numpy, threadpoolctl\n"
        "for cores in (1, 2, 2, 1):\n"
        "    threads.adopt(cores, '')\n"
        "    print(cores, {p['num_threads'] for p in threadpoolctl.threadpool_info()}, os.environ['OMP_NUM_THREADS'])"
    )
    assert _run(code).splitlines() == ["1 {1} 1", "2 {2} 2", "2 {2} 2", "1 {1} 1"]


def test_a_library_that_came_with_a_wide_task_is_narrowed_for_the_next_one() -> None:
    code = (
        "threads.adopt(2, '')\nimport numpy, threadpoolctl\nthreads.adopt(1, '')\n"
        "print({p['num_threads'] for p in threadpoolctl.threadpool_info()})"
    )
    assert _run(code) == "{1}"


def test_gpus_alone_may_change() -> None:
    code = "threads.adopt(1, '')\nthreads.adopt(1, '1')\nprint(os.environ['CUDA_VISIBLE_DEVICES'])"
    assert _run(code) == "1"


def test_nothing_heavy_is_loaded_for_a_plain_task() -> None:
    code = (
        "import sys\nthreads.adopt(1, '')\nthreads.adopt(2, '')\n"
        "print('numpy' in sys.modules, 'threadpoolctl' in sys.modules)"
    )
    assert _run(code) == "False False"
