"""Which stored rates a pilot's profile gets."""

from __future__ import annotations

import json
import os
import re
import warnings

import msgspec
import pytest

import pilot_quantum as pq
from pilot_quantum.dreamer.calibration import Calibration, CalibrationWarning
from pilot_quantum.dreamer.defaults import ASSUMED
from pilot_quantum.dreamer.known_rates import KnownRates
from pilot_quantum.dreamer.places import path_of
from pilot_quantum.dreamer.store import save
from pilot_quantum.resource.profile import Rates, ResourceProfile
from pilot_quantum.resource.site import look_around

PILOT = ResourceProfile("p1", 1, 8, 0, 0, 2**34, frozenset())
RATES = tuple(Rates(model, dict(assumed.seconds), 1.2) for model, assumed in ASSUMED.items())
THERE = msgspec.structs.replace(look_around().machine, processor="Some other CPU")


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("PILOT_QUANTUM_HOME", str(tmp_path))


def keep(resource, machine, rates=RATES):
    save(Calibration(machine, look_around().versions, "2026-01-01", 1.0, rates), path_of(resource))


def damaged(rate):
    """Rates of one model, whose first is `rate`."""
    found = msgspec.to_builtins(RATES[0])
    return found | {"seconds": {**found["seconds"], next(iter(found["seconds"])): rate}}


def test_a_local_pilot_has_the_rates_of_this_machine_at_once():
    keep("local://", look_around().machine)
    assert KnownRates().on(PILOT, "local://?cores=2", None).rates == RATES


def test_where_nobody_has_calibrated_a_profile_stays_as_it_is():
    assert KnownRates().on(PILOT, "local://", None) is PILOT


def test_a_remote_pilot_has_no_rates_before_its_nodes_have_said_what_they_are():
    keep("ssh://far", THERE)
    known, site = KnownRates(), msgspec.structs.replace(look_around(), machine=THERE)
    assert known.on(PILOT, "ssh://far?cores=2", None) is PILOT
    assert known.on(PILOT, "ssh://far?cores=2", site).rates == RATES


def test_rates_of_another_machine_are_left_out_with_one_warning_that_names_both():
    keep("local://", THERE)
    known = KnownRates()
    with pytest.warns(
        CalibrationWarning, match=f"'Some other CPU' there, '{re.escape(look_around().machine.processor)}' here"
    ):
        assert known.on(PILOT, "local://", None) is PILOT
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert known.on(PILOT, "local://", None) is PILOT


def test_a_file_is_read_again_when_it_has_changed():
    keep("local://", look_around().machine)
    known = KnownRates()
    known.on(PILOT, "local://", None)
    newer = tuple(Rates(model, dict(assumed.seconds), 1.1) for model, assumed in ASSUMED.items())
    keep("local://", look_around().machine, newer)
    os.utime(path_of("local://"), ns=(1, 1))
    assert known.on(PILOT, "local://", None).rates == newer


def test_a_damaged_file_is_a_warning_and_no_rates():
    path_of("local://").parent.mkdir(parents=True)
    path_of("local://").write_text("{}")
    with pytest.warns(CalibrationWarning, match="no calibration of this version"):
        assert KnownRates().on(PILOT, "local://", None) is PILOT


@pytest.mark.parametrize(
    "change",
    [
        {"rates": []},
        {"rates": msgspec.to_builtins(RATES[2:])},
        {"rates": msgspec.to_builtins((*RATES, RATES[0]))},
        {"rates": [msgspec.to_builtins(RATES[0]) | {"spread": 0.0}, *msgspec.to_builtins(RATES[1:])]},
        {"rates": [msgspec.to_builtins(RATES[0]) | {"spread": -2.0}, *msgspec.to_builtins(RATES[1:])]},
        {"rates": [damaged(-1e-9), *msgspec.to_builtins(RATES[1:])]},
        {"rates": [damaged(1e308), *msgspec.to_builtins(RATES[1:])]},
        {"noise": -1.0},
    ],
)
def test_a_file_with_values_that_cannot_be_meant_is_a_damaged_one(change):
    keep("local://", look_around().machine)
    path = path_of("local://")
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.warns(CalibrationWarning, match=r"no calibration of this version.*rest on assumed rates"):
        assert KnownRates().on(PILOT, "local://", None) is PILOT


def test_lightning_is_not_installed_everywhere():
    others = tuple(rates for rates in RATES if rates.model != "lightning")
    keep("local://", look_around().machine, others)
    assert KnownRates().on(PILOT, "local://", None).rates == others


def test_a_session_gives_profiles_with_their_rates(tmp_path):
    keep("local://", look_around().machine)
    with pq.Session(tmp_path / "session") as session:
        session.add_pilot("local://?cores=1")
        (profile,) = session.resources()
    assert profile.rates == RATES


@pytest.mark.requires("dask")
def test_an_agents_nodes_say_what_their_speed_belongs_to(tmp_path):
    with pq.Session(tmp_path / "session") as session:
        pilot = session.add_pilot("local://?cores=1", engine="dask")
        assert session.submit(abs, -3).result(120) == 3
    assert pilot.site == look_around()
