"""Parts as stretches of time: the gates in their order, divided so that fewest wires are cut."""

from __future__ import annotations

import numpy as np

from pilot_quantum.circuit.finding.slots import Labels, SlotGraph

MOST_GATES = 512
"""Beyond this the table of stretches, quadratic in the gates, costs more than it gives."""


def sliced(graph: SlotGraph, width: int) -> Labels | None:
    """Labels by stretches of gates, each on at most `width` qubits, that cut fewest wires; no gate is cut.

    A wire is cut once less than the number of stretches that it meets, so the summed width of all stretches is the
    measure. None where no such division exists, or for more than MOST_GATES gates.
    """
    gates = len(graph.ends)
    if not 0 < gates <= MOST_GATES or width < 2:
        return None
    # A slot makes the stretch from gate i to gate j wider by one where i is after the slot before it on its wire.
    own = [slot >> 1 for wire in graph.wires for slot in wire]
    after = [gate for wire in graph.wires for gate in (0, *((slot >> 1) + 1 for slot in wire[:-1]))]
    size = gates + 1
    columns = np.array(own)
    rises = np.bincount(np.array(after) * size + columns, minlength=size * size)
    falls = np.bincount((columns + 1) * size + columns, minlength=size * size)
    steps = (rises - falls).reshape(size, size)
    widths = steps.cumsum(axis=0).cumsum(axis=1)
    # Stretches that end at a gate grow as they begin earlier, so the first that fits is found by counting.
    first = (np.triu(widths > width)[:gates, :gates]).sum(axis=0)
    total = np.zeros(gates + 1, np.int64)
    begins = [0] * (gates + 1)
    for end in range(1, gates + 1):
        low = int(first[end - 1])
        values = total[low:end] + widths[low:end, end - 1]
        begin = int(values.argmin())
        total[end] = values[begin]
        begins[end] = begin + low
    labels = [0] * (2 * gates)
    end, part = gates, 0
    while end:
        labels[2 * begins[end] : 2 * end] = [part] * (2 * (end - begins[end]))
        end, part = begins[end], part + 1
    return labels
