"""How the work of one fragment of a cut circuit is divided into tasks: by numbers alone, nothing is built.

What runs cut circuits decides by it, and what predicts them counts by it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pilot_quantum.circuit.choi import ChoiShape
from pilot_quantum.circuit.fragments import Fragment, LegKind, Link
from pilot_quantum.circuit.updates import UPDATES_PER_UNIT, evolution_updates

SLICE_UPDATES = 2**28
"""Amplitude updates (about a second) up to which a fragment is run in one task."""

MOST_OVERLAPS = 0.25
"""Of the updates of running a fragment, what the session's overlaps may take."""

MOST_RETURNED = 2**31
"""Bytes of final states that the session takes from the slices of a fragment."""


def gram_updates(shape: ChoiShape) -> int:
    """What the overlaps of one string cost, in amplitude updates: a matrix product does 8 in that time."""
    return int(shape.variants**2 * 2 ** len(shape.kept) // 8)


def strings_per_task(shape: ChoiShape, instructions: int) -> int:
    """Each task runs the fragment anew, so no finer than that running and overlaps cost the same."""
    updates = evolution_updates(instructions, shape.width + shape.ancillas)
    return max(1, max(updates, UPDATES_PER_UNIT) // max(1, gram_updates(shape)))


def fixed_legs(fragment: Fragment, links: Sequence[Link], shape: ChoiShape, instructions: int, strings: int) -> int:
    """Of how many of its first legs the terms are divided among tasks ("slices"); 0: one task runs all variants.

    shape, instructions: of its Choi circuit with no term fixed. Slices are of about `SLICE_UPDATES` each and return
    final states, which the session takes overlaps of, so a fragment stays whole where that would be the longer part
    (`strings` are asked of it), or the states too large.
    """
    updates = evolution_updates(instructions, shape.width + shape.ancillas)
    states = 16 * shape.variants * 2 ** len(shape.kept)
    overlaps = strings * gram_updates(shape)
    if updates <= SLICE_UPDATES or states > MOST_RETURNED or overlaps > MOST_OVERLAPS * updates:
        return 0
    terms = leg_terms(fragment, links)
    count = 0
    while count < len(terms) and updates > SLICE_UPDATES * math.prod(terms[:count]):
        count += 1
    return count


def leg_terms(fragment: Fragment, links: Sequence[Link]) -> tuple[int, ...]:
    """The terms of each leg that is no outgoing wire."""
    return tuple(links[leg.link].terms for leg in fragment.legs if leg.kind is not LegKind.OUTGOING)
