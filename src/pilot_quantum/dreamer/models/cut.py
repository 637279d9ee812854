"""Cost of a cut circuit's expectation values on simulators: what `workload.cutting.CutRunner.expectation` does.

The session makes the pieces and writes each as one circuit (`circuit/choi.py`: a leg is one or two qubits more); a
task, or several, runs it, and takes the overlaps of its variants' final states; the session puts the answer together, a
contraction for each distinct row of local strings. Heavy fragments are run in slices, whose final states come back, and
the session takes their overlaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from pilot_quantum.circuit.choi import ChoiShape, choi_shape, choi_skeleton
from pilot_quantum.circuit.contraction import check_overlaps, contraction
from pilot_quantum.circuit.fragment_tasks import fixed_legs, leg_terms, strings_per_task
from pilot_quantum.circuit.fragments import CutCircuit, Fragment
from pilot_quantum.circuit.light_cone import Letters
from pilot_quantum.circuit.quasi import decomposition
from pilot_quantum.circuit.skeleton import Skeleton
from pilot_quantum.circuit.updates import blocks
from pilot_quantum.dreamer.models.state_vector import StateVector, memory
from pilot_quantum.dreamer.prediction import Prediction, Units, priced, together
from pilot_quantum.resource.profile import Rates

CUT = "cut"

PREPARE, FINISH, OVERLAPS, BACK = "prepare", "finish", "overlaps", "back"
"""Stages that are measured by themselves: in the session before and after; in a worker after the run; on the way back.
"""

LARGE = 2**22
"""Bytes of a result up to which it lies in memory that a process has had before; beyond, pages are new from the system,
here and there, which on some machines costs more than all that is done to them.
"""


@dataclass(frozen=True, slots=True)
class PartCost:
    """One task. prediction: on one core of a worker that has run it before; qubits, memory: what it asks for."""

    prediction: Prediction
    qubits: int
    memory: int


@dataclass(frozen=True, slots=True)
class CutCost:
    """What a cut circuit takes: `prepare` and `finish` in the session, before and after `parts`, one a task."""

    prepare: Prediction
    parts: tuple[PartCost, ...]
    finish: Prediction


@dataclass(frozen=True, slots=True)
class Shape:
    """How one fragment is run. tasks: strings that each evaluates; of slices none, they return final states.

    choi: of a task's circuit. strings: distinct ones on the fragment. variants: of the whole fragment.
    """

    choi: ChoiShape
    skeleton: Skeleton
    strings: int
    variants: int
    tasks: tuple[int, ...]
    sliced: bool

    @property
    def pairs(self) -> float:
        """Entries of the fragment's overlaps."""
        return float(self.strings) * self.variants**2


@dataclass(frozen=True, slots=True)
class Cut:
    """Predicts a cut circuit. rates: of the model "cut"; simulator: what runs the fragments."""

    rates: Rates
    simulator: StateVector

    def cost(self, cut: CutCircuit, letters: Sequence[Letters]) -> CutCost:
        """What running `cut` for these distinct terms takes.

        cut: with `fragment_cone.observed` applied to the terms' qubits. Raises CircuitTooLargeError, with the figures,
        where the overlaps of a fragment or the contraction would be refused.
        """
        shapes, rows = shaped(cut, letters)
        prepare = priced(preparing(cut, shapes, len(letters)), self.rates).named("cut.")
        parts = [part for shape in shapes for part in self._parts(shape)]
        finish = priced(finishing(cut, shapes, rows), self.rates).named("cut.")
        return CutCost(prepare, tuple(parts), finish)

    def _parts(self, shape: Shape) -> list[PartCost]:
        run = self.simulator.predict(shape.skeleton, warm=True)
        qubits = shape.skeleton.qubits
        costs = {
            strings: together((run, priced(reading(shape, strings), self.rates).named("cut.")))
            for strings in set(shape.tasks)
        }
        return [PartCost(costs[strings], qubits, memory(qubits)) for strings in shape.tasks]


def local_strings(cut: CutCircuit, letters: Sequence[Letters]) -> list[list[int]]:
    """For each fragment, which of its distinct local strings each term has there."""
    found = []
    for fragment in cut.fragments:
        ends = [end for end in fragment.ends if end is not None]
        known: dict[tuple[str | None, ...], int] = {}
        found.append([known.setdefault(tuple(map(term.get, ends)), len(known)) for term in letters])
    return found


def shaped(cut: CutCircuit, letters: Sequence[Letters]) -> tuple[list[Shape], int]:
    """How each fragment is run, and the distinct rows of local strings. Raises CircuitTooLargeError."""
    local = local_strings(cut, letters)
    shapes = [shape_of(cut, index, len(set(which)), len(letters)) for index, which in enumerate(local)]
    return shapes, len(set(zip(*local, strict=True)))


