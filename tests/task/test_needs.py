"""What a task may need, and whether a pilot can give it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilot_quantum.errors import InvalidDescriptionError
from pilot_quantum.resource.capacity import Capacity
from pilot_quantum.task.needs import Needs, Variant, fits, variants


def test_needs_are_one_core_when_nothing_is_said():
    assert Needs() == Needs(cores=1, gpus=0, qpus=0, memory=0, nodes=1, capabilities=())
    assert hash(Needs(capabilities=["a", "b"])) == hash(Needs(capabilities=("b", "a")))


def test_memory_and_capabilities_may_be_written_as_people_do():
    assert Needs(memory="4GiB").memory == 4 * 2**30
    assert Needs(capabilities="simulator").capabilities == {"simulator"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cores", 0),
        ("cores", -1),
        ("cores", 1.5),
        ("cores", "2"),
        ("cores", True),
        ("cores", None),
        ("gpus", -1),
        ("qpus", -1),
        ("nodes", 0),
        ("memory", -1),
        ("memory", 1.5),
        ("memory", float("nan")),
        ("memory", "4 parsecs"),
        ("memory", None),
        ("capabilities", None),
        ("capabilities", 5),
        ("capabilities", [5]),
        ("capabilities", "a b"),
        ("capabilities", ""),
    ],
)
def test_a_need_that_cannot_be_meant_is_refused_by_name(field, value):
    with pytest.raises(InvalidDescriptionError, match=field):
        Needs(**{field: value})


def test_needs_are_written_for_people():
    assert str(Needs()) == "1 core"
    words = str(Needs(cores=4, gpus=1, qpus=2, memory="1GiB", nodes=3, capabilities=["b", "a"]))
    assert words == "4 cores, 1 GPU, 2 QPUs, 1 GiB, 3 nodes, a, b"


def test_variants_are_in_the_order_of_preference():
    own = Variant(Needs(gpus=1), abs)
    assert variants([own, Needs(cores=8)]) == (own, Variant(Needs(cores=8)))
    assert variants(Needs()) == (Variant(Needs()),)
    assert variants(own) == (own,)
    assert variants(need for need in (Needs(), own)) == (Variant(Needs()), own)


@pytest.mark.parametrize("value", [None, 5, "cores=2", [], [Needs(), 5], [None], {"cores": 2}])
def test_variants_that_cannot_be_meant_are_refused(value):
    with pytest.raises(InvalidDescriptionError, match="needs="):
        variants(value)


AMOUNTS = st.integers(0, 4)
SETS = st.frozensets(st.sampled_from("abc"))


@given(
    st.builds(Needs, st.integers(1, 4), AMOUNTS, AMOUNTS, AMOUNTS, st.integers(1, 4), SETS),
    st.builds(Capacity, st.integers(1, 4), st.integers(1, 4), AMOUNTS, AMOUNTS, AMOUNTS, SETS),
)
def test_needs_fit_exactly_where_there_is_enough_of_everything(needs, capacity):
    fit = fits(needs, capacity)
    enough = (
        needs.cores <= capacity.cores
        and needs.gpus <= capacity.gpus
        and needs.qpus <= capacity.qpus
        and needs.memory <= capacity.memory
        and needs.nodes <= capacity.nodes
        and needs.capabilities <= capacity.capabilities
    )
    assert bool(fit) == enough
    assert bool(fit.missing) != enough


def test_the_first_thing_that_is_missing_is_said_with_both_figures():
    have = Capacity(nodes=1, cores=2, memory=2**30)
    assert fits(Needs(cores=4), have).missing == "needs 4 cores on one node, has 2"
    assert fits(Needs(memory="2GiB"), have).missing == "needs 2 GiB of memory on one node, has 1 GiB"
    assert "capability fast" in fits(Needs(capabilities="fast"), have).missing


def test_a_capability_that_nodes_to_come_may_have_is_not_held_against_their_pilot():
    needs = Needs(capabilities=frozenset({"simulator"}))
    assert fits(needs, Capacity(1, 1, complete=False))
    assert not fits(needs, Capacity(1, 1))
