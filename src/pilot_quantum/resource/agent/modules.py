"""The modules beside the user's script: known by their content, packed where a host has no identical directory."""

from __future__ import annotations

import hashlib
import io
import os
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from pilot_quantum.resource.units import format_bytes

LIMIT = 32 << 20
"""Bytes of source that travel at most."""
_MOST = 10_000
"""Files that are looked at, at most."""


class TooLargeError(Exception):
    """The directory holds more than travels."""


def beside_main() -> Path:
    """The directory of the script that runs, or the working directory (in a notebook, with `-m` or `-c`).

    Also where the script is a command that was installed (pytest, jupyter): the user's code is not beside it.
    """
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None)
    if file and getattr(main, "__spec__", None) is None and os.path.exists(file):
        folder = Path(file).absolute().parent
        if not folder.is_relative_to(sys.prefix) or Path.cwd().is_relative_to(folder):
            return folder.resolve()
    return Path.cwd()


def digest(directory: Path) -> str:
    """The content hash of the modules and packages in a directory; empty where there are none.

    Raises OSError, and TooLargeError naming the directory when there is too much.
    """
    total = hashlib.blake2b(digest_size=16)
    found = False
    for name, data in _files(directory):
        found = True
        for part in (os.fsencode(name), data):
            total.update(len(part).to_bytes(8, "little") + part)
    return total.hexdigest() if found else ""


def pack(directory: Path) -> bytes:
    """Modules and packages as a zip file. Raises what `digest` raises."""
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in _files(directory):
                archive.writestr(zipfile.ZipInfo(name), data)
        return file.getvalue()


def unpack(data: bytes, directory: Path) -> None:
    """Make `directory` out of a zip file. Raises OSError."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(directory)


def _files(directory: Path) -> Iterator[tuple[str, bytes]]:
    """(relative name, content) of all modules, in one order everywhere."""
    size = 0
    for number, path in enumerate(_paths(directory)):
        data = path.read_bytes()
        size += len(data)
        if size > LIMIT or number > _MOST:
            raise TooLargeError(
                f"the Python modules beside the script, in {str(directory)!r}, are more than travels "
                f"({format_bytes(LIMIT)}, {_MOST} files): put the script into a directory of its own, or install them."
            )
        yield path.relative_to(directory).as_posix(), data


def _paths(directory: Path) -> Iterator[Path]:
    """Modules of a directory, and those of its packages; nothing hidden."""
    for entry in sorted(directory.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.suffix == ".py" and entry.is_file():
            yield entry
        elif (entry / "__init__.py").is_file():
            yield from _paths(entry)
