"""`import pilot_quantum` is light: what is heavy or optional is imported inside the adapter that needs it."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = {
    "IPython",
    "amazon_braket",
    "braket",
    "cirq",
    "dask",
    "distributed",
    "matplotlib",
    "mpi4py",
    "numba",
    "numpy",
    "pandas",
    "pennylane",
    "pydantic",
    "qiskit",
    "qiskit_aer",
    "qiskit_ibm_runtime",
    "ray",
    "rich",
    "rustworkx",
    "scipy",
    "symengine",
    "torch",
    "typer",
}


def modules_after(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter holds after `statement`."""
    program = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


def test_importing_the_package_imports_nothing_heavy():
    assert modules_after("import pilot_quantum") & HEAVY == set()


def test_the_public_names_of_the_core_import_nothing_heavy():
    """The names too, not only the package: a lazy `__getattr__` must not hide a heavy import."""
    loaded = modules_after("from pilot_quantum import Session, Needs, PilotDescription, TaskFuture")
    assert loaded & HEAVY == set()


def test_every_public_name_can_be_had():
    statement = "import pilot_quantum as pq\nfor name in pq.__all__: getattr(pq, name)"
    assert "pilot_quantum" in modules_after(statement)


def test_sessions_know_what_pilots_offer_without_the_extras():
    """Predictions are read where nothing that could simulate is installed."""
    statement = "import pilot_quantum.session, pilot_quantum.dreamer.calibration, pilot_quantum.dreamer.store"
    assert modules_after(statement) & {"scipy", "qiskit", "qiskit_aer", "opt_einsum"} == set()
