"""Heavy fragments in slices: their variants divided among workers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from pilot_quantum.circuit.choi import choi_circuit, choi_shape
from pilot_quantum.circuit.fragment_tasks import fixed_legs, leg_terms
from pilot_quantum.circuit.fragments import Fragment, Link
from pilot_quantum.workload.blob import to_blob
from pilot_quantum.workload.cutting.parts import FragmentWork
from pilot_quantum.workload.traits import traits_of


def fragment_work(fragment: Fragment, links: Sequence[Link], fixed: Sequence[int] = ()) -> FragmentWork:
    """A fragment as it travels, the terms of its first legs `fixed`."""
    circuit = choi_circuit(fragment, links, fixed)
    blob = to_blob(circuit, traits_of(circuit).standard)
    return FragmentWork(blob, choi_shape(fragment, links, len(fixed)), len(circuit.data))


def slices(fragment: Fragment, links: Sequence[Link], whole: FragmentWork, strings: int) -> tuple[FragmentWork, ...]:
    """The fragment as one task, or as several for the terms of its first legs, as `fixed_legs` divides it."""
    count = fixed_legs(fragment, links, whole.shape, whole.instructions, strings)
    if not count:
        return (whole,)
    return tuple(
        fragment_work(fragment, links, fixed) for fixed in product(*map(range, leg_terms(fragment, links)[:count]))
    )
