"""Figures of a validation: predicted against measured, and the regret of each case."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from pilot_quantum.dreamer.validation import Row
from pilot_quantum.errors import PilotQuantumError

PREDICTIONS, REGRET = "predicted-measured.png", "regret.png"


def require_drawable(directory: Path) -> None:
    """Make `directory`; PilotQuantumError, before anything is measured, where `draw` could not write there."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise PilotQuantumError(
            "--plot needs matplotlib, which is not installed. Install it with: pip install 'pilot-quantum[plot]'"
        ) from error
    with _writing(directory):
        directory.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=directory).close()


def draw(rows: Sequence[Row], directory: Path) -> tuple[Path, Path]:
    """Write both figures below `directory`, which is made; their paths. Raises PilotQuantumError."""
    require_drawable(directory)
    with _writing(directory):
        return _predictions(rows, directory / PREDICTIONS), _regret(rows, directory / REGRET)


@contextmanager
def _writing(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PilotQuantumError(
            f"the figures cannot be written below {str(directory)!r}: {error.strerror or error}. "
            "Name another directory: --plot DIR"
        ) from error


def _predictions(rows: Sequence[Row], path: Path) -> Path:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 6), dpi=130, layout="constrained")
    axes = figure.subplots()
    points: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        for one in row.candidates:
            points.setdefault(f"{one.method}{', stopped' * one.stopped}", []).append((one.measured, one.predicted))
    for name, found in sorted(points.items()):
        measured, predicted = zip(*found, strict=True)
        axes.loglog(measured, predicted, "x" if name.endswith("stopped") else ".", label=name, alpha=0.6)
    ends = [value for found in points.values() for pair in found for value in pair]
    line = [min(ends), max(ends)]
    axes.loglog(line, line, color="black", linewidth=0.8)
    for factor in (0.5, 2.0):
        axes.loglog(line, [factor * end for end in line], color="grey", linewidth=0.6, linestyle="--")
    axes.set(xlabel="measured [s]", ylabel="predicted [s]", title="Candidates; dashed: a factor of two")
    axes.legend(fontsize="x-small")
    axes.grid(alpha=0.25)
    figure.savefig(path)
    return path


def _regret(rows: Sequence[Row], path: Path) -> Path:
    from matplotlib.figure import Figure

    cases = list(dict.fromkeys(row.case for row in rows))
    figure = Figure(figsize=(8, 1.5 + 0.17 * len(cases)), dpi=130, layout="constrained")
    axes = figure.subplots()
    for setup in dict.fromkeys(row.setup for row in rows):
        found = [row for row in rows if row.setup == setup]
        ratios = [row.ratio(row.chosen) for row in found]
        axes.semilogx(ratios, [cases.index(row.case) for row in found], ".", label=setup, alpha=0.7)
    axes.axvline(1.05, color="grey", linewidth=0.6, linestyle="--")
    axes.set_yticks(range(len(cases)), cases, fontsize=6)
    axes.set(xlabel="seconds of the planner's choice over the best candidate's", ylim=(len(cases) - 0.5, -0.5))
    axes.legend(fontsize="x-small")
    axes.grid(alpha=0.25)
    figure.savefig(path)
    return path