def shape_of(cut: CutCircuit, index: int, strings: int, terms: int) -> Shape:
    """How a fragment is run for `strings` distinct strings on it, of `terms` altogether.

    Raises CircuitTooLargeError where its overlaps take too much.
    """
    fragment = cut.fragments[index]
    choi = choi_shape(fragment, cut.links)
    variants = choi.variants
    check_overlaps(index, variants, strings)
    skeleton = choi_skeleton(fragment, cut.links)
    fixed = fixed_legs(fragment, cut.links, choi, len(skeleton), terms)
    if fixed:
        tasks = (0,) * prod(leg_terms(fragment, cut.links)[:fixed])
        skeleton = choi_skeleton(fragment, cut.links, (1,) * fixed)
        return Shape(choi_shape(fragment, cut.links, fixed), skeleton, strings, variants, tasks, True)
    each = blocks(strings, strings_per_task(choi, len(skeleton)))
    tasks = tuple(block.stop - block.start for block in each)
    return Shape(choi, skeleton, strings, variants, tasks, False)


def preparing(cut: CutCircuit, shapes: Sequence[Shape], terms: int) -> Units:
    """Cutting the circuit ("pieces", "gate", "link"), and writing the circuits of all parts ("part", "write")."""
    circuits = [len(shape.tasks) if shape.sliced else 1 for shape in shapes]
    return {
        "pieces": 1.0,
        "gate": float(sum(len(fragment.circuit.data) for fragment in cut.fragments)),
        "link": float(len(cut.links)),
        "term": float(terms),
        "part": float(sum(circuits)),
        "write": float(sum(number * len(shape.skeleton) for number, shape in zip(circuits, shapes, strict=True))),
    }


def reading(shape: Shape, strings: int) -> Units:
    """What a task does with its final state ("overlap"): overlaps for `strings` strings, or nothing (0); and what is
    sent back.
    """
    states = float(shape.choi.variants) * 2 ** len(shape.choi.kept)
    return {
        "overlap": 1.0,
        "open": states,
        **returning(16 * (strings * float(shape.variants) ** 2 if strings else states)),
        **overlapping(shape.choi.variants, len(shape.choi.kept), strings),
    }


def returning(size: float) -> Units:
    """Sending `size` bytes back ("back"), those beyond `LARGE` in memory that is new ("large")."""
    return {"back": size, "large": max(0.0, size - LARGE)}


def overlapping(variants: int, kept: int, strings: int) -> Units:
    """Overlaps of so many states of `kept` qubits: for each string ("string") a pass over all of them ("turn", in
    amplitudes), a matrix product ("gram", in multiplications), and the room for what comes out ("entry").
    """
    states = float(variants) * 2**kept
    pairs = float(variants) ** 2
    return {
        "string": float(strings),
        "turn": strings * states,
        "gram": strings * states * variants,
        "entry": strings * pairs,
    }


def finishing(cut: CutCircuit, shapes: Sequence[Shape], rows: int) -> Units:
    """Putting the answer together: tensors ("answer", "tensor", "pair", in entries), an order of summation, and by it
    a contraction for each distinct row of local strings ("step", one a tensor; "contract", in operations; "moved", in
    entries of the tensors on its way). Of slices the overlaps.

    Raises CircuitTooLargeError where a tensor on the way is too large.
    """
    units: dict[str, float] = {"answer": 1.0, "tensor": float(sum(shape.strings for shape in shapes))}
    units["pair"] = sum(shape.pairs for shape in shapes)
    legs = [sorted([leg.link for leg in fragment.legs]) for fragment in cut.fragments]
    if legs:
        sizes = [[cut.links[link].terms ** 2 for link in each] for each in legs]
        units["step"] = float(rows * len(legs))
        order = contraction(legs, sizes, ())
        units |= {"contract": rows * order.operations, "moved": rows * order.entries}
    for shape in shapes:
        if shape.sliced:
            for name, amount in overlapping(shape.variants, len(shape.choi.kept), shape.strings).items():
                units[name] = units.get(name, 0.0) + amount
    return units


def subexperiments(cut: CutCircuit, letters: Sequence[Letters]) -> int:
    """Distinct circuits that sampling a cut circuit takes on a machine that gives counts, at most.

    For each fragment the operations at its legs (`circuit/quasi.py`) times the settings that it is measured in: groups
    of strings that agree wherever two of them act, each in three bases of every outgoing wire. Those whose outcome no
    observable depends on are not taken off. Each needs shots; for a given error the cut circuit takes
    `CutCircuit.overhead` times those of the whole (`models/shots.py`).
    """
    return sum(
        prod(_operations(cut, fragment)) * _settings(fragment, letters) * 3 ** len(fragment.outgoing)
        for fragment in cut.fragments
    )


def _operations(cut: CutCircuit, fragment: Fragment) -> list[int]:
    """How many operations there are at each leg that is no outgoing wire."""
    found = []
    for leg in fragment.legs:
        parts = decomposition(cut.links[leg.link])
        operations = parts.first if leg.side == 0 else parts.second
        if operations is not None:
            found.append(len(operations))
    return found


def _settings(fragment: Fragment, letters: Sequence[Letters]) -> int:
    """Groups of the terms' strings on the fragment that one measurement serves: greedily, the longest first."""
    ends = {end for end in fragment.ends if end is not None}
    strings = {tuple((qubit, letter) for qubit, letter in sorted(term.items()) if qubit in ends) for term in letters}
    groups: list[dict[int, str]] = []
    for string in sorted(strings, key=lambda string: (-len(string), string)):
        for group in groups:
            if all(group.get(qubit, letter) == letter for qubit, letter in string):
                group.update(string)
                break
        else:
            groups.append(dict(string))
    return len(groups)
