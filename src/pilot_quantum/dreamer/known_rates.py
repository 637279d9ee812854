"""Pilots' profiles with what calibrating their places has found, where that is of their machines.

Asked before every call of an estimator, so it costs a look at a file's date; nothing heavy is imported, and no file
read, for a place that nobody has calibrated.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

from pilot_quantum.dreamer.places import path_of
from pilot_quantum.resource.profile import Rates, ResourceProfile
from pilot_quantum.resource.site import Machine, Site, look_around

LOCAL = "local://"


class KnownRates:
    """Stored rates by place, each calibration read once, and again when its file has changed."""

    def __init__(self) -> None:
        self._paths: dict[str, Path] = {}
        self._known: dict[tuple[Path, Machine], tuple[int, Site, tuple[Rates, ...]]] = {}

    def on(self, profile: ResourceProfile, resource: str, site: Site | None) -> ResourceProfile:
        """`profile` of a pilot of the URL `resource`, with its place's rates.

        site: what its nodes have said of themselves; None where they have not yet: this process's own for `local://`,
        and else there are no rates. Those of another machine, or of other models, are not used; CalibrationWarning says
        so, once, and names both.
        """
        path = self._paths.get(resource)
        if path is None:
            path = self._paths[resource] = path_of(resource)
        try:
            changed = path.stat().st_mtime_ns
        except OSError:
            return profile
        if site is None:
            if not resource.startswith(LOCAL):
                return profile
            site = look_around()
        known = self._known.get((path, site.machine))
        if known is None or known[0] != changed or known[1] != site:
            known = self._known[path, site.machine] = changed, site, _read(path, site, profile.pilot)
        return replace(profile, rates=known[2]) if known[2] else profile


def _read(path: Path, site: Site, pilot: str) -> tuple[Rates, ...]:
    from pilot_quantum.dreamer.calibration import CalibrationWarning
    from pilot_quantum.dreamer.store import load
    from pilot_quantum.errors import CalibrationError

    try:
        calibration = load(path)
        if calibration is None:
            return ()
        calibration.check(site.machine, site.versions)
    except CalibrationError as error:
        warnings.warn(
            f"pilot {pilot!r}: {str(error).rstrip('.')}. Until then its predictions rest on assumed rates.",
            CalibrationWarning,
            stacklevel=4,
        )
        return ()
    return calibration.rates
