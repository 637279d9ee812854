"""`pilot-quantum run` from files to results, each time in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from qiskit import QuantumCircuit, qpy

from pilot_quantum.journal.reader import JournalReader

pytestmark = pytest.mark.requires("aer")

GHZ = 'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[4];\nh q[0];\ncx q[0],q[1];\ncx q[1],q[2];\ncx q[2],q[3];\n'
BELL = (
    'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\nbit[1] a;\nbit[1] b;\n'
    "h q[0];\ncx q[0], q[1];\na[0] = measure q[0];\nb[0] = measure q[1];\n"
)


@pytest.fixture
def circuits(tmp_path: Path) -> Path:
    """A directory with a file of each format."""
    (tmp_path / "ghz.qasm").write_text(GHZ)
    (tmp_path / "bell.qasm3").write_text(BELL)
    flipped, turned = QuantumCircuit(2, name="flipped"), QuantumCircuit(3, name="turned")
    flipped.x(0)
    turned.h(0)
    with (tmp_path / "two.qpy").open("wb") as stream:
        qpy.dump([flipped, turned], stream)
    return tmp_path


def test_values_of_every_circuit_in_three_formats(run_command, circuits: Path):
    files = ("ghz.qasm", "bell.qasm3", "two.qpy")
    ended = run_command("run", *files, "-o", "Z0", "-o", "X0 + 2.5", "--json", "--directory", "session")
    assert ended.code == 0, ended.err
    document = json.loads(ended.out)
    rows = {(row["file"], row["index"], row["name"]): row for row in document["circuits"]}
    values = {key: [value["value"] for value in row["values"]] for key, row in rows.items()}
    assert values == {
        ("ghz.qasm", 0, "ghz"): pytest.approx([0, 2.5]),
        ("bell.qasm3", 0, "bell"): pytest.approx([0, 2.5]),
        ("two.qpy", 0, "flipped"): pytest.approx([-1, 2.5]),
        ("two.qpy", 1, "turned"): pytest.approx([0, 3.5]),
    }
    for row in rows.values():
        assert (row["state"], row["error"], row["shots"], row["pilots"]) == ("done", None, None, ["local-1"])
        assert [value["observable"] for value in row["values"]] == ["Z0", "X0 + 2.5"]
        assert all(value["std"] == 0 for value in row["values"])
        assert row["seconds"] > 0
    assert rows["bell.qasm3", 0, "bell"]["note"] == "final measurements left out"
    assert Path(document["directory"]) == circuits / "session"
    assert [pilot["url"] for pilot in document["pilots"]] == ["local://"]


def test_samples_are_the_same_for_a_seed_on_any_pilots(run_command, circuits: Path):
    arguments = ("run", "ghz.qasm", "bell.qasm3", "--shots", "500", "--seed", "3", "--json")
    one = run_command(*arguments, "--pilot", "local://?cores=1")
    two = run_command(*arguments, "--pilot", "local://?cores=2", "--pilot", "local://?cores=1")
    assert (one.code, two.code) == (0, 0), one.err + two.err
    counts = [[row["counts"] for row in json.loads(ended.out)["circuits"]] for ended in (one, two)]
    assert counts[0] == counts[1]
    assert counts[0][0].keys() == {"0000", "1111"}
    assert counts[0][1].keys() == {"0 0", "1 1"}  # two registers, the first one last
    assert all(sum(found.values()) == 500 for found in counts[0])


def test_the_table_names_circuits_samples_and_where_the_session_is(run_command, circuits: Path):
    ended = run_command("run", "ghz.qasm", "bell.qasm3", "--shots", "100", "--directory", "session")
    assert ended.code == 0, ended.err
    assert all(part in ended.out for part in ("ghz.qasm", "0000", "1111", "0 0", "all qubits measured", "local-1"))
    assert str(circuits / "session") in ended.out
    assert "tasks" in ended.err


def test_a_circuit_too_large_for_every_pilot_is_refused_with_both_figures(run_command, circuits: Path):
    turns = "\n".join(f"rx(0.1) q[{qubit}];" for qubit in range(30))
    (circuits / "wide.qasm").write_text(f'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[30];\n{turns}\n')
    arguments = ("run", "ghz.qasm", "wide.qasm", "--observable", "Z0", "--pilot", "local://?cores=1&memory=2GiB")
    ended = run_command(*arguments)
    assert ended.code == 2
    assert ended.out == ""
    assert all(part in ended.err for part in ("wide.qasm", "2 GiB", "40"))


def test_a_directory_that_cannot_be_written_is_named(run_command, circuits: Path):
    (circuits / "file").write_text("")
    ended = run_command("run", "ghz.qasm", "--directory", "file/below")
    assert ended.code == 1
    assert "file/below" in ended.err
    assert "Traceback" not in ended.err


def test_ctrl_c_prints_what_had_finished_and_leaves_a_readable_journal(command, circuits: Path):
    chain = "".join(f"cx q[{qubit}],q[{qubit + 1}];\n" for qubit in range(21))
    layers = "".join(f"rx(0.{layer + 1}) q;\n{chain}" for layer in range(9)) * 50  # minutes of work
    (circuits / "deep.qasm").write_text(f'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[22];\n{layers}')
    arguments = ("run", "ghz.qasm", "deep.qasm", "-o", "Z0", "-p", "local://?cores=1", "--directory", "session")
    process = subprocess.Popen(
        [*command, *arguments],
        cwd=circuits,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # as in a terminal: the signal goes to the whole group
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("1/2 tasks"):
                break
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert "ghz.qasm" in out
    assert "+0.0000000000" in out
    assert "cancelled" in out
    assert "Traceback" not in err
    with JournalReader(circuits / "session") as reader:
        assert reader.life == "ended"
        assert (reader.counts.done, reader.counts.cancelled, reader.counts.unfinished) == (1, 1, 0)
