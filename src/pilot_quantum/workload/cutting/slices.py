"""Heavy fragments in slices: their variants divided among workers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

from pilot_quantum.circuit.fragments import Fragment, LegKind, Link
from pilot_quantum.workload.blob import to_blob
from pilot_quantum.workload.cutting.choi import choi_circuit, choi_shape
from pilot_quantum.workload.cutting.parts import FragmentWork
from pilot_quantum.workload.traits import traits_of

SLICE_UPDATES = 2**28
"""Amplitude updates (about a second) up to which a fragment is run in one task."""

MOST_OVERLAPS = 0.25
"""Of the updates of running a fragment, what the session's overlaps may take."""

MOST_RETURNED = 2**31
"""Bytes of final states that the session takes from the slices of a fragment."""


def fragment_work(fragment: Fragment, links: Sequence[Link], fixed: Sequence[int] = ()) -> FragmentWork:
    """A fragment as it travels, the terms of its first legs `fixed`."""
    circuit = choi_circuit(fragment, links, fixed)
    blob = to_blob(circuit, traits_of(circuit).standard)
    return FragmentWork(blob, choi_shape(fragment, links, len(fixed)), len(circuit.data))


def slices(fragment: Fragment, links: Sequence[Link], whole: FragmentWork, strings: int) -> tuple[FragmentWork, ...]:
    """The fragment as one task, or as several for the terms of its first legs, each of about `SLICE_UPDATES`.

    Slices return final states, which the session takes overlaps of, so a fragment stays whole where that would be the
    longer part (`strings` are asked of it), or the states too large.
    """
    states = 16 * whole.shape.variants * 2 ** len(whole.shape.kept)
    overlaps = strings * whole.shape.variants**2 * 2 ** len(whole.shape.kept) // 8
    if whole.updates <= SLICE_UPDATES or states > MOST_RETURNED or overlaps > MOST_OVERLAPS * whole.updates:
        return (whole,)
    terms = [links[leg.link].terms for leg in fragment.legs if leg.kind is not LegKind.OUTGOING]
    count = 0
    while count < len(terms) and whole.updates > SLICE_UPDATES * math.prod(terms[:count]):
        count += 1
    if not count:
        return (whole,)
    return tuple(fragment_work(fragment, links, fixed) for fixed in product(*map(range, terms[:count])))
