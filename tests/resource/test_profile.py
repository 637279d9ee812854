from __future__ import annotations

import msgspec
import pytest

from pilot_quantum.resource.profile import QPUProfile, Rates, ResourceProfile

QPU = QPUProfile("falcon", 27, 1e-4, 1e-2, 2e-2, 600.0, 2000.0, couplings=((0, 1), (1, 2)), shot_price=0.01)
RATES = Rates("dispatch", {"latency": 1e-3, "task": 1e-4}, 1.3, samples=20)


def profile(**more):
    return ResourceProfile("slurm-1", 4, 16, 1, 0, 2**36, frozenset({"simulator"}), **more)


@pytest.mark.parametrize("found", [profile(), profile(widest=12, rates=(RATES,), qpu=QPU)])
def test_a_profile_comes_back_from_json_as_it_was(found):
    assert msgspec.json.decode(msgspec.json.encode(found), type=ResourceProfile) == found


def test_rates_are_found_by_their_model():
    found = profile(rates=(RATES,))
    assert found.rates_of("dispatch") is RATES
    assert found.rates_of("aer-mps") is None
    assert found.workers == 64


def test_a_shot_succeeds_when_nothing_goes_wrong():
    assert QPU.success(0, 0, 0) == 1.0
    assert QPU.success(10, 5, 2) == pytest.approx(0.9999**10 * 0.99**5 * 0.98**2)
