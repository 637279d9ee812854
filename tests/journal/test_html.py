from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pilot_quantum.journal.html import render
from pilot_quantum.journal.reader import JournalReader
from pilot_quantum.journal.report import report_of
from pilot_quantum.journal.store import JournalWriter

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def page(story: Path) -> str:
    with JournalReader(story) as reader:
        return render(report_of(reader))


def test_the_page_is_whole_and_needs_nothing_from_elsewhere(page: str) -> None:
    parser = Page()
    parser.feed(page)
    assert parser.open == []
    assert parser.links == []
    assert not parser.tags & {"script", "link", "img", "iframe"}
    assert "http" not in re.sub(r"<svg[^>]*>", "", page)


def test_the_page_escapes_every_text(page: str) -> None:
    assert "step &lt;1&gt;" in page
    assert "<1>" not in page
    assert "ValueError: &lt;angle&gt; &amp; more" in page


def test_the_page_tells_figures_failures_and_losses(page: str) -> None:
    assert "100.0 %" in page
    assert "worker local-1/1 lost: SIGKILL" in page
    assert page.count("<svg") == 3


def test_an_empty_session_has_a_page(writer: JournalWriter) -> None:
    writer.close()
    with JournalReader(writer.path.parent) as reader:
        page = render(report_of(reader))
    for words in ("No task was submitted.", "The session had no pilot.", "No task ran.", "No task failed."):
        assert words in page


def test_many_tasks_and_long_causes_make_a_small_page(writer: JournalWriter) -> None:
    import time

    now = time.monotonic()
    for task in range(0, 60_000, 500):
        rows = []
        for number in range(task, task + 500):
            at = (1, 0, "p", f"p/{number % 40}")
            end = "failed" if number % 10 == 0 else "done"
            cause = "x" * 3000 if end == "failed" and number < 5000 else ""
            began = now + number * 1e-4
            rows += [(began, number, "running", *at, ""), (began + 3e-3, number, end, *at, cause)]
        writer.task_rows(rows)
    writer.close()
    with JournalReader(writer.path.parent) as reader:
        page = render(report_of(reader))
    assert len(page.encode()) < 2_000_000
    assert "5,900 more lines" in page
