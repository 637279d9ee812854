"""Engines whose words travel for milliseconds: their workers are kept busy all the same, and the end stays balanced."""

from __future__ import annotations

import random

import pytest

from pilot_quantum.task.latency import Latency

from .distant import Distant

EACH_WAY = 0.02


@pytest.mark.parametrize("tells_each", [True, False])
def test_tasks_of_10_ms_keep_distant_workers_busy(tells_each: bool) -> None:
    world = Distant(lambda task: 0.01, tells_each)
    world.pilot("dask", 2, EACH_WAY)
    world.submit(2000)
    assert world.run() >= 0.95
    assert len(world.done) == 2000
    assert world.starved <= 6 * EACH_WAY


def test_tasks_of_a_second_keep_distant_workers_busy() -> None:
    world = Distant(lambda task: 1.0)
    world.pilot("ray", 2, EACH_WAY)
    world.submit(60)
    assert world.run() >= 0.95


def test_empty_tasks_are_bound_by_the_workers_and_not_by_the_way_to_them() -> None:
    world = Distant(lambda task: 20e-6, tells_each=False)
    world.pilot("dask", 2, EACH_WAY)
    world.submit(2000)
    world.run()
    world.submit(100_000)
    assert world.run() >= 0.75


@pytest.mark.parametrize("seed", range(10))
def test_no_slot_starves_at_the_end_while_another_has_much(seed: int) -> None:
    durations = random.Random(seed)
    world = Distant(lambda task: durations.choice([0.002, 0.01, 0.03]))
    world.pilot("dask", 4, EACH_WAY)
    world.submit(1000)
    assert world.run() >= 0.85
    assert world.starved <= 6 * EACH_WAY + 0.03
    assert len(world.done) == 1000


def test_tasks_that_become_much_longer_are_moved_from_worker_to_worker() -> None:
    world = Distant(lambda task: 0.001 if task < 500 else 0.1)
    world.pilot("dask", 4, EACH_WAY)
    world.submit(700)
    assert world.run() >= 0.7
    assert world.starved <= 0.5


def test_near_workers_are_not_shipped_more_often_than_before() -> None:
    world = Distant(lambda task: 0.01)
    world.pilot("local", 2, 0.0002)
    world.submit(1000)
    assert world.run() >= 0.97
    assert sum(worker.shipments for worker in world.workers.values()) < 1000 / 3


def test_a_near_and_a_distant_pilot_share_the_work() -> None:
    world = Distant(lambda task: 0.01)
    world.pilot("local", 2, 0.0002)
    world.pilot("dask", 2, EACH_WAY)
    world.submit(2000)
    assert world.run() >= 0.95


def test_the_way_is_learned_soon_and_a_slow_first_time_is_forgotten_soon() -> None:
    latency = Latency()
    latency.began(0.0, 0.4)
    latency.heard(0.4, 0.401)
    for _ in range(10):
        latency.began(0.0, 0.001)
        latency.heard(0.0, 0.001)
    assert latency.turn == pytest.approx(0.002, abs=0.001)


def test_clocks_that_differ_do_not_matter() -> None:
    latency = Latency()
    for _ in range(50):
        latency.began(0.0, 0.02 - 5.0)
        latency.heard(-5.0, 0.02)
    assert latency.turn < 0.5
