"""Which pilots take a task, and when all tasks have ended there."""

from __future__ import annotations

import pytest

from pilot_quantum.dreamer.planning.places import Load, Places
from pilot_quantum.dreamer.prediction import Prediction

MIB = 2**20


def load(seconds, qubits=10, memory=100 * MIB):
    return Load(Prediction(seconds, seconds, seconds), qubits, memory)


def test_equal_loads_are_shared_by_all_workers(pilot):
    assert Places((pilot(cores=4),)).makespan([load(1.0)] * 8) == pytest.approx(2.0)


def test_workers_that_share_too_little_memory_wait_for_each_other(pilot):
    tight = Places((pilot(cores=4, memory=250 * MIB),))

    assert tight.makespan([load(1.0)] * 8) == pytest.approx(4.0)


def test_wide_loads_go_where_there_is_room_for_them(pilot):
    places = Places((pilot("large", cores=1), pilot("small", cores=1, widest=8)))

    assert places.makespan([load(1.0, qubits=10), load(1.0, qubits=8)]) == pytest.approx(1.0)
    assert places.makespan([load(1.0, qubits=10)] * 2) == pytest.approx(2.0)
    assert places.taking([load(1.0, qubits=10)]).names == ("large",)


def test_a_load_that_fits_nowhere_is_refused_with_the_figures(pilot):
    places = Places((pilot("a", memory=90 * MIB), pilot("b", memory=80 * MIB)))

    assert "100 MiB" in places.refusal([load(1.0)])
    assert "'a') has 90 MiB" in places.refusal([load(1.0)])
    assert places.refusal([load(1.0, memory=85 * MIB)]) == ""


def test_a_load_wider_than_every_pilot_takes_is_refused_by_width(pilot):
    places = Places((pilot("a", widest=8), pilot("b", widest=9)))

    assert "10 qubits" in places.refusal([load(1.0)])
    assert "more than 9" in places.refusal([load(1.0)])


def test_more_threads_than_cores_of_a_node_are_refused(pilot):
    assert "4 cores" in Places((pilot(cores=2, nodes=2),)).refusal([load(1.0)], threads=4)


def test_pilots_are_too_narrow_where_all_of_them_have_a_limit_below(pilot):
    assert Places((pilot("a", widest=8), pilot("b", widest=9))).too_narrow(10) == 9
    assert Places((pilot("a", widest=8), pilot("b", widest=9))).too_narrow(9) is None
    assert Places((pilot("a", widest=8), pilot("b"))).too_narrow(10) is None
    assert Places(()).too_narrow(1) is None


def test_the_widest_state_follows_from_memory_and_from_what_is_taken(pilot):
    assert Places((pilot(memory=128 * MIB + 40 * 2**20),)).widest == 20
    assert Places((pilot(memory=128 * MIB + 40 * 2**20 - 1),)).widest == 19
    assert Places((pilot(widest=7),)).widest == 7
    assert Places((pilot(memory=100 * MIB),)).widest == 0
    assert Places(()).widest == 0
