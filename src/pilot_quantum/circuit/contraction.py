"""How tensors that share indices are summed to one: the cheapest order that opt_einsum finds, and what that takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

from pilot_quantum.errors import CircuitTooLargeError

MOST_BYTES = 2**32
"""Of the largest tensor on the way to an answer, and of a fragment's overlaps."""


@dataclass(frozen=True, slots=True)
class Contraction:
    """An order of summation. equation, path: as opt_einsum has them. operations: multiplications and additions.
    entries: of all tensors that its steps take and make, for each is brought into another order of its indices.
    """

    equation: str
    path: Any
    operations: float
    entries: float


def contraction(labels: Sequence[Sequence[int]], shapes: Sequence[Sequence[int]], kept: Sequence[int]) -> Contraction:
    """The contraction of tensors with these indices, one number an index, of these shapes; `kept` ones stay.

    Raises CircuitTooLargeError where a tensor on the way takes more than `MOST_BYTES`.
    """
    return _contraction(tuple(map(tuple, labels)), tuple(map(tuple, shapes)), tuple(kept))


@lru_cache(maxsize=256)
def _contraction(
    labels: tuple[tuple[int, ...], ...], shapes: tuple[tuple[int, ...], ...], kept: tuple[int, ...]
) -> Contraction:
    import opt_einsum  # type: ignore[import-untyped]

    terms = ["".join(map(opt_einsum.get_symbol, each)) for each in labels]
    equation = ",".join(terms) + "->" + "".join(map(opt_einsum.get_symbol, kept))
    path, report = opt_einsum.contract_path(equation, *shapes, shapes=True)
    needed = int(report.largest_intermediate) * 16
    if needed > MOST_BYTES:
        raise CircuitTooLargeError(
            f"putting {len(labels)} fragments together takes a tensor of {_gib(needed)}; the limit is "
            f"{_gib(MOST_BYTES)}. Use fewer cuts, or cuts that leave a fragment with fewer of them."
        )
    sizes = report.size_dict
    steps = [step[2].replace("->", ",").split(",") for step in report.contraction_list]
    entries = sum(prod([float(sizes[index]) for index in tensor]) for step in steps for tensor in step)
    return Contraction(equation, path, float(report.opt_cost), entries)


def check_overlaps(index: int, variants: int, tensors: int) -> None:
    """Raise CircuitTooLargeError where the overlaps of a fragment's variants take more than `MOST_BYTES`."""
    needed = tensors * variants**2 * 16
    if needed > MOST_BYTES:
        raise CircuitTooLargeError(
            f"fragment {index} has {_counted(variants)} variants, and their overlaps for {tensors} strings or "
            f"outcomes take {_gib(needed)}; the limit is {_gib(MOST_BYTES)}. Cut this fragment less, "
            "or ask for fewer observables or qubits at a time."
        )


def _counted(number: int) -> str:
    """`number` in digits, or, from a million on, as a power of two: cuts multiply by two and by four."""
    power = number.bit_length() - 1
    if number < 10**6:
        return str(number)
    return f"2^{power}" if number == 1 << power else f"more than 2^{power}"


def _gib(amount: int) -> str:
    if amount.bit_length() > 100:  # beyond 2^1023 it is no float
        return f"2^{amount.bit_length() - 31} GiB"
    return f"{amount / 2**30:,.4g} GiB"
