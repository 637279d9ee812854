"""Calibrations kept: one JSON file for each place that pilots come from (`dreamer/places.py`)."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EISDIR
from pathlib import Path

import msgspec

from pilot_quantum.dreamer.calibration import Calibration
from pilot_quantum.errors import CalibrationError


def require_writable(path: Path) -> None:
    """Raise CalibrationError where `save` could not write to `path`: to ask before measuring takes a minute."""
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
        tempfile.TemporaryFile(dir=path.parent).close()


def save(calibration: Calibration, path: Path) -> None:
    """Write `calibration`, whole or not at all. Raises CalibrationError where that cannot be done."""
    content = msgspec.json.format(msgspec.json.encode(calibration))
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, part = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        try:
            with open(descriptor, "wb") as file:
                file.write(content)
            os.replace(part, path)
        except BaseException:  # a full disk, Ctrl-C
            os.unlink(part)
            raise


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CalibrationError(
            f"the calibration cannot be written to {str(path)!r}: {error.strerror or error}. "
            "Name another directory: PILOT_QUANTUM_HOME=DIR"
        ) from error


def load(path: Path) -> Calibration | None:
    """The calibration in `path`; None where there is no such file.

    Raises CalibrationError where it cannot be read. Before it is used, `Calibration.check` says whether it may be.
    """
    try:
        if path.exists() and not path.is_file():  # reading a pipe would wait for whoever writes to it
            raise CalibrationError(
                f"{str(path)!r} cannot be read: it is no regular file. Remove it, and make a calibration: "
                "pilot-quantum dreamer calibrate"
            )
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CalibrationError(
            f"{str(path)!r} cannot be read: {error.strerror or error}. Allow that, or name another directory: "
            "PILOT_QUANTUM_HOME=DIR"
        ) from error
    try:
        return msgspec.json.decode(content, type=Calibration)
    except msgspec.MsgspecError as error:
        raise CalibrationError(
            f"{str(path)!r} is no calibration of this version: {error}. Make it anew: pilot-quantum dreamer calibrate"
        ) from error
