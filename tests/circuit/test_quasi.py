"""Decompositions of links against what they stand for, and subexperiments against circuits run shot by shot."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import transpile
from qiskit.quantum_info import SparseObservable
from qiskit_aer import AerSimulator
from tests.workload.cutting.random_circuits import random_cut_circuit, random_sum

from pilot_quantum.circuit.fragments import LegKind, cut_circuit
from pilot_quantum.circuit.quasi import decomposition
from pilot_quantum.circuit.schmidt import PAULIS
from pilot_quantum.workload.cutting.machine import subexperiment_circuit
from pilot_quantum.workload.cutting.observables import on_fragments
from pilot_quantum.workload.cutting.settings import settings
from pilot_quantum.workload.cutting.slices import fragment_work
from pilot_quantum.workload.cutting.subexperiments import Subexperiments, distributions, draw
from pilot_quantum.workload.pauli import paulis_of

CUT = [cut_circuit(*random_cut_circuit(seed, 6, 2, 2, 1)) for seed in range(12)]
LINKS = [link for cut in CUT for link in cut.links]


@pytest.mark.parametrize("link", LINKS, ids=lambda link: f"{link.terms}-{'-'.join(map(str, link.paulis))}")
def test_the_operations_of_a_link_sum_to_its_channel(link):
    terms = PAULIS[list(link.paulis)] if link.paulis else np.eye(2)
    found = decomposition(link)
    total = 0
    if found.first is None:  # a wire: what is prepared for each Pauli measured
        for pauli, weights in zip(PAULIS, found.weights, strict=True):
            states = [operation.rows[0] for operation in found.second]
            prepared = sum(w * np.outer(s, s.conj()) for w, s in zip(weights, states, strict=True))
            assert prepared == pytest.approx(pauli / 2, abs=1e-12)
    else:
        middle = np.einsum("t,tij,tkl->ikjl", link.coefficients, terms, terms).reshape(4, 4)
        for u, first in enumerate(found.first):
            for v, second in enumerate(found.second):
                for a, s in zip(np.tensordot(first.rows, terms, 1), first.signs, strict=True):
                    for b, t in zip(np.tensordot(second.rows, terms, 1), second.signs, strict=True):
                        both = np.kron(a, b)
                        total = total + found.weights[u, v] * s * t * np.kron(both, both.conj())
        assert total == pytest.approx(np.kron(middle, middle.conj()), abs=1e-12)
        for operation in (*found.first, *found.second):
            each = np.tensordot(operation.rows, terms, 1)
            assert sum(k.conj().T @ k for k in each) == pytest.approx(np.eye(2), abs=1e-12)
    assert np.abs(found.weights).sum() ** 2 == pytest.approx(link.overhead)
    assert (np.abs(found.weights) > 0).any(axis=1).all()


def planned(cut, observable):
    terms, _ = paulis_of(SparseObservable.from_sparse_list(observable, num_qubits=cut.qubits))
    decompositions = [decomposition(link) for link in cut.links]
    for index, (fragment, local) in enumerate(zip(cut.fragments, on_fragments(terms, cut)[0], strict=True)):
        legs = [leg for leg in fragment.legs if leg.kind is not LegKind.OUTGOING]
        operations = tuple(
            decompositions[leg.link].second if leg.side else decompositions[leg.link].first or () for leg in legs
        )
        work = fragment_work(fragment, cut.links)
        yield index, work, Subexperiments(operations, settings(work.shape, local.distinct))


@pytest.mark.parametrize("seed", range(6))
def test_projected_branches_have_the_distribution_of_the_circuit_run_shot_by_shot(seed):
    cut, rng = CUT[seed], np.random.default_rng(seed)
    shots = 20_000
    for index, work, plan in planned(cut, random_sum(seed, 6, 3).to_sparse_list()):
        keys = [(int(rng.integers(len(plan.settings))), int(rng.integers(plan.variants))) for _ in range(4)]
        for (setting, variant), exact in zip(keys, distributions(work, plan, keys), strict=True):
            assert exact.sum() == pytest.approx(1)
            circuit = subexperiment_circuit(cut, index, plan, setting, variant)
            if not circuit.num_clbits:
                continue
            simulator = AerSimulator(seed_simulator=1)
            seen = np.zeros(exact.size)
            for text, count in (
                simulator.run(transpile(circuit, simulator, optimization_level=0), shots=shots)
                .result()
                .get_counts()
                .items()
            ):
                seen[int(text.replace(" ", ""), 2)] += count
            expected = exact.reshape(-1) * shots
            assert seen[expected < 1e-9].sum() == 0
            possible = expected > 1e-9
            chi2 = ((seen - expected)[possible] ** 2 / expected[possible]).sum()
            freedom = possible.sum() - 1
            assert chi2 <= freedom + 6 * np.sqrt(2 * freedom) + 1e-6


def test_counts_depend_on_their_own_seed_alone():
    _, work, plan = next(planned(CUT[0], random_sum(0, 6, 3).to_sparse_list()))
    keys = [(0, variant) for variant in range(min(4, plan.variants))]
    together = draw(work, plan, keys, [50] * len(keys), 7, (0, 0))
    for key in reversed(keys):
        alone = draw(work, plan, [key], [50], 7, (0, 0))[key]
        assert np.array_equal(alone.outcomes, together[key].outcomes)
        assert np.array_equal(alone.counts, together[key].counts)
        assert alone.shots == 50
