"""The documentation is true: its examples run, its links lead somewhere.

A page's ```python blocks run in order, as one script in a fresh interpreter and an empty directory, so with a
session of their own. A ```output block says exactly what the python block before it prints. A block that is
not to be run says so in its fence: ```python no-run.
"""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FENCE = re.compile(r"^```(?P<info>[^`\n]*)\n(?P<body>.*?)^```[ ]*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
SPLIT = "\x1e"  # record separator: printed between two blocks, so that output is known by its block
TIMEOUT = 120.0  # seconds for a whole page


@dataclass(frozen=True)
class Block:
    """A fenced block: the words after its fence, its text, and the line (from 1) of its first text line."""

    info: str
    body: str
    line: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text()
    return [Block(m["info"].strip(), m["body"], text.count("\n", 0, m.start("body")) + 1) for m in FENCE.finditer(text)]


def script(page: Path) -> str:
    """The page's python blocks on the lines where the page has them: a traceback names the page's lines."""
    lines: list[str] = []
    for block in blocks(page):
        if block.info == "python":
            lines += [""] * (block.line - 1 - len(lines))
            lines += block.body.splitlines()
            lines.append(f"print({SPLIT!r}, end='', flush=True)")
    return "\n".join(lines) + "\n"


def expected(page: Path) -> list[str | None]:
    """For each python block, what it must print; None where the page does not say."""
    found: list[str | None] = []
    for block in blocks(page):
        if block.info == "python":
            found.append(None)
        elif block.info == "output":
            assert found, f"{page.name}:{block.line}: an output block with no python block before it"
            found[-1] = block.body
    return found


def with_examples() -> list[Path]:
    return [page for page in PAGES if any(block.info == "python" for block in blocks(page))]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", with_examples(), ids=name)
def test_examples_run_and_print_what_the_page_says(page: Path, tmp_path: Path):
    program = tmp_path / f"example_{page.stem.lower().replace('-', '_')}.py"
    program.write_text(script(page))
    try:
        done = subprocess.run(
            [sys.executable, program.name],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as hung:
        pytest.fail(f"{name(page)}: not finished after {hung.timeout:.0f} s; printed so far: {hung.stdout!r}")
    if done.returncode:
        pytest.fail(f"{name(page)}: exit {done.returncode}\n{textwrap.indent(done.stderr, '  ')}", pytrace=False)
    printed = done.stdout.split(SPLIT)
    for wanted, got in zip(expected(page), printed, strict=False):
        if wanted is not None:
            assert got == wanted, f"{name(page)}: the page shows other output than its example prints"


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = FENCE.sub("", page.read_text())
    titles = re.findall(r"^#+ (.+?)\s*$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_within_the_repository_lead_somewhere(page: Path):
    broken = []
    for match in LINK.finditer(FENCE.sub("", page.read_text())):
        target, _, anchor = match["target"].partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        file = (page.parent / target).resolve() if target else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            broken.append(match["target"])
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_block_says_what_it_is(page: Path):
    """A misspelt fence would silently switch an example off."""
    known = {
        "python",
        "python no-run",
        "output",
        "console",
        "text",
        "toml",
        "json",
        "qasm",
        "yaml",
        "mermaid",
        "bibtex",
    }
    assert {block.info for block in blocks(page)} <= known
