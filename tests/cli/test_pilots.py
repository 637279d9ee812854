from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pilot_quantum.cli.main import app
from pilot_quantum.errors import InvalidDescriptionError
from pilot_quantum.resource.description import PilotDescription
from pilot_quantum.resource.launchers.dry_run import dry_run
from pilot_quantum.resource.launchers.shell import Finished, ShellError

runner = CliRunner()
HOME = Finished(0, "/home/u", "")


class Told:
    """A shell whose commands are told what to answer, by their program's name."""

    place = ""

    def __init__(self, answers: dict[str, Finished | ShellError], place: str = "") -> None:
        self.answers = answers
        self.place = place

    def run(self, argv, input=b"", timeout=60.0):
        program = next(word for word in argv if word not in ("env", "-u") and word.upper() != word)
        answer = self.answers.get(program.rpartition("/")[2], Finished(0, "", ""))
        if isinstance(answer, ShellError):
            raise answer
        return answer

    def write(self, path, content, mode=0o600, timeout=60.0):
        raise AssertionError("a dry run writes nothing")


def test_a_local_pilot_is_right():
    result = runner.invoke(app, ["pilots", "check", "local://?cores=1"])
    assert result.exit_code == 0
    assert "ok   this machine" in result.output


def test_a_wrong_url_is_the_users_fault():
    result = runner.invoke(app, ["pilots", "check", "slurm:///p?nodes=many"])
    assert isinstance(result.exception, InvalidDescriptionError)


def test_a_slurm_pilot_without_slurm_says_so():
    missing = Told({"sbatch": ShellError("sbatch cannot be run here: No such file or directory")})
    found = dry_run(PilotDescription(f"slurm:///p?address=1.2.3.4&interpreter={sys.executable}"), lambda _: missing)
    assert not found.ok
    assert "#SBATCH --partition=p" in found.script
    assert "sbatch cannot be run here" in found.findings[0].found


def test_an_interpreter_without_our_package_comes_with_advice():
    bare = Finished(1, "", "Traceback …\nModuleNotFoundError: No module named 'pilot_quantum'\n")
    found = dry_run(
        PilotDescription("slurm://h1/?interpreter=/opt/py"), lambda host: Told({"py": bare, "sh": HOME}, host)
    )
    failed = [finding for finding in found.findings if not finding.ok]
    assert [finding.what for finding in failed] == ["/opt/py on h1"]
    assert "install pilot-quantum" in failed[0].advice


def test_another_version_of_python_is_found_before_anything_waits():
    facts = {"python": "3.6.1", "versions": {"pilot-quantum": "0.0.1"}, "host": "h1", "pid": 1}
    other = Finished(0, json.dumps(facts), "")
    found = dry_run(
        PilotDescription("slurm://h1/?interpreter=/opt/py"), lambda host: Told({"py": other, "sh": HOME}, host)
    )
    assert not found.ok
    assert any("3.6" in finding.found for finding in found.findings if not finding.ok)


def test_a_host_that_cannot_be_reached_is_told_in_sshs_words():
    found = dry_run(PilotDescription("ssh://h1"), lambda host: Told({"true": ShellError("Permission denied")}, host))
    assert [(finding.ok, finding.found) for finding in found.findings] == [(False, "Permission denied")]


@pytest.mark.requires("slurm")
def test_slurm_is_asked_and_nothing_is_submitted(slurm, monkeypatch):
    for name, value in slurm.environment.items():
        monkeypatch.setenv(name, value)
    good = runner.invoke(app, ["pilots", "check", "slurm:///normal?nodes=2&walltime=90s"])
    assert good.exit_code == 0
    assert "#SBATCH --time=00:02:00" in good.output
    assert f"address for agents: {slurm.hosts.root_address}" in good.output
    bad = runner.invoke(app, ["pilots", "check", "slurm:///nowhere", "--json"])
    assert bad.exit_code == 1
    assert "invalid partition" in json.loads(bad.output)["findings"][0]["found"].lower()
    long = runner.invoke(app, ["pilots", "check", "slurm:///?walltime=2h", "--json"])
    assert long.exit_code == 1
    said = json.loads(long.output)["findings"][0]
    assert said["found"] == "a walltime of 02:00:00 is beyond the limit of partition normal, 01:00:00"
    assert "less walltime" in said["advice"]
    assert runner.invoke(app, ["pilots", "check", "slurm:///quantum?walltime=3m"]).exit_code == 1
    assert slurm.jobs() == set()
    assert not Path(".pilot-quantum/dry-run").exists()
