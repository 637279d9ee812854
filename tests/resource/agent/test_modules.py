"""The modules beside a script: the same content has the same hash, and arrives as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from pilot_quantum.resource.agent import modules


def _tree(folder: Path) -> Path:
    (folder / "package" / "sub").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    (folder / "data").mkdir()
    for name in ("one.py", "package/__init__.py", "package/two.py", "package/sub/__init__.py", "package/sub/three.py"):
        (folder / name).write_text(f"# {name}\n")
    (folder / ".hidden" / "__init__.py").write_text("")
    (folder / "data" / "script.py").write_text("")
    (folder / "notes.txt").write_text("")
    return folder


def test_modules_and_packages_travel_and_nothing_else(tmp_path: Path) -> None:
    here = _tree(tmp_path / "here")
    there = tmp_path / "there"
    modules.unpack(modules.pack(here), there)
    files = sorted(path.relative_to(there).as_posix() for path in there.rglob("*") if path.is_file())
    assert files == [
        "one.py",
        "package/__init__.py",
        "package/sub/__init__.py",
        "package/sub/three.py",
        "package/two.py",
    ]
    assert (there / "package" / "two.py").read_text() == "# package/two.py\n"
    assert modules.digest(there) == modules.digest(here)


def test_another_content_has_another_hash(tmp_path: Path) -> None:
    here = _tree(tmp_path)
    before = modules.digest(here)
    (here / "package" / "two.py").write_text("x = 1\n")
    changed = modules.digest(here)
    (here / "package" / "two.py").rename(here / "package" / "four.py")
    assert len({before, changed, modules.digest(here)}) == 3


def test_a_directory_without_modules_has_no_hash(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    assert modules.digest(tmp_path) == ""


def test_too_much_is_refused_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modules, "LIMIT", 100)
    (tmp_path / "large.py").write_text("#" * 200)
    with pytest.raises(modules.TooLargeError, match="directory of its own"):
        modules.digest(tmp_path)
