"""How ranks may be laid out over nodes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilot_quantum.errors import InvalidDescriptionError
from pilot_quantum.task.needs import Needs
from pilot_quantum.workload.mpi.command import Gang
from pilot_quantum.workload.mpi.submit import shapes


@given(st.integers(1, 200), st.none() | st.integers(1, 200))
def test_every_shape_holds_all_ranks_and_no_node_too_many(ranks, per_node):
    for needs in shapes(ranks, per_node, Needs(memory=5)):
        assert needs.nodes * needs.cores >= ranks > (needs.nodes - 1) * needs.cores
        assert needs.memory == 5 * needs.cores


def test_few_nodes_are_preferred_and_a_wish_is_a_wish():
    assert [(one.nodes, one.cores) for one in shapes(8, None, Needs())] == [(1, 8), (2, 4), (4, 2), (8, 1)]
    assert [(one.nodes, one.cores, one.gpus) for one in shapes(5, 2, Needs(gpus=1))] == [(3, 2, 2)]
    assert [(one.nodes, one.cores) for one in shapes(2, 4, Needs())] == [(1, 2)]


@pytest.mark.parametrize(("ranks", "per_node"), [(0, None), (True, None), (2.0, None), (2, 0), (2, "2")])
def test_numbers_that_cannot_be_meant_are_refused(ranks, per_node):
    with pytest.raises(InvalidDescriptionError, match="whole number"):
        shapes(ranks, per_node, Needs())


@given(st.integers(1, 50), st.integers(1, 8))
def test_the_shares_of_the_hosts_add_up(ranks, hosts):
    gang = Gang(tuple(map(str, range(hosts))), (), ranks)
    assert sum(gang.shares()) == ranks
    assert max(gang.shares()) <= gang.per_host
