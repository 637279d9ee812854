"""Rates for a machine that nobody has calibrated: right in their order of magnitude and in their proportions.

Measured on one core of a server of 2026 and assumed elsewhere, which every prediction made of them says (`assumed`);
their spread says how far to trust them.
"""

from __future__ import annotations

from pilot_quantum.dreamer.models.cut import CUT
from pilot_quantum.dreamer.models.dispatch import DISPATCH
from pilot_quantum.dreamer.models.find import FIND
from pilot_quantum.dreamer.models.light_cone import PRUNE
from pilot_quantum.dreamer.models.mps import MPS
from pilot_quantum.dreamer.models.stabiliser import STABILISER
from pilot_quantum.dreamer.models.state_vector import AER, LIGHTNING
from pilot_quantum.dreamer.models.transpile import TRANSPILE
from pilot_quantum.dreamer.models.write import WRITE
from pilot_quantum.errors import CalibrationError
from pilot_quantum.resource.profile import Rates, ResourceProfile

UNSURE = 3.0
"""The factor by which assumed rates may be wrong, either way."""


def _assumed(model: str, **seconds: float) -> Rates:
    return Rates(model, {name.replace("_", "-"): rate for name, rate in seconds.items()}, UNSURE, measured=False)


_OBSERVING = {"observe": 3e-9, "string": 1e-5}

ASSUMED = {
    rates.model: rates
    for rates in (
        _assumed(
            AER,
            fixed=2e-4,
            start=7e-4,
            build=1.2e-5,
            controlled=1.5e-5,
            gate=1.4e-6,
            angle=1e-6,
            fuse=1.5e-5,
            state=2e-9,
            diagonal=1.5e-9,
            one=2.2e-9,
            two=2.5e-9,
            matrix=5e-9,
            spill=2e-9,
            fused_diagonal=5e-9,
            fused_2=7e-9,
            fused_3=1.1e-8,
            fused_wide=1.5e-8,
            far=1e-9,
            farther=1e-10,
            fresh=3e-9,
            contended=1e-9,
            **_OBSERVING,
        ),
        _assumed(
            LIGHTNING,
            fixed=5e-5,
            start=5e-4,
            build=6e-6,
            controlled=1.5e-5,
            gate=1e-6,
            angle=2e-7,
            made=6e-5,
            state=1.5e-9,
            diagonal=1.4e-10,
            one=2.2e-10,
            two=1.3e-10,
            slow=3.6e-10,
            matrix=3.5e-9,
            spill=3e-11,
            far=1.5e-10,
            farther=3e-10,
            fresh=1e-8,
            **_OBSERVING,
        ),
        _assumed(
            MPS,
            fixed=1.6e-3,
            gate=1.5e-5,
            angle=6e-6,
            controlled=5e-5,
            opened=1.2e-4,
            decomposition=4e-6,
            entry=2.2e-7,
            svd=2.5e-9,
            string=3e-4,
            observe=2.2e-9,
        ),
        _assumed(STABILISER, fixed=1.5e-3, gate=1.5e-5, row=1e-9, string=5e-5, observe=1e-9),
        _assumed(PRUNE, read=2e-6, keep=1e-6, part=3e-5),
        _assumed(
            CUT,
            pieces=6e-4,
            gate=1e-5,
            link=2e-5,
            term=5e-6,
            part=2.5e-4,
            write=2.5e-6,
            open=2e-9,
            string=1.2e-5,
            turn=5e-9,
            gram=1.2e-10,
            entry=1.6e-9,
            overlap=1.1e-4,
            back=1.2e-9,
            large=2.5e-9,
            answer=4e-4,
            tensor=2e-6,
            pair=1.2e-8,
            step=1e-5,
            contract=9e-11,
            moved=3e-9,
        ),
        _assumed(FIND, fixed=1e-3, qubit=4e-5, square=4e-7, gate=2e-5, loop=5e-5, narrower=4e-5),
        _assumed(WRITE, circuit=4e-4, gate=2e-6, string=8e-6),
        _assumed(TRANSPILE, fixed=2e-3, gate=1e-5, route=4e-5),
        _assumed(DISPATCH, latency=4e-4, few=1.5e-4, task=2.5e-5, byte=2.4e-9),
    )
}
"""By model."""


def rates_for(profile: ResourceProfile, model: str) -> Rates:
    """What `profile` knows for `model`, or what is assumed where it knows nothing, which the rates then say.

    Raises CalibrationError where it knows some terms of the model and not others, KeyError for a model that does not
    exist.
    """
    found, assumed = profile.rates_of(model), ASSUMED[model]
    if found is None:
        return assumed
    if missing := assumed.seconds.keys() - found.seconds.keys():
        raise CalibrationError(
            f"the rates of {model!r} of pilot {profile.pilot!r} have no term {', '.join(sorted(missing))}, only "
            f"{', '.join(sorted(found.seconds))}. Calibrate again: pilot-quantum dreamer calibrate; or leave the model "
            "out: then rates are assumed."
        )
    return found
