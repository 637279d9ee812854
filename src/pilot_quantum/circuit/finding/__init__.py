"""Finding where to cut a circuit: gate and wire cuts together, within the widths of the workers at hand.

`find_cuts` is the way in; `docs/decisions/0013-cut-finder.md` says how it goes about it, and why.
"""

from pilot_quantum.circuit.finding.candidate import Candidate
from pilot_quantum.circuit.finding.limits import Widths
from pilot_quantum.circuit.finding.search import Findings, find_cuts

__all__ = ["Candidate", "Findings", "Widths", "find_cuts"]
