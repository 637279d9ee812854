"""From `submit_mpi` to a task: which nodes a number of ranks may take, and what the leading task runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from pilot_quantum.errors import InvalidDescriptionError
from pilot_quantum.resource.checks import check_whole
from pilot_quantum.resource.payload import dump_code
from pilot_quantum.task.future import TaskFuture
from pilot_quantum.task.needs import Needs
from pilot_quantum.workload.mpi import gang

_SHAPES = 8
"""Ways to lay ranks out that are offered to the scheduler."""


class Tight(Protocol):
    """A submitter; all options are allowed."""

    def with_options(self, **options: Any) -> Tight:
        """The submitter with these options changed."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> TaskFuture[Any]:
        """Submit a task."""


def submit_mpi(
    submitter: Tight,
    program: Callable[..., Any] | str | Path,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    ranks: int,
    ranks_per_node: int | None,
    each: Needs,
) -> TaskFuture[Any]:
    """The future of an MPI program. `each`: what one rank needs. Raises InvalidDescriptionError, NotPicklableError."""
    tight = submitter.with_options(needs=shapes(ranks, ranks_per_node, each), coupling="tight")
    if callable(program):
        return tight.with_options(name=getattr(program, "__name__", "mpi")).submit(
            gang.run_function, dump_code(program), ranks, *args, **kwargs
        )
    if kwargs:
        raise TypeError(f"a script takes arguments, but no keywords: {', '.join(kwargs)}.")
    path = Path(program)
    text = _text(path)
    name = str(path.resolve() if text else program)
    return tight.with_options(name=path.name).submit(gang.run_script, name, text, ranks, *map(str, args))


def shapes(ranks: int, per_node: int | None, each: Needs) -> list[Needs]:
    """The needs of `ranks` ranks: as said by `per_node`, else on as few nodes as there are, by even shares.

    Raises InvalidDescriptionError on numbers that cannot be meant.
    """
    for name, value in (("ranks", ranks), ("ranks_per_node", per_node)):
        if value is not None:
            check_whole(name, value, 1)
    if each.nodes != 1:
        raise InvalidDescriptionError(f"needs={each}: are those of one rank; nodes follow from ranks_per_node.")
    counts = [per_node] if per_node is not None else [ranks // n for n in range(1, ranks + 1) if ranks % n == 0]
    return [
        replace(
            each,
            nodes=-(-ranks // count),
            cores=each.cores * min(count, ranks),
            gpus=each.gpus * min(count, ranks),
            qpus=each.qpus * min(count, ranks),
            memory=each.memory * min(count, ranks),
        )
        for count in counts[:_SHAPES]
    ]


def _text(path: Path) -> bytes:
    """The content of a Python script; empty for another program, which every node must have."""
    if path.suffix != ".py":
        return b""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidDescriptionError(f"the script {str(path)!r} cannot be read: {error.strerror}.") from None
