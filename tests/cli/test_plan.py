"""`pilot-quantum plan`: what is printed, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from qiskit import QuantumCircuit, qpy

from pilot_quantum.circuit import families
from pilot_quantum.circuit.export import openqasm2

pytestmark = pytest.mark.requires("aer")

CHAIN = 'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[4];\nry(0.3) q[0];\ncx q[0],q[1];\ncx q[1],q[2];\ncx q[2],q[3];\n'


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    file = tmp_path / "chain.qasm"
    file.write_text(CHAIN)
    return file


def test_every_way_is_listed_and_one_is_chosen(run_command, chain: Path):
    ended = run_command("plan", chain, "--observable", "Z0", "--all", "--pilot", "local://?cores=1")
    assert ended.code == 0, ended.err
    assert "chain.qasm" in ended.out
    assert "chosen" in ended.out
    assert all(name in ended.out for name in ("cone+aer", "mps"))
    assert "planned in" in ended.out
    assert not (chain.parent / ".pilot-quantum").exists()


def test_json_is_one_object_with_a_plan_for_each_circuit(run_command, chain: Path, tmp_path: Path):
    small, wide = QuantumCircuit(3, name="small"), QuantumCircuit(5, name="wide")
    small.h(0)
    wide.h(4)
    with (tmp_path / "two.qpy").open("wb") as stream:
        qpy.dump([small, wide], stream)
    ended = run_command("plan", chain, "two.qpy", "-o", "Z0", "-o", "X1 + 0.5*Z2", "--json")
    assert ended.code == 0, ended.err
    document = json.loads(ended.out)
    assert [one["qubits"] for one in document["plans"]] == [4, 3, 5]
    assert all(one["best"] in {each["name"] for each in one["candidates"]} for one in document["plans"])
    assert [len(one["observables"]) for one in document["plans"]] == [2, 2, 2]
    assert [Path(name.split("[")[0]).name for name in document["files"]][:1] == ["chain.qasm"]


def test_a_circuit_that_fits_nowhere_is_an_error_that_names_the_memory(run_command, tmp_path: Path):
    gates = "".join(f"ry(0.3) q[{i}];\n" for i in range(40))
    pairs = "".join(f"cz q[{i}],q[{j}];\n" for i in range(40) for j in range(i))
    file = tmp_path / "wide.qasm"
    file.write_text(f'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[40];\n{gates}{pairs}{gates}')
    ended = run_command("plan", file, "-o", "X0", "--pilot", "local://?cores=1&memory=150MiB", "--json")
    document = json.loads(ended.out) if ended.out else None
    if document is None:
        assert ended.code == 2
        assert "MiB" in ended.err
    else:  # a matrix-product state may be held to fit; no state vector does
        candidates = document["plans"][0]["candidates"]
        assert all(one["refused"] for one in candidates if one["method"] in ("lightning", "aer-statevector"))


def test_an_error_of_planning_names_the_file(run_command, chain: Path):
    ended = run_command("plan", "chain.qasm", "-o", "Z0", "-p", "local://?cores=1&memory=1MiB")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("pilot-quantum: chain.qasm: ")
    assert "circuit 'chain'" in ended.err


def test_what_cannot_be_meant_is_refused_before_anything_starts(refused, chain: Path):
    without = refused("plan", chain)
    assert (without.code, "--observable" in without.err) == (2, True)
    assert refused("plan", chain, "-o", "Z9").code == 2
    assert refused("plan", "none.qasm", "-o", "Z0").code == 2
    assert refused("plan", chain, "-o", "Z0", "--pilot", "locl://").code == 2
    picture = refused("plan", chain, "-o", "Z0", "--plot", "plan.gif")
    assert (picture.code, ".png" in picture.err) == (2, True)


@pytest.mark.requires("matplotlib")
def test_a_plot_is_drawn(run_command, chain: Path, tmp_path: Path):
    ended = run_command("plan", chain, "-o", "Z0", "--plot", "plan.svg")
    assert ended.code == 0, ended.err
    assert "<svg" in (tmp_path / "plan.svg").read_text()
    lost = run_command("plan", chain, "-o", "Z0", "--plot", "none/plan.svg")
    assert lost.code == 1
    assert "--plot" in lost.err


def test_a_probe_is_made_unless_it_is_unwanted(run_command, tmp_path: Path):
    file = tmp_path / "qft.qasm"
    file.write_text(openqasm2(families.qft(16, 5)))  # of basis states: products all the way, which only a probe can see
    found = {}
    for option in ("--probe", "--no-probe"):
        ended = run_command("plan", file, "-o", "Z15", option, "--all", "--pilot", "local://?cores=1", "--json")
        assert ended.code == 0, ended.err
        plan = json.loads(ended.out)["plans"][0]
        state = next(one for one in plan["candidates"] if one["name"].endswith("mps"))
        found[option] = state["prediction"]["seconds"]
    assert found["--probe"] < found["--no-probe"]


def test_no_job_is_queued_for_a_plan(refused, chain: Path):
    ended = refused("plan", chain, "-o", "Z0", "--pilot", "slurm:///debug")
    assert (ended.code, "planning queues none" in ended.err) == (2, True)
