"""A bounded cache in a worker: what was used longest ago goes first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Cache(Generic[Key, Value]):
    """Values by content, `limit` in total weight; the newest is kept however heavy. For one thread at a time."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.weight = 0
        self._kept: OrderedDict[Key, tuple[Value, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Key, weight: int, make: Callable[[], Value]) -> Value:
        """The value of `key`; made, and others dropped for its `weight`, where it is not there."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key][0]
        value = make()
        self._kept[key] = value, weight
        self.weight += weight
        while self.weight > self.limit and len(self._kept) > 1:
            _, (_, freed) = self._kept.popitem(last=False)
            self.weight -= freed
        return value
