from __future__ import annotations

import pytest

from pilot_quantum.circuit.cuts import Cuts, WireCut
from pilot_quantum.errors import CircuitError


def test_equal_cuts_are_equal_in_whatever_order_they_are_named() -> None:
    one = Cuts(gates=(5, 2), wires=((9, 1), (3, 0)))  # type: ignore[arg-type]
    assert one == Cuts(gates=(2, 5), wires=(WireCut(3, 0), WireCut(9, 1)))
    assert hash(one) == hash(Cuts(gates=(2, 5), wires=(WireCut(3, 0), WireCut(9, 1))))
    assert one.wires[0].qubit == 0
    assert len(one) == 4


def test_no_cuts_are_false() -> None:
    assert not Cuts()


@pytest.mark.parametrize("given", [{"gates": (1, 1)}, {"wires": (WireCut(1, 0), WireCut(1, 0))}])
def test_a_cut_that_is_named_twice_is_refused(given: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(CircuitError, match="twice"):
        Cuts(**given)  # type: ignore[arg-type]


def test_lists_make_the_same_cuts_as_tuples() -> None:
    cuts = Cuts([5, 2], [[5, 1]])  # type: ignore[arg-type, list-item]
    assert cuts == Cuts((2, 5), (WireCut(5, 1),))
    assert hash(cuts) == hash(Cuts((2, 5), (WireCut(5, 1),)))


@pytest.mark.parametrize(
    "given",
    [
        *({"gates": gates} for gates in (5, "5", (1.5,), ((1, 2),))),
        *({"wires": wires} for wires in ((5,), ((1, 2, 3),), ((1.0, 2),), None)),
    ],
)
def test_what_is_no_cut_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(CircuitError, match=r"gates are indices of instructions.*wires pairs"):
        Cuts(**given)  # type: ignore[arg-type]
