"""Builds the documentation as HTML: the Markdown pages, and a reference of the public names.

Usage: python docs/build.py [TARGET], by default build/docs. docs/decisions/0001-dependencies.md says why.
"""

from __future__ import annotations

import html
import inspect
import re
import sys
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

import pilot_quantum as pq

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted(ROOT.glob("docs/**/*.md")),
]
REFERENCE = Path("docs/reference.html")
STYLE = """
body { font: 16px/1.55 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem }
body { color: #1b1f24 }
nav { border-bottom: 1px solid #d0d7de; padding-bottom: .6rem; font-size: .9rem }
nav a { margin-right: .8rem }
pre { background: #f6f8fa; padding: .8rem; overflow-x: auto } code { font-size: .92em }
table { border-collapse: collapse }
td, th { border: 1px solid #d0d7de; padding: .3rem .6rem; text-align: left }
@media (prefers-color-scheme: dark) { body { background: #0d1117; color: #e6edf3 }
pre { background: #161b22 }
a { color: #58a6ff } }
"""


def slug(title: str) -> str:
    """The anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def render(page: Path) -> tuple[str, str]:
    """A page's title and its HTML, with anchors at headings and links to pages turned into links to HTML."""
    markdown = MarkdownIt("commonmark").enable("table")
    tokens = markdown.parse(page.read_text())
    title = page.stem
    for token, following in pairwise(tokens):
        if token.type == "heading_open":
            token.attrSet("id", slug(following.content))
            title = following.content if token.tag == "h1" else title
    for token in tokens:
        for child in token.children or []:
            _relink(child)
    return title, markdown.renderer.render(tokens, markdown.options, {})


def _relink(token: Token) -> None:
    target = str(token.attrGet("href") or "")
    if token.type == "link_open" and target and "://" not in target:
        token.attrSet("href", re.sub(r"\.md(?=$|#)", ".html", target))


def reference() -> str:
    """The public names of `pilot_quantum`, their signatures and docstrings, as HTML."""
    parts = ["<h1>Reference</h1>", "<p>What <code>import pilot_quantum as pq</code> gives.</p>"]
    for name in sorted(pq.__all__):
        thing = getattr(pq, name)
        parts.append(f'<h2 id="{name}"><code>pq.{name}{_signature(thing)}</code></h2>{_doc(thing)}')
        if inspect.isclass(thing):
            for member, value in inspect.getmembers(thing):
                documented = inspect.isroutine(value) or isinstance(value, property)
                if documented and not member.startswith("_") and member in _own_names(thing):
                    parts.append(f"<h3><code>{name}.{member}{_signature(value)}</code></h3>{_doc(value)}")
    return "\n".join(parts)


def _own_names(cls: type) -> set[str]:
    return {name for base in cls.__mro__ if base.__module__.startswith("pilot_quantum") for name in vars(base)}


def _signature(thing: object) -> str:
    if not callable(thing):
        return ""
    try:
        return html.escape(str(inspect.signature(thing)))
    except (TypeError, ValueError):  # enums and C functions have none
        return ""


def _doc(thing: object) -> str:
    return MarkdownIt("commonmark").render(inspect.getdoc(thing) or "")


def write(target: Path, title: str, body: str) -> None:
    """One HTML file with the navigation on top."""
    up = "../" * (len(target.relative_to(OUT).parts) - 1)
    links = "".join(
        f'<a href="{up}{path}">{text}</a>'
        for text, path in (
            ("Pilot-Quantum", "README.html"),
            ("Getting started", "docs/tutorial/getting-started.html"),
            ("Docs", "docs/index.html"),
            ("Reference", REFERENCE),
        )
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style><nav>{links}</nav><main>{body}</main></html>\n"
    )


OUT = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT / "build" / "docs"

if __name__ == "__main__":
    for source in PAGES:
        write(OUT / source.relative_to(ROOT).with_suffix(".html"), *render(source))
    write(OUT / REFERENCE, "Reference", reference())
    print(f"{len(PAGES)} pages and the reference: {OUT / 'README.html'}")
