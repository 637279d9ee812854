"""Which launcher serves which scheme; each is made, and its code loaded, when it is first wanted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pilot_quantum.resource.engines.events import Loop
from pilot_quantum.resource.launchers.protocol import Launcher

if TYPE_CHECKING:
    from pilot_quantum.resource.engines.reception import Reception


class Launchers:
    """The launchers of one session. `directory`: the session's."""

    def __init__(self, loop: Loop, directory: Path) -> None:
        self._loop = loop
        self._directory = directory
        self._made: dict[str, Launcher] = {}
        self._reception: Reception | None = None

    def get(self, scheme: str) -> Launcher:
        """The launcher of `scheme`."""
        launcher = self._made.get(scheme)
        if launcher is None:
            launcher = self._made[scheme] = self._make(scheme)
        return launcher

    def close(self) -> None:
        """End all that was launched, and wait until it is gone."""
        for launcher in self._made.values():
            launcher.close()
        if self._reception is not None:
            self._reception.close()

    def _make(self, scheme: str) -> Launcher:
        # Imported here: who uses this machine only need not load what reaches others.
        output = self._directory / "output"
        if scheme == "local":
            from pilot_quantum.resource.launchers.local import LocalLauncher

            return LocalLauncher(self._loop, output, self._get_reception)
        if scheme == "ssh":
            from pilot_quantum.resource.launchers.ssh import SshLauncher

            return SshLauncher(self._loop, self._get_reception())
        from pilot_quantum.resource.launchers.batch.launcher import BatchLauncher

        return BatchLauncher(self._loop, self._get_reception(), self._directory, scheme)

    def _get_reception(self) -> Reception:
        from pilot_quantum.resource.engines.reception import Reception

        if self._reception is None:
            self._reception = Reception(self._loop, self._directory / "output")
        return self._reception
