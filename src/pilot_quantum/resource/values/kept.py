"""A result that stays with the head agent of an allocation until somebody asks for it, as its session knows it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import NamedTuple, Protocol

from pilot_quantum.errors import ResultLostError
from pilot_quantum.resource.units import format_bytes

MAGIC = b"\0PQK"
"""With which the words for a kept result begin; no pickle, content or reference to a file does."""
LEAST = 4096
"""Bytes from which a result stays where it is; a smaller one comes along: to ask for it later would cost as much."""

Key = tuple[int, int]
"""Whose result it is: task, attempt."""


class Words(NamedTuple):
    """What is known of a kept result, as it travels."""

    task: int
    attempt: int
    size: int
    digest: str

    def encode(self) -> bytes:
        """These words as they stand in the place of the value."""
        return MAGIC + ":".join(map(str, self)).encode()


def are_words(value: bytes) -> bool:
    """Whether these bytes stand for a kept result."""
    return value[: len(MAGIC)] == MAGIC


def decode(value: bytes) -> Words:
    """The words in these bytes. Raises ValueError."""
    task, attempt, size, digest = value[len(MAGIC) :].decode().split(":")
    return Words(int(task), int(attempt), int(size), digest)


class Keeper(Protocol):
    """The engine of the allocation where results are kept."""

    pilot: str
    allocation: str

    def fetch(self, kept: Kept) -> None:
        """Bring it to the session, soon; from any thread."""

    def let_go(self, key: Key) -> None:
        """Nobody wants it any more; from any thread, also while objects are being collected."""


class Kept:
    """One kept result: it is there, or it has come (`content`), or it is lost (`cause`). Used from any thread.

    It goes from the agent when it has come, or with the last reference to this object.
    """

    def __init__(self, words: Words, keeper: Keeper) -> None:
        self.words = words
        self.keeper = keeper
        self.label = ""
        """How people call its task."""
        self.why = ""
        """For what it was asked, first."""
        self.content: bytes | None = None
        """Once it has come: the pickled value, or a reference to it."""
        self.cause = ""
        """Once it is lost: why."""
        self.loading = threading.RLock()
        """Held by who makes the value of the content."""
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._callbacks: list[Callable[[Kept], None]] = []
        self._process = os.getpid()

    @property
    def key(self) -> Key:
        """Whose result it is."""
        return self.words.task, self.words.attempt

    @property
    def reference(self) -> KeptReference:
        """What stands for it among the inputs of tasks."""
        reference = KeptReference(self.words.encode())
        reference.kept = self
        return reference

    @property
    def settled(self) -> bool:
        """Whether it has come, or is lost."""
        return self._over.is_set()

    @property
    def place(self) -> str:
        """How much it is, and where, for people."""
        keeper = self.keeper
        return f"{format_bytes(self.words.size)} on pilot {keeper.pilot!r} (allocation {keeper.allocation})"

    @property
    def error(self) -> ResultLostError:
        """The error of who asks for it when it is lost."""
        task = f"{self.words.task} ({self.label})" if self.label else f"{self.words.task}"
        cause = self.cause.rstrip(".")
        return ResultLostError(
            f"the result of task {task} was kept, {self.place}, and is lost: {cause}. The task was done, so it is not "
            "run again: submit it anew, without keep_remote=True if its result has to outlive its pilot."
        )

    def ask(self, why: str) -> None:
        """Have it brought to the session, if that has not been asked for yet."""
        with self._lock:
            if self.why or self.settled:
                return
            self.why = why
        self.keeper.fetch(self)

    def wait(self, timeout: float | None) -> bool:
        """Wait until it has come or is lost, `timeout` seconds at most; whether that is so. Lost in a forked child."""
        if not self.settled and os.getpid() != self._process:
            self.lose(f"it is for process {self._process}, and this is a child that it forked")
        return self._over.wait(timeout)

    def when_settled(self, callback: Callable[[Kept], None]) -> None:
        """Call `callback` with this when it has come or is lost: on the loop's thread, or now."""
        with self._lock:
            if not self.settled:
                self._callbacks.append(callback)
                return
        callback(self)

    # For its keeper.

    def arrive(self, content: bytes) -> None:
        """It has come."""
        self._settle(content, "")

    def lose(self, cause: str) -> None:
        """It is gone."""
        self._settle(None, cause or "nobody knows why")

    def _settle(self, content: bytes | None, cause: str) -> None:
        with self._lock:
            if self.settled:
                return
            self.content, self.cause = content, cause
            self._over.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)

    def __del__(self) -> None:
        over = getattr(self, "_over", None)
        if over is not None and not over.is_set() and os.getpid() == self._process:
            self.keeper.let_go(self.key)


class KeptReference(bytes):
    """Stands for a kept result where its bytes would stand; it keeps it from going."""

    kept: Kept
