"""Benchmarks run, at a small size, and print the keys that others rely on. Their figures are not judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT = 120.0  # seconds

KEYS = {
    "throughput --tasks 200 --sleeps 20 --lone 5": {
        "ours_per_s",
        "peer_per_s",
        "ratio",
        "latency_ms",
        "peer_latency_ms",
        "latency_ratio",
        "sleep_efficiency",
        "machine",
    },
    "scale --tasks 2000": {
        "bytes_per_task",
        "submit_per_s",
        "decision_us_1e3",
        "decision_us_1e6",
        "decision_ratio",
        "machine",
    },
    "arguments --tasks 20 --megabytes 2": {
        "put_ms",
        "direct_ms",
        "pool_ms",
        "scatter_ms",
        "direct_over_put",
        "pool_over_put",
        "scatter_over_put",
        "machine",
    },
    "cost_models --widest 8": {"value_accuracy", "noise_floor", "models", "machine"},
    "cut_finding --families ghz": {"instances", "ours_ms_median", "speedup_geomean", "speedup_least", "machine"},
    "cutting --qubits 6 --width 3 --shots 64 --wide 12": {
        "exact_speedup",
        "sampled_speedup",
        "uncut_speedup",
        "machine",
    },
    "planning --wide 20 --small 6": {"wide_ms", "wide_thorough_ms", "small_ms", "machine"},
    "startup": {"import_s", "first_result_s", "machine"},
}


@pytest.mark.parametrize("command", KEYS, ids=lambda command: command.split()[0])
def test_a_benchmark_prints_json_alone_with_the_promised_keys(command: str):
    name, *options = command.split()
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *options, "--pairs", "1", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert KEYS[command] <= figures.keys()
    assert all(figures[key] > 0 for key in KEYS[command] - {"machine", "models"})
