"""Words as another host's login shell must get them, whichever shell that is."""

from __future__ import annotations

import re
from collections.abc import Sequence

_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,-]+\Z")
_ESCAPED = "\\'!"
"""Characters that shells treat differently inside single quotes: csh expands "!", fish reads escapes."""
_EVALUATE = 'exec "$(command -v bash || command -v sh)" -c "$(printf %b "$0")" sh "$@"'


def quote(word: str) -> str:
    """A word that sh, bash, zsh, csh and fish all read as itself. Raises ValueError for a NUL, which no word holds."""
    if "\0" in word:
        raise ValueError(f"{word!r} holds a NUL character, which no command line can carry.")
    if _PLAIN.match(word):
        return word
    quoted, plain = [], ""
    for character in word:
        if character in _ESCAPED:
            quoted += [f"'{plain}'"] if plain else []
            quoted.append("\\" + character)
            plain = ""
        else:
            plain += character
    quoted += [f"'{plain}'"] if plain or not quoted else []
    return "".join(quoted)


def command_line(argv: Sequence[str]) -> str:
    """One line that a remote login shell takes apart into exactly these words."""
    return " ".join(quote(word) for word in argv)


def script(text: str, *arguments: str) -> list[str]:
    """The words of a command that runs a script, which finds the arguments in `$1` and so on.

    bash runs it where there is one, else sh, whatever the login shell is. The text travels without line ends: csh
    knows no way to quote them.
    """
    encoded = text.replace("\\", "\\\\").replace("\n", "\\n")
    return ["sh", "-c", _EVALUATE, encoded, *arguments]
