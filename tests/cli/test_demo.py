"""`pilot-quantum demo`: the checks find what is wrong, and the demo as a whole passes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pilot_quantum.circuit import families
from pilot_quantum.circuit.demo_set import DEMO_SET
from pilot_quantum.cli.check import TOLERANCE, checks
from pilot_quantum.cli.outcome import CircuitOutcome, Value

GHZ = families.ghz(4)
ROOT = Path(__file__).parents[2]


def valued(value: float) -> CircuitOutcome:
    return CircuitOutcome("ghz.qasm", 0, "ghz", 4, "done", values=(Value("XXXX", value, 0.0),))


def sampled(counts: dict[str, int]) -> CircuitOutcome:
    return CircuitOutcome("ghz.qasm", 0, "ghz", 4, "done", counts=counts)


def test_a_right_value_is_right_and_a_wrong_one_is_not():
    (right,) = checks(GHZ, valued(1.0 - TOLERANCE / 2))
    (wrong,) = checks(GHZ, valued(1.0 - TOLERANCE * 2))
    assert (right.right, wrong.right) == (True, False)
    assert wrong.exact == pytest.approx(1)


def test_right_samples_are_right():
    (check,) = checks(GHZ, sampled({"0000": 2050, "1111": 2046}))
    assert check.right
    assert check.sampled


def test_an_impossible_outcome_is_named():
    (check,) = checks(GHZ, sampled({"0000": 2050, "1111": 2045, "0001": 1}))
    assert check.problem == "outcome 0001 is impossible"


def test_samples_of_another_distribution_are_wrong():
    (check,) = checks(GHZ, sampled({"0000": 3000, "1111": 1096}))
    assert "do not follow" in check.problem


def test_a_circuit_that_failed_is_wrong():
    (check,) = checks(GHZ, CircuitOutcome("ghz.qasm", 0, "ghz", 4, "failed", error="as told"))
    assert check.problem == "as told"


@pytest.mark.requires("aer")
def test_the_demo_is_right_on_two_pilots_and_leaves_report_and_trace(run_command):
    ended = run_command("demo", "--json", "--circuits", ROOT / "examples" / "circuits")
    assert ended.code == 0, ended.err
    outcome = json.loads(ended.out)
    programs = [program for entry in DEMO_SET for program in entry.programs]
    assert outcome["right"]
    assert {check["circuit"] for check in outcome["checks"]} == {program.name for program in programs}
    assert len(outcome["checks"]) == sum(len(entry.programs) * (len(entry.observables) or 1) for entry in DEMO_SET)
    assert outcome["second_pilot_after"] == -(-outcome["tasks"] // 2)
    assert [pilot["id"] for pilot in outcome["pilots"]] == ["small", "large"]
    assert Path(outcome["report"]).read_text().lstrip().startswith("<!")
    assert json.loads(Path(outcome["trace"]).read_text())
