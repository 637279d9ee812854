"""Pilots as data."""

from __future__ import annotations

import pytest

from pilot_quantum.resource.profile import QPUProfile, ResourceProfile

GIB = 2**30


@pytest.fixture
def pilot():
    """Makes the profile of a pilot that can simulate."""

    def make(name="local-1", cores=2, memory=16 * GIB, widest=None, lightning=True, nodes=1) -> ResourceProfile:
        has = {"simulator", "lightning"} if lightning else {"simulator"}
        return ResourceProfile(name, nodes, cores, 0, 0, memory, frozenset(has), widest=widest)

    return make


@pytest.fixture
def processor():
    """Makes the profile of a pilot that is a quantum processor."""

    def make(name="qpu-1", qubits=27, error=1e-5, queue=10.0, shot_price=0.0) -> ResourceProfile:
        qpu = QPUProfile(name, qubits, error, error, error, queue, 1e4, None, 0.3, shot_price)
        return ResourceProfile(name, 1, 1, 0, 1, 0, frozenset(), qpu=qpu)

    return make
