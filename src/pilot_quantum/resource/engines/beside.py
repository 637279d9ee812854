"""The user's modules, as the session offers them to its agents: hashed and packed once, by a thread."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from pathlib import Path

from pilot_quantum.resource.agent import modules
from pilot_quantum.resource.engines.events import Loop


class Beside:
    """The modules of `directory`."""

    def __init__(self, loop: Loop, directory: Path) -> None:
        self.directory = directory
        self._loop = loop
        self._digest: str | None = None
        self._waiting: list[Callable[[str], None]] = []

    def ask(self, callback: Callable[[str], None]) -> None:
        """Call `callback(digest)` when it is known; the digest is empty where nothing travels."""
        if self._digest is not None:
            callback(self._digest)
            return
        self._waiting.append(callback)
        if len(self._waiting) == 1:
            threading.Thread(target=self._hash, name="pilot-quantum-modules", daemon=True).start()

    def pack(self, callback: Callable[[bytes], None]) -> None:
        """Call `callback(zip file)` soon; without the modules that cannot be read any more."""

        def work() -> None:
            try:
                data = modules.pack(self.directory)
            except (OSError, modules.TooLargeError) as error:
                warnings.warn(f"the modules beside the script do not travel: {error}", stacklevel=1)
                return
            self._loop.call_soon(lambda: callback(data))

        threading.Thread(target=work, name="pilot-quantum-modules", daemon=True).start()

    def _hash(self) -> None:
        try:
            digest = modules.digest(self.directory)
        except (OSError, modules.TooLargeError) as error:
            warnings.warn(f"the modules beside the script do not travel: {error}", stacklevel=1)
            digest = ""
        self._loop.call_soon(lambda: self._tell(digest))

    def _tell(self, digest: str) -> None:
        self._digest = digest
        waiting, self._waiting = self._waiting, []
        for callback in waiting:
            callback(digest)
