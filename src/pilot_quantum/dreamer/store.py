"""Calibrations kept: one JSON file for each place that pilots come from (`dreamer/places.py`)."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import msgspec

from pilot_quantum.dreamer.calibration import Calibration
from pilot_quantum.errors import CalibrationError


def save(calibration: Calibration, path: Path) -> None:
    """Write `calibration`, whole or not at all. Raises CalibrationError where that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".part", delete=False) as file:
            file.write(msgspec.json.format(msgspec.json.encode(calibration)))
        os.replace(file.name, path)
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
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CalibrationError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from error
    try:
        return msgspec.json.decode(content, type=Calibration)
    except msgspec.MsgspecError as error:
        raise CalibrationError(
            f"{str(path)!r} is no calibration of this version: {error}. Make it anew: pilot-quantum dreamer calibrate"
        ) from error
