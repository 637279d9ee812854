"""What `pilot-quantum run` makes of its inputs before anything runs, and how it refuses bad ones."""

from __future__ import annotations

from math import sqrt
from pathlib import Path

import pytest

from pilot_quantum.cli.command import options_end_at_script
from pilot_quantum.cli.request import requests
from pilot_quantum.errors import CircuitError, InvalidDescriptionError

GHZ = 'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[3];\nh q[0];\ncx q[0],q[1];\ncx q[1],q[2];\n'
MEASURED = GHZ + "creg c[3];\nmeasure q -> c;\n"
MIDDLE = GHZ + "creg c[3];\nmeasure q[0] -> c[0];\nh q[0];\n"


@pytest.fixture
def ghz(tmp_path: Path) -> Path:
    (tmp_path / "ghz.qasm").write_text(GHZ)
    return tmp_path / "ghz.qasm"


def test_observables_ask_for_exact_values(ghz: Path):
    (request,) = requests([ghz], ["ZZI", "Z0 Z2"], None, None)
    assert [observable.text for observable in request.observables] == ["ZZI", "Z0 Z2"]
    assert (request.shots, request.precision) == (None, 0.0)


def test_shots_with_observables_become_a_precision(ghz: Path):
    (request,) = requests([ghz], ["ZZI"], 400, None)
    assert (request.shots, request.precision) == (400, 1 / sqrt(400))


def test_without_observables_a_circuit_is_measured_and_sampled(ghz: Path):
    (request,) = requests([ghz], [], None, None)
    assert request.circuit.count_ops()["measure"] == 3
    assert (request.shots, request.note) == (1024, "all qubits measured")


def test_measurements_of_the_file_are_kept_for_samples_and_left_out_for_values(tmp_path: Path):
    (tmp_path / "m.qasm").write_text(MEASURED)
    (sampled,) = requests([tmp_path / "m.qasm"], [], 10, None)
    (valued,) = requests([tmp_path / "m.qasm"], ["ZZZ"], None, None)
    assert (sampled.circuit.count_ops()["measure"], sampled.note) == (3, "")
    assert "measure" not in valued.circuit.count_ops()
    assert valued.note == "final measurements left out"


def test_a_value_of_a_circuit_that_measures_in_the_middle_is_refused(tmp_path: Path):
    (tmp_path / "m.qasm").write_text(MIDDLE)
    with pytest.raises(CircuitError, match=r"m\.qasm measures before its end"):
        requests([tmp_path / "m.qasm"], ["ZZZ"], None, None)
    assert requests([tmp_path / "m.qasm"], [], None, None)[0].note == ""


def test_observables_from_a_file(ghz: Path, tmp_path: Path):
    (tmp_path / "terms.txt").write_text("# two\nZZI +\n IZZ\nX0\n")
    (request,) = requests([ghz], [f"@{tmp_path / 'terms.txt'}", "Z0"], None, None)
    assert [observable.text for observable in request.observables] == ["ZZI + IZZ", "X0", "Z0"]


def test_an_empty_or_missing_file_of_observables_is_refused(ghz: Path, tmp_path: Path):
    (tmp_path / "empty.txt").write_text("# nothing\n")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    for name, says in (("empty.txt", "holds none"), ("none.txt", "No such file"), ("binary.txt", "not text")):
        with pytest.raises(CircuitError, match=says):
            requests([ghz], [f"@{tmp_path / name}"], None, None)


def test_precision_and_shots_exclude_each_other_and_precision_needs_an_observable(ghz: Path):
    with pytest.raises(InvalidDescriptionError, match="give one of them"):
        requests([ghz], ["ZZZ"], 10, 0.1)
    with pytest.raises(InvalidDescriptionError, match="--observable"):
        requests([ghz], [], None, 0.1)


@pytest.mark.parametrize(
    ("given", "split"),
    [
        (["a.qasm", "--json"], ["a.qasm", "--json"]),
        (["-p", "local://", "app.py", "--json"], ["-p", "local://", "--", "app.py", "--json"]),
        (["app.py", "b.py"], ["--", "app.py", "b.py"]),
        (["-o", "x.py", "a.qasm"], ["-o", "x.py", "a.qasm"]),
        (["--", "app.py"], ["--", "app.py"]),
    ],
)
def test_options_after_a_script_are_its_own(given: list[str], split: list[str]):
    assert options_end_at_script(given, {"-o", "-p", "--pilot"}) == split


def test_a_malformed_file_is_named_with_its_line(refused, tmp_path: Path):
    (tmp_path / "bad.qasm").write_text(GHZ + "hh q[0];\n")
    ended = refused("run", "bad.qasm")
    assert ended.code == 2
    assert "bad.qasm, line 7" in ended.err
    assert "'hh'" in ended.err


def test_one_bad_file_among_good_ones_stops_everything(refused, ghz: Path, tmp_path: Path):
    (tmp_path / "bad.qasm").write_text("not a circuit")
    ended = refused("run", ghz, "bad.qasm")
    assert (ended.code, "bad.qasm" in ended.err) == (2, True)


def test_an_observable_of_the_wrong_width_is_named_with_both_widths(refused, ghz: Path):
    ended = refused("run", ghz, "--observable", "ZZ")
    assert ended.code == 2
    assert all(part in ended.err for part in ("'ZZ' is 2 qubits wide", "ghz.qasm has 3 qubits"))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("locl://", "'local'"),
        ("local://?core=2", "'cores'"),
        ("local://?cores=-1", "cores=-1"),
        ("local://?cores=two", "two"),
        ("nonsense", "nonsense"),
    ],
)
def test_a_wrong_pilot_is_named_with_the_nearest_valid_one(refused, ghz: Path, url: str, says: str):
    ended = refused("run", ghz, "--pilot", url)
    assert ended.code == 2
    assert says in ended.err


@pytest.mark.parametrize("arguments", [["--shots", "0"], ["--shots", "many"], ["--seed", "-1"], ["--precision", "-1"]])
def test_impossible_numbers_are_refused(refused, ghz: Path, arguments: list[str]):
    ended = refused("run", ghz, *arguments)
    assert ended.code == 2
    assert arguments[0] in ended.err
