"""A value that a session keeps for its tasks: pickled once, and passed to them by this handle."""

from __future__ import annotations

from typing import Any, Generic, NoReturn, TypeVar, cast

from pilot_quantum.errors import NotPicklableError, SessionClosedError
from pilot_quantum.resource import payload
from pilot_quantum.resource.units import format_bytes
from pilot_quantum.resource.values.file import Reference, loads
from pilot_quantum.resource.values.store import Store

T = TypeVar("T")


class Stored(Generic[T]):
    """Stands for a value among the arguments of tasks, also inside lists, tuples, dicts: the task gets the value.

    Each task gets an object of its own. Arrays in it lie in memory that all tasks of a host share, and are read-only.
    The session keeps the value until the handle is dropped and no task needs it any more, or the session is closed.
    """

    __slots__ = ("__weakref__", "_content", "kind", "size")

    def __init__(self, value: T, store: Store) -> None:
        """Raises NotPicklableError, OSError when there is no room for it."""
        self.kind = type(value).__qualname__
        """The name of the value's type."""
        try:
            parts = payload.pack(value, frozen=True)
        except Exception as error:
            raise NotPicklableError(
                f"a {self.kind} cannot be stored: {type(error).__name__}: {error}. Store plain data, or build the "
                "object inside the task."
            ) from error
        self.size = sum(memoryview(part).nbytes for part in parts)
        """Bytes that it takes."""
        if self.size > payload.LARGEST and not store.shares:
            raise NotPicklableError(
                f"a {self.kind} of {format_bytes(self.size)} cannot be stored: there is no shared memory for it (this "
                f"system has none, or too many values are stored), and a message takes {format_bytes(payload.LARGEST)}."
            )
        self._content: bytes | None = store.keep(parts)

    @property
    def content(self) -> bytes:
        """What travels to a task in its place. Raises SessionClosedError."""
        if self._content is None:
            raise SessionClosedError(f"this {self.kind} went with its session, which is closed.")
        return self._content

    def get(self) -> T:
        """The value as tasks see it. Raises SessionClosedError."""
        content = self.content
        return cast(T, content.value.load() if isinstance(content, Reference) else loads(content))

    def release(self) -> None:
        """Let the value go: its session is closed."""
        self._content = None

    def __reduce_ex__(self, protocol: object) -> Any:
        placeholder = payload.reference(self)
        if placeholder is None:
            _refuse(self)
        return placeholder

    def __repr__(self) -> str:
        return f"<Stored {self.kind}, {format_bytes(self.size)}>"


def _refuse(stored: Stored[Any]) -> NoReturn:
    raise TypeError(f"{stored!r} cannot be pickled: pass it as an argument of a task; a function must not capture it.")
