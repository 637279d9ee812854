"""What fragments have to fit: workers of one or several widths, any number of each or so many at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import index

from pilot_quantum.errors import InvalidDescriptionError

Widths = int | Sequence[int] | Mapping[int, int | None]
"""A width in qubits; the widths of worker types, each of which takes fragments one after another, as many as there are;
or how many workers there are of each width, where all fragments run at the same time (None: any number)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The widths that parts may have.

    types: all widths, rising. base: the widest of which there is any number, 0 if there is none.
    wider: one entry for each worker of limited number that is wider than `base`, falling.
    """

    types: tuple[int, ...]
    base: int
    wider: tuple[int, ...] = ()

    @classmethod
    def of(cls, widths: Widths) -> Limits:
        """The limits in their normal form.

        Raises InvalidDescriptionError for what are no whole numbers, for widths below 1, or none at all.
        """
        given = f"widths {widths!r}"
        counts: dict[int, int | None]
        try:
            if isinstance(widths, Mapping):
                counts = {index(width): count if count is None else index(count) for width, count in widths.items()}
            elif isinstance(widths, Iterable):
                counts = dict.fromkeys(map(index, widths))
            else:
                counts = {index(widths): None}
        except TypeError as error:
            raise InvalidDescriptionError(
                f"{given}: give a whole number of qubits such as 27, several as [27, 5], or how many workers there are "
                "of each width as {27: 1, 5: None} (None: any number)"
            ) from error
        if not counts:
            raise InvalidDescriptionError(f"{given} name no worker; give at least one width in qubits, for example 27")
        if min(counts) < 1 or any(count is not None and count < 1 for count in counts.values()):
            raise InvalidDescriptionError(f"{given}: every width and every number of workers has to be at least 1")
        base = max((width for width, count in counts.items() if count is None), default=0)
        wider = [width for width, count in counts.items() if count is not None and width > base for _ in range(count)]
        return cls(tuple(sorted(counts)), base, tuple(sorted(wider, reverse=True)))

    @property
    def widest(self) -> int:
        """The most qubits that a fragment may have."""
        return max(self.base, *self.wider[:1], 0)

    def place(self, width: int) -> int:
        """The width of the narrowest type that a fragment of `width` qubits fits."""
        return next(each for each in self.types if each >= width)
