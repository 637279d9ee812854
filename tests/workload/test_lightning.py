from __future__ import annotations

import numpy as np
import pytest

from pilot_quantum.errors import SimulationError
from pilot_quantum.workload.program import read

pytestmark = pytest.mark.requires("aer", "lightning")


def test_its_final_states_are_exact_for_circuits_of_all_kinds(circuit, exact):
    from pilot_quantum.workload.lightning import LightningEvolution

    program = read(circuit, identity=b"")
    if any(step.name == "initialize" for step in program.steps):
        with pytest.raises(SimulationError, match="'initialize': simulate it with Aer"):
            LightningEvolution(program)
        return
    state = LightningEvolution(program).final_state(program.angles.bound(np.zeros(0)))
    narrow = exact(program.circuit()).data
    assert abs(np.vdot(narrow, state)) == pytest.approx(1.0, abs=1e-9)


def test_one_structure_runs_with_any_angles(ansatz):
    from pilot_quantum.workload.aer import Evolution
    from pilot_quantum.workload.lightning import LightningEvolution

    program = read(ansatz, identity=b"")
    evolution = LightningEvolution(program)
    for row in np.random.default_rng(3).uniform(-3, 3, (3, ansatz.num_parameters)):
        state = evolution.final_state(program.angles.bound(row))
        wanted = Evolution(program).final_state(program.angles.bound(row))
        assert abs(np.vdot(wanted, state)) == pytest.approx(1.0, abs=1e-9)
