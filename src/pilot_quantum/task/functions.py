"""Functions as content: pickled once, known by their hash, pickled anew when what they capture has changed."""

from __future__ import annotations

import builtins
import functools
import hashlib
import pickle
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pilot_quantum.errors import NotPicklableError
from pilot_quantum.resource.payload import dump_code

_FIXED = (
    int,
    float,
    complex,
    bool,
    str,
    bytes,
    type(None),
    types.ModuleType,
    types.BuiltinFunctionType,
    types.CodeType,
)
"""Types of captured values that cannot change under the same identity."""


_NAMED = (types.FunctionType, types.BuiltinFunctionType, type, functools._lru_cache_wrapper)
"""Types of callables that plain pickle sends by their names."""


@dataclass(frozen=True, slots=True)
class Shippable:
    """A pickled function. `fn` is kept so that its identity stays its own; `captured` are the values it refers to."""

    fn: Callable[..., Any]
    label: str
    digest: str
    blob: bytes
    captured: tuple[Any, ...] | None

    def fresh(self) -> bool:
        """Whether the pickled form still says what the function would do now."""
        if self.captured is None:
            return False
        if not self.captured:
            return True
        now = tuple(_captured(self.fn))
        return len(now) == len(self.captured) and all(a is b for a, b in zip(now, self.captured, strict=True))


def ship(fn: Callable[..., Any]) -> Shippable:
    """`fn` pickled. Raises NotPicklableError naming it, TypeError when it is not callable."""
    if not callable(fn):
        raise TypeError(f"{fn!r} is not callable: submit(fn, *args) takes a function first.")
    label = label_of(fn)
    try:
        blob = _by_reference(fn)
        captured: tuple[Any, ...] | None = ()
        if blob is None:
            blob = dump_code(fn)
            captured = _frozen_captures(fn)
    except Exception as error:
        raise NotPicklableError(
            f"the function {label} cannot be sent to a worker: {type(error).__name__}: {error}. It must not capture "
            "locks, open files, sessions or futures: pass what it needs as arguments, or build it inside."
        ) from error
    return Shippable(fn, label, hashlib.blake2b(blob, digest_size=16).hexdigest(), blob, captured)


def label_of(fn: Callable[..., Any]) -> str:
    """How people call `fn`."""
    inner = getattr(fn, "func", fn)
    return getattr(inner, "__qualname__", None) or type(fn).__qualname__


def _by_reference(fn: Callable[..., Any]) -> bytes | None:
    """`fn` as a reference to an importable module, or None where its code itself must travel."""
    if not isinstance(fn, _NAMED) or fn.__module__ == "__main__":
        return None
    if not isinstance(getattr(fn, "__self__", None), types.ModuleType | type | None):
        return None  # a method such as `items.append` travels with its object, which can change
    try:
        blob = pickle.dumps(fn, 5)
    except Exception:  # noqa: BLE001 - a local function or lambda: cloudpickle will take it, or say why not
        return None
    return None if b"__main__" in blob else blob


def _frozen_captures(fn: Callable[..., Any]) -> tuple[Any, ...] | None:
    """What `fn` refers to if none of it can change in place; None if it can, so that it must be pickled each time."""
    if not isinstance(fn, types.FunctionType):
        return None
    captured = tuple(_captured(fn))
    return captured if all(_is_fixed(value) for value in captured) else None


def _is_fixed(value: Any) -> bool:
    if isinstance(value, types.FunctionType):
        return True  # what it captures in turn is among the captured
    if isinstance(value, type):
        return _importable(value)
    return isinstance(value, _FIXED)


def _importable(value: types.FunctionType | type) -> bool:
    """Whether it travels as a reference to its module, not with its code."""
    module = value.__module__
    return module != "__main__" and getattr(sys.modules.get(module), value.__qualname__, None) is value


def _captured(fn: Callable[..., Any], seen: set[int] | None = None) -> Iterator[Any]:
    """What `fn` refers to: its code, globals by name, cells, defaults; and what functions that travel too refer to."""
    if not isinstance(fn, types.FunctionType):
        return
    seen = set() if seen is None else seen
    seen.add(id(fn))
    for value in _own_captures(fn):
        yield value
        if isinstance(value, types.FunctionType) and id(value) not in seen and not _importable(value):
            yield from _captured(value, seen)


def _own_captures(fn: types.FunctionType) -> Iterator[Any]:
    yield fn.__code__
    for name in _names(fn.__code__):
        if name in fn.__globals__:
            yield fn.__globals__[name]
        elif not hasattr(builtins, name):
            yield None
    for cell in fn.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:
            yield None
    yield from fn.__defaults__ or ()
    yield from (fn.__kwdefaults__ or {}).values()
    yield from fn.__dict__.values()


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)
