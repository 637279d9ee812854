from __future__ import annotations

import warnings
from dataclasses import replace

import msgspec
import pytest

from pilot_quantum.dreamer.calibration import (
    Calibration,
    CalibrationWarning,
    Measurement,
    calibrated,
    units_of,
)
from pilot_quantum.dreamer.defaults import ASSUMED, UNSURE, rates_for
from pilot_quantum.dreamer.places import directory, path_of
from pilot_quantum.dreamer.prediction import priced
from pilot_quantum.dreamer.store import load, save
from pilot_quantum.dreamer.suite import Benchmark, suite
from pilot_quantum.errors import CalibrationError
from pilot_quantum.resource.profile import Rates, ResourceProfile
from pilot_quantum.resource.site import Machine

pytestmark = pytest.mark.requires("qiskit")  # cut circuits are made to be counted

HERE = Machine("Some CPU", 8, 2**34, "Linux x86_64")
VERSIONS = {"python": "3.11.7", "qiskit-aer": "0.18.2"}
PILOT = ResourceProfile("local-1", 1, 8, 0, 0, 2**34, frozenset({"simulator"}))


def exactly(benchmark, factor, warm=False):
    return factor * priced(units_of(benchmark, warm), ASSUMED[benchmark.model]).seconds


def made(factor=2.0) -> Calibration:
    """A calibration of a machine on which everything takes `factor` times what is assumed."""
    measurements = []
    for benchmark in suite(lightning=False):
        cold = exactly(benchmark, factor)
        warm = exactly(benchmark, factor, warm=True) if benchmark.model == "aer-statevector" else None
        measurements.append(
            Measurement(benchmark, (cold, 0.8 * cold, 3 * cold), () if warm is None else (warm, 2 * warm, 0.9 * warm))
        )
    return calibrated(measurements, HERE, VERSIONS, "2026-01-01T00:00:00+00:00")


def test_the_medians_of_all_rounds_give_the_rates():
    found = made()
    assert {rates.model for rates in found.rates} == ASSUMED.keys() - {"lightning"}
    assert found.noise == pytest.approx(0.8, abs=0.1)
    for benchmark in suite(lightning=False):
        rates = next(rates for rates in found.rates if rates.model == benchmark.model)
        assert rates.measured
        assert priced(units_of(benchmark), rates).seconds == pytest.approx(exactly(benchmark, 2.0), rel=0.1)


def test_one_round_agrees_with_nothing(tmp_path):
    once = calibrated([Measurement(Benchmark("dispatch", "", 2, 0), (0.001,))], HERE, VERSIONS, "2026-01-01")
    assert once.noise is None
    save(once, tmp_path / "local.json")
    assert load(tmp_path / "local.json") == once


def test_a_profile_takes_the_rates_and_says_of_others_that_they_are_assumed():
    profile = replace(PILOT, rates=made().rates)
    assert rates_for(profile, "aer-mps").measured
    assert not rates_for(profile, "lightning").measured
    assert rates_for(PILOT, "aer-mps").spread == UNSURE


def test_a_calibration_comes_back_from_its_file_as_it_was(tmp_path):
    path = path_of("slurm://me@login/gpu?nodes=2", tmp_path)
    save(made(), path)
    assert load(path) == made()
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_the_same_machine_and_versions_raise_no_doubt():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made().check(msgspec.structs.replace(HERE, memory=int(2**34 * 0.95)), dict(VERSIONS))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"processor": "Other CPU"}, "processor 'Some CPU' there, 'Other CPU' here"),
        ({"cores": 2}, "cores 8 there, 2 here"),
        ({"memory": 2**32}, "memory 16.0 GiB there, 4.0 GiB here"),
    ],
)
def test_another_machine_is_an_error_that_names_both(change, named):
    with pytest.raises(CalibrationError, match=named):
        made().check(msgspec.structs.replace(HERE, **change), VERSIONS)


def test_other_versions_are_a_warning_that_names_both():
    with pytest.warns(CalibrationWarning, match=r"qiskit-aer 0\.18\.2 there, 0\.19\.0 here"):
        made().check(HERE, {**VERSIONS, "qiskit-aer": "0.19.0"})


def test_rates_of_another_version_of_a_model_are_an_error():
    old = msgspec.structs.replace(made(), rates=(Rates("aer-mps", {"gate": 1.0}, 1.1),))
    with pytest.raises(CalibrationError, match="another version of the cost model 'aer-mps'"):
        old.check(HERE, VERSIONS)


def test_a_model_that_is_missing_is_named():
    found = made()
    some = msgspec.structs.replace(found, rates=tuple(one for one in found.rates if one.model not in ("cut", "find")))
    with pytest.raises(CalibrationError, match="no calibration of this version: it has no rates of 'cut', no rates of"):
        some.check(HERE, VERSIONS)


def test_rates_that_a_fit_found_to_be_nothing_are_all_right():
    found = made()
    first = found.rates[0]
    term = next(iter(first.seconds))
    without = Rates(first.model, {**first.seconds, term: 0.0}, first.spread)
    msgspec.structs.replace(found, rates=(without, *found.rates[1:])).check(HERE, VERSIONS)


def test_rates_without_some_terms_of_their_model_are_refused_where_they_are_used():
    with pytest.raises(CalibrationError, match=r"'prune' of pilot 'local-1' have no term keep, part, only read"):
        rates_for(replace(PILOT, rates=(Rates("prune", {"read": 1e-6}, 1.2),)), "prune")


def test_files_lie_where_the_environment_says(tmp_path):
    assert directory({"PILOT_QUANTUM_HOME": str(tmp_path)}) == tmp_path / "calibrations"
    assert directory({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "pilot-quantum" / "calibrations"
    assert directory({}).parts[-3:] == (".cache", "pilot-quantum", "calibrations")


def test_amounts_do_not_change_the_place_and_places_do_not_share_a_file(tmp_path):
    assert path_of("local://?cores=2", tmp_path) == path_of("local://", tmp_path)
    assert path_of("ssh://a/", tmp_path) != path_of("ssh://a", tmp_path)


def test_no_file_is_no_calibration_and_a_damaged_one_an_error(tmp_path):
    assert load(tmp_path / "none.json") is None
    damaged = tmp_path / "damaged.json"
    damaged.write_text('{"machine": 3}')
    with pytest.raises(CalibrationError, match="no calibration of this version"):
        load(damaged)


def test_a_directory_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CalibrationError, match="PILOT_QUANTUM_HOME"):
        save(made(), tmp_path / "file" / "one.json")
