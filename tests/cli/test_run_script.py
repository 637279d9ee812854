"""`pilot-quantum run app.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "app.py"
SCRIPT = """
from __future__ import annotations
import sys
from dataclasses import dataclass
import beside

@dataclass
class Pair:
    left: int
    right: int

def pair(number):
    return Pair(number, beside.triple(number))

def main(session):
    found = session.submit(pair, 5).result()
    print(sys.argv[1:], found, type(found) is Pair, len(session.pilots))

if __name__ == "__main__":
    print("run as a program")
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A script in a directory of its own, with a module beside it."""
    directory = tmp_path / "project"
    directory.mkdir()
    (directory / "beside.py").write_text("def triple(number):\n    return 3 * number\n")
    (directory / "app.py").write_text(SCRIPT)
    return directory / "app.py"


def test_its_main_gets_a_session_its_arguments_and_the_modules_beside_it(run_command, script: Path):
    urls = ["--pilot", "local://?cores=1", "--pilot", "local://?cores=1"]
    ended = run_command("run", *urls, script, "--json", "x")
    assert ended.code == 0, ended.err
    assert ended.out == "['--json', 'x'] Pair(left=5, right=15) True 2\n"


def test_its_exception_gives_its_traceback_and_exit_code_1(run_command, script: Path):
    script.write_text("def helper():\n    raise KeyError('mine')\n\ndef main(session):\n    helper()\n")
    ended = run_command("run", "--directory", "session", script)
    assert ended.code == 1
    assert "KeyError: 'mine'" in ended.err
    assert f'File "{script}", line 2, in helper' in ended.err
    assert "cli/run.py" not in ended.err


def test_its_own_exit_code_is_kept(run_command, script: Path):
    script.write_text("import sys\n\ndef main(session):\n    sys.exit(7)\n")
    assert run_command("run", script).code == 7


@pytest.mark.parametrize(
    ("source", "says"), [("x = 1\n", "defines no 'main'"), ("main = 3\n", "its 'main' is 3")], ids=["none", "three"]
)
def test_without_a_main_it_is_refused(refused, script: Path, source: str, says: str):
    script.write_text(source)
    ended = refused("run", script)
    assert ended.code == 2
    assert says in ended.err


def test_what_a_script_cannot_have_is_refused(refused, script: Path):
    assert "no such file" in refused("run", "nowhere.py").err
    assert "--shots, --json" in refused("run", "--json", "--shots", "5", script).err
    assert "run alone" in refused("run", "a.qasm", script).err


@pytest.mark.requires("aer")
def test_the_example_runs(run_command):
    ended = run_command("run", "--pilot", "local://?cores=2", EXAMPLE, "4")
    assert ended.code == 0, ended.err
    assert "lowest energy" in ended.out
    assert "328350" in ended.out
