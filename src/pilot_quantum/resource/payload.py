"""Pickling of functions, arguments and results: what travels, and errors that say what cannot.

Plain pickle is tried first (it is several times faster); cloudpickle takes what plain pickle cannot carry: functions
and classes that live in `__main__`, in a notebook or inside another function.
"""

from __future__ import annotations

import functools
import io
import pickle
import sys
import threading
from collections import ChainMap
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import cloudpickle

from pilot_quantum.errors import NotPicklableError
from pilot_quantum.resource.units import format_bytes
from pilot_quantum.resource.values.content import Part, lay_out
from pilot_quantum.resource.values.file import loads

LARGEST = 2**32 - 1
"""Bytes: the longest byte string of a message (MessagePack)."""
_MAIN = b"__main__"
BULKY = 1 << 20
"""Bytes from which the value of a future goes to its tasks apart from their arguments, once for all of them."""


class _Travel(threading.local):
    """What the pickling or unpickling in this thread refers to."""

    references: dict[int, tuple[int, Any]] | None = None
    values: Sequence[Any] = ()


_travel = _Travel()


def dump(value: object) -> bytes:
    """`value` as bytes for another process of this program. Raises what pickle raises, ValueError when too large."""
    try:
        data = pickle.dumps(value, 5)
    except Exception:  # noqa: BLE001 - any error of plain pickle means: let cloudpickle try, and report its words
        data = dump_code(value)
    else:
        if _MAIN in data:
            # By reference to `__main__`, which is another module in the worker.
            data = dump_code(value)
    if len(data) > LARGEST:
        raise ValueError(f"it takes {format_bytes(len(data))}, and one object may take {format_bytes(LARGEST)}")
    return data


def dump_code(value: object, buffer_callback: Callable[[pickle.PickleBuffer], Any] | None = None) -> bytes:
    """`value` as bytes, with the code of functions and classes that cannot be imported. Raises what pickle raises."""
    with io.BytesIO() as file:
        _CodePickler(file, protocol=5, buffer_callback=buffer_callback).dump(value)
        return file.getvalue()


def pack(value: object, *, frozen: bool) -> list[Part]:
    """`value` as a content (see `values.content`), of which no buffer has been copied. Raises what pickle raises.

    frozen: who loads it may not write into the buffers of its arrays; else each has its own.
    """
    buffers: list[memoryview] = []

    def aside(buffer: pickle.PickleBuffer) -> None:
        buffers.append(buffer.raw())

    try:
        stream = pickle.dumps(value, 5, buffer_callback=aside)
    except Exception:  # noqa: BLE001 - as in `dump`
        stream = b""
    if not stream or _MAIN in stream:
        buffers.clear()
        stream = dump_code(value, aside)
    return lay_out(stream, buffers, frozen=frozen)


def is_bulky(value: object) -> bool:
    """Whether it can be seen without pickling that a value is large."""
    try:
        size = getattr(value, "nbytes", None)
    except Exception:  # noqa: BLE001 - a property of the user's: pickling may still work
        return False
    if size is None and isinstance(value, bytes | bytearray | str | list | tuple | dict):
        size = len(value)
    return isinstance(size, int) and size >= BULKY


def _cached(wrapper: Any) -> Any:
    """How an `lru_cache` pickles: its name if it can be imported, else its function and settings, with nothing cached.

    CloudPickler would send the name in any case.
    """
    name = wrapper.__qualname__
    if wrapper.__module__ != "__main__" and wrapper is getattr(sys.modules.get(wrapper.__module__), name, None):
        return name
    settings = wrapper.cache_parameters()
    return _new_cache, (wrapper.__wrapped__, settings["maxsize"], settings["typed"])


def _new_cache(fn: Any, maxsize: int | None, typed: bool) -> Any:
    return functools.lru_cache(maxsize, typed)(fn)


class _CodePickler(cloudpickle.CloudPickler):  # type: ignore[misc]
    dispatch_table: ClassVar[ChainMap[type, Any]] = ChainMap(
        {functools._lru_cache_wrapper: _cached}, cloudpickle.CloudPickler.dispatch_table
    )


def dump_arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[bytes, list[Any]]:
    """The arguments as bytes, and the futures and stored values found in them, in the order of their indices.

    Raises NotPicklableError naming the argument that cannot travel.
    """
    references: dict[int, tuple[int, Any]] = {}
    _travel.references = references
    try:
        data = dump((args, kwargs))
        return data, [one for _, one in references.values()] if references else []
    except Exception as error:
        raise NotPicklableError(
            f"{_culprit(args, kwargs)} cannot be sent to a worker: {type(error).__name__}: {error}. "
            "Pass plain data, or build the object inside the task."
        ) from error
    finally:
        _travel.references = None


def reference(one: object) -> tuple[Any, tuple[int]] | None:
    """How a future or stored value pickles while arguments are dumped: as the index of an input; None otherwise."""
    references = _travel.references
    if references is None:
        return None
    return input_value, (references.setdefault(id(one), (len(references), one))[0],)


def is_collecting() -> bool:
    """Whether this thread is dumping arguments."""
    return _travel.references is not None


def input_value(index: int) -> Any:
    """In a worker: the value that stands for the future with this index."""
    return _travel.values[index]


def same(value: Any) -> Any:
    """`value` itself: how a future pickles whose value is known already."""
    return value


def load_arguments(data: bytes, inputs: Sequence[bytes]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments, with the values of `inputs` in the places of the futures."""
    if not inputs:
        return loads(data) if data[0] == 0 else pickle.loads(data)  # type: ignore[no-any-return]
    _travel.values = [loads(value) for value in inputs]
    try:
        return loads(data)  # type: ignore[no-any-return]
    finally:
        _travel.values = ()


def _culprit(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    named = [(f"argument {index}", value) for index, value in enumerate(args)]
    named += [(f"argument {name}=", value) for name, value in kwargs.items()]
    for name, value in named:
        try:
            dump(value)
        except Exception:  # noqa: BLE001 - this is the one that we look for
            return f"{name} ({_short(value)})"
    return "an argument"


def _short(value: object) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - a broken repr must not hide the error that is being reported
        text = object.__repr__(value)
    return text if len(text) <= 80 else text[:77] + "..."
