from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from pilot_quantum.errors import InvalidDescriptionError
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


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("qubits", 0),
        ("qubits", 2.5),
        *((f"{kind}_error", wrong) for kind in ("one_qubit", "two_qubit", "readout") for wrong in (-0.1, 1.1, NAN)),
        *(("queue_seconds", wrong) for wrong in (-1.0, NAN, INF, "long")),
        *(("shots_per_second", wrong) for wrong in (0.0, 0, -5.0, NAN, INF)),
        *((f"{what}_price", wrong) for what in ("task", "shot") for wrong in (-0.1, NAN, INF)),
        *(("couplings", wrong) for wrong in (((0, 27),), ((-1, 0),), ((3, 3),), ((0, 1, 2),), (5,), 5, (("a", "b"),))),
    ],
)
def test_a_processor_with_a_value_that_cannot_be_meant_is_refused(name, value):
    with pytest.raises(InvalidDescriptionError, match=f"QPUProfile 'falcon': {name}"):
        msgspec.structs.replace(QPU, **{name: value})


def test_couplings_may_be_lists_and_be_none_at_all():
    assert msgspec.structs.replace(QPU, couplings=[[0, 1], [2, 1]]).couplings == ((0, 1), (2, 1))
    assert msgspec.structs.replace(QPU, couplings=None).couplings is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("nodes", 0), ("nodes", 1.5), ("cores", -1), ("gpus", -1), ("qpus", -1)),
        *(("memory", -1), ("memory", 1e9), ("widest", 0), ("widest", 2.5)),
    ],
)
def test_amounts_that_cannot_be_meant_are_refused(name, value):
    with pytest.raises(InvalidDescriptionError, match=f"ResourceProfile 'slurm-1': {name}={value} must be"):
        replace(profile(), **{name: value})


def test_a_processor_needs_neither_cores_nor_memory():
    assert ResourceProfile("qpu-1", 1, 0, 0, 1, 0, frozenset(), qpu=QPU).workers == 0


@pytest.mark.parametrize("spread", [0.0, -1.0, 0.9, NAN, INF, 1e308])
def test_a_spread_below_one_or_beyond_measure_is_refused(spread):
    with pytest.raises(InvalidDescriptionError, match="spread of the rates of 'dispatch'"):
        Rates("dispatch", {"latency": 1e-3}, spread)


@pytest.mark.parametrize("rate", [-1e-9, NAN, INF, 1e308, "fast"])
def test_a_rate_that_cannot_be_meant_is_refused(rate):
    with pytest.raises(InvalidDescriptionError, match="rate 'latency' of 'dispatch'"):
        Rates("dispatch", {"latency": rate, "task": 1e-4}, 1.2)


def test_single_rates_may_be_nothing_but_not_all_of_them():
    assert Rates("dispatch", {"latency": 0.0, "task": 1e-4}, 1.2).seconds["latency"] == 0
    for seconds in ({}, {"latency": 0.0, "task": 0.0}):
        with pytest.raises(InvalidDescriptionError, match="nothing takes no time at all"):
            Rates("dispatch", seconds, 1.2)


def test_what_cannot_be_meant_is_refused_from_json_too():
    with pytest.raises(msgspec.ValidationError, match="spread of the rates of 'dispatch'"):
        msgspec.json.decode(b'{"model": "dispatch", "seconds": {"task": 1.0}, "spread": 0}', type=Rates)
    written = msgspec.json.encode(profile()).replace(b'"nodes":4', b'"nodes":0')
    with pytest.raises(msgspec.ValidationError, match="nodes=0"):
        msgspec.json.decode(written, type=ResourceProfile)
