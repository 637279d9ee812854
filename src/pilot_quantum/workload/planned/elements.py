"""Which observables are wanted with which bindings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.intp]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Elements:
    """Pairs (binding, observable), one for each value that is asked.

    bindings, observables: how many there are of each; some may be in no pair.
    """

    binding: Indices
    observable: Indices
    bindings: int
    observables: int

    @classmethod
    def all(cls, observables: int) -> Elements:
        """Every observable, with the one binding of a circuit without parameters."""
        return cls(np.zeros(observables, dtype=np.intp), np.arange(observables), 1, observables)

    def __len__(self) -> int:
        return len(self.binding)

    @cached_property
    def complete(self) -> bool:
        """Whether every observable is wanted with every binding."""
        return len(self) == self.bindings * self.observables

    @cached_property
    def with_observable(self) -> tuple[Indices, ...]:
        """For each observable the positions of its elements."""
        return grouped(self.observable, self.observables)

    def only(self, positions: Indices) -> Elements:
        """These elements, of the same bindings and observables."""
        return Elements(self.binding[positions], self.observable[positions], self.bindings, self.observables)


def grouped(groups: Indices, count: int) -> tuple[Indices, ...]:
    """For each of `count` groups the positions of its members, rising."""
    order = np.argsort(groups, kind="stable")
    return tuple(np.split(order, np.searchsorted(groups[order], np.arange(1, count))))


def distinct_rows(rows: Floats) -> tuple[Floats, Indices]:
    """The distinct rows, in the order in which they come up, and which of them each row is."""
    if not rows.shape[1]:
        return rows[:1], np.zeros(len(rows), dtype=np.intp)
    places: dict[bytes, int] = {}
    which = np.array([places.setdefault(row.tobytes(), len(places)) for row in rows], dtype=np.intp)
    return rows[np.unique(which, return_index=True)[1]], which
