"""Which ways to cut are weighed, and what planning them takes."""

from __future__ import annotations

from math import inf

from qiskit.circuit import QuantumCircuit

from pilot_quantum.circuit import families
from pilot_quantum.circuit.export import qiskit_circuit
from pilot_quantum.dreamer.planning.cutting import NARROWER, RIVAL, Cutting, spent
from pilot_quantum.dreamer.planning.places import Places
from pilot_quantum.dreamer.planning.planner import plan
from pilot_quantum.dreamer.planning.question import question_of


def cutting(pilot, sizes, depth, seed) -> Cutting:
    circuit = qiskit_circuit(families.clustered(sizes, depth, 2, seed=seed))
    return Cutting(question_of(circuit, f"Z0 Z{sum(sizes) - 1}"), Places.simulating([pilot()]))


def test_a_way_with_fewer_cuts_is_weighed_beside_the_one_with_fewest_amplitudes(pilot):
    ways = cutting(pilot, (6, 14), 6, 806)
    first, rival = ways.candidates(14, 1)

    found = {one.cuts: one.amplitudes for one in ways.found(14)}
    assert found[first.cuts] == min(found.values())
    assert len(rival.cuts) < len(first.cuts)
    assert found[rival.cuts] <= RIVAL * found[first.cuts]
    assert rival.prediction.seconds < first.prediction.seconds


def test_where_the_fewest_amplitudes_take_the_fewest_cuts_one_way_is_weighed(pilot):
    assert [one.widths for one in cutting(pilot, (10, 10), 8, 710).candidates(10, 1)] == [(10, 10)]


def test_looking_for_cuts_and_making_the_pieces_is_spent_when_a_plan_is_made(pilot):
    circuit = qiskit_circuit(families.clustered((10, 10), 8, 2, seed=710))
    made = plan(circuit, "Z0 Z19", [pilot()], probe=None, thorough=True)

    cut = next(one for one in made.candidates if one.method == "cut")
    assert 0 < spent(cut) < cut.prediction.seconds
    assert spent(cut) > sum(seconds for name, seconds in cut.prediction.terms.items() if name.startswith("find."))
    assert spent(made.using("cone+lightning").best) == 0


def test_a_circuit_that_falls_apart_is_run_in_its_parts_without_a_cut(pilot):
    circuit = QuantumCircuit(22)
    for group in (range(0, 22, 2), range(1, 22, 2)):  # side by side, with many loops
        for first in group:
            for second in group:
                if first != second:
                    circuit.rzz(0.1 * (first + 1), first, second)
                    circuit.ry(0.2, second)

    made = plan(circuit, "Z20 Z21", [pilot()])

    assert made.best.name == "cut 11+11"
    assert len(made.best.cuts) == 0
    assert made.redone(made.best.name).best == made.best


def test_narrower_fragments_are_looked_for_where_running_them_takes_longer_than_that(pilot):
    small, large = cutting(pilot, (6, 7), 6, 806), cutting(pilot, (6, 22), 6, 806)
    assert (small.narrower, large.narrower) == (0, NARROWER)
    assert small.least_of_any < small.least < large.least


def test_more_amplitudes_than_floats_can_count_promise_nothing(pilot):
    circuit = QuantumCircuit(40)
    for _ in range(2):
        for first in range(40):
            for second in range(first):
                for _ in range(30):
                    circuit.rzz(0.1, first, second)
            circuit.rx(0.1, first)
    ways = Cutting(question_of(circuit, "X39"), Places.simulating([pilot()]))

    assert ways.glance is not None
    assert ways.glance.amplitude_bits > 1024
    assert ways.least == inf
