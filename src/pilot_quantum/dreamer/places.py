"""In which file the calibration of a place is kept: by the URL of its pilots, without what amounts say.

The directory is `$PILOT_QUANTUM_HOME/calibrations`; without that variable `$XDG_CACHE_HOME/pilot-quantum/calibrations`,
and without both `~/.cache/pilot-quantum/calibrations`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path


def directory(environ: Mapping[str, str] = os.environ) -> Path:
    """The directory of calibrations; it may not exist yet."""
    if home := environ.get("PILOT_QUANTUM_HOME"):
        return Path(home) / "calibrations"
    cache = environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "pilot-quantum" / "calibrations"


def place_of(resource: str) -> str:
    """Where pilots of this URL come from: the URL without its query, for amounts do not change the rate of a core."""
    return resource.partition("?")[0]


def path_of(resource: str, under: Path | None = None) -> Path:
    """The file for pilots of this URL, readable and yet distinct."""
    place = place_of(resource)
    words = re.sub(r"[^A-Za-z0-9]+", "-", place).strip("-")[:60]
    return (under or directory()) / f"{words}-{blake2b(place.encode(), digest_size=4).hexdigest()}.json"
