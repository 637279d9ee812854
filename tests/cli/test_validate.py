"""`pilot-quantum dreamer validate` on a suite of two, end to end, and what is refused."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from pilot_quantum.circuit import families
from pilot_quantum.cli import dreamer, setups, validation
from pilot_quantum.cli.main import app
from pilot_quantum.dreamer import public_suite as suites
from pilot_quantum.dreamer.public_suite import Case
from pilot_quantum.dreamer.validation import Figures
from pilot_quantum.errors import InvalidDescriptionError, PilotQuantumError

pytestmark = pytest.mark.requires("aer")

CASES = (
    Case("chain", families.tfim(6, 2, 0.5), "Z0 Z1"),
    Case("clusters", families.clustered((7, 7), 6, 1, seed=1), "Z0 Z13"),
)
runner = CliRunner()
validate = ["dreamer", "validate", "--no-calibrate", "--rounds", "1"]


@pytest.fixture
def few(monkeypatch, tmp_path):
    """Two cases, two to fit the power law to, and a home of its own."""
    monkeypatch.setenv("PILOT_QUANTUM_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(suites, "public_suite", lambda: CASES)
    fitting = suites.power_law_suite()
    monkeypatch.setattr(suites, "power_law_suite", lambda: fitting[:2])


@pytest.fixture
def one_setup(monkeypatch, few):
    """The first set-up alone."""
    monkeypatch.setattr(setups, "SETUPS", setups.SETUPS[:1])


def test_predictions_are_held_against_measurements_on_three_setups(few):
    done = runner.invoke(app, [*validate, "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["cases"], found["calibrated"], found["faults"]) == (2, False, [])
    assert list(found["setups"]) == ["1 worker", "2 workers", "2 unlike workers"]
    assert [row["case"] for row in found["rows"]] == ["chain", "clusters"] * 3
    for row in found["rows"]:
        assert row["auto"]
        assert row["difference"] < 1e-7
        assert row["ratio"] >= 1
        names = [one["name"] for one in row["candidates"]]
        assert {row["chosen"], row["best"], "aer"} <= set(names)
        assert all(one["seconds"] for one in row["candidates"])
    assert any(one["method"] == "cut" for row in found["rows"] for one in row["candidates"])
    assert 0 <= found["top1"] <= 1 <= found["regret"] <= found["regret_worst"]
    assert 0 < found["value_accuracy"] <= 1
    assert found["auto_geomean"] > 0
    assert set(found["power_laws"]) == set(found["setups"])


def test_people_get_a_line_for_each_case_and_the_figures(one_setup):
    done = runner.invoke(app, [*validate, "--only", "chain"])
    assert done.exit_code == 0, done.output
    assert "chain" in done.stdout
    assert "clusters" not in done.stdout
    assert "value accuracy" in done.stdout
    assert "rates assumed" in done.stdout


@pytest.mark.requires("matplotlib")
def test_figures_are_drawn(one_setup, tmp_path):
    done = runner.invoke(app, [*validate, "--only", "chain", "--plot", str(tmp_path / "figures"), "--json"])
    assert done.exit_code == 0, done.output
    assert {file.name for file in (tmp_path / "figures").iterdir()} == {"predicted-measured.png", "regret.png"}


@pytest.mark.requires("matplotlib")
def test_where_figures_cannot_be_drawn_nothing_is_measured(one_setup, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(validation, "measured", lambda *_: pytest.fail("it was measured"))
    done = runner.invoke(app, [*validate, "--plot", str(tmp_path / "file")])
    assert isinstance(done.exception, PilotQuantumError)
    assert "--plot DIR" in str(done.exception)


def test_ctrl_c_prints_what_there_is(one_setup, monkeypatch):
    whole, calls = validation.measured, []

    def interrupted(stage, case, *arguments):
        calls.append(case.name)
        if case.name == "clusters":
            raise KeyboardInterrupt
        return whole(stage, case, *arguments)

    monkeypatch.setattr(validation, "measured", interrupted)
    done = runner.invoke(app, [*validate, "--json"])
    assert done.exit_code == 130
    found = json.loads(done.stdout)
    assert found["interrupted"]
    assert [row["case"] for row in found["rows"]] == ["chain"]


@pytest.mark.parametrize("option", ["--calibrate", "--no-calibrate"])
def test_ctrl_c_before_the_first_row_prints_every_key(one_setup, monkeypatch, option):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(dreamer, "calibrated_on", interrupted)
    monkeypatch.setattr(validation, "measured", interrupted)
    done = runner.invoke(app, ["dreamer", "validate", option, "--json"])
    assert done.exit_code == 130
    found = json.loads(done.stdout)
    assert (found["interrupted"], found["rows"], found["cases"]) == (True, [], 0)
    assert found["top1"] is found["auto_worst"] is None
    assert set(Figures.__struct_fields__) <= set(found)


def test_a_wrong_value_fails_the_command(one_setup, monkeypatch):
    whole = validation.measured

    def wrong(stage, case, *arguments):
        import msgspec

        return msgspec.structs.replace(whole(stage, case, *arguments), difference=0.01)

    monkeypatch.setattr(validation, "measured", wrong)
    done = runner.invoke(app, [*validate, "--only", "chain", "--json"])
    assert done.exit_code == 1
    assert "values differ by 0.01" in json.loads(done.stdout)["faults"][0]
    assert "values differ" in done.stderr


@pytest.mark.parametrize(("given", "says"), [(["--suite", "publc"], "public"), (["--only", "nothing"], "nothing")])
def test_an_unknown_suite_or_case_is_refused(given, says):
    done = runner.invoke(app, ["dreamer", "validate", *given])
    assert isinstance(done.exception, InvalidDescriptionError)
    assert says in str(done.exception)
