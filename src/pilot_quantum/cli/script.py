"""`pilot-quantum run app.py`: the user's script, imported by its path, its `main(session)` called."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING

import cloudpickle

from pilot_quantum.errors import InvalidDescriptionError
from pilot_quantum.task.state import TaskState

if TYPE_CHECKING:
    from pilot_quantum.resource.description import PilotDescription
    from pilot_quantum.session import Session

Main = Callable[["Session"], object]


class ScriptFailed(Exception):
    """The script raised; the cause is its exception."""


def run_script(
    script: Path, arguments: Sequence[str], pilots: Sequence[PilotDescription], directory: Path | None
) -> int:
    """Run the script's `main` in a session with `pilots`; the exit code. Its exceptions are printed as Python does."""
    from pilot_quantum.session import Session

    try:
        main = load_main(script, arguments)
        with Session(directory) as session:
            for description in pilots:
                session.add_pilot(description)
            call(lambda: main(session), script)
        _tell_failures(session)
    except ScriptFailed as failure:
        traceback.print_exception(failure.__cause__ or failure)
        return 1
    return 0


def _tell_failures(session: Session) -> None:
    """Say on stderr that tasks failed whose results the script may never have asked for."""
    failed = session.counts()[TaskState.FAILED]
    if failed:
        print(
            f"{failed} task{'s' * (failed != 1)} failed; see: pilot-quantum status {session.directory}", file=sys.stderr
        )


def load_main(script: Path, arguments: Sequence[str]) -> Main:
    """The `main` of `script`, whose top level has been run with `sys.argv` and `sys.path` as Python would set them.

    Its functions and classes travel to workers by value, as those of `__main__` do; modules beside it are imported.
    Raises InvalidDescriptionError when there is no such file or no `main`, and ScriptFailed when its top level raises.
    """
    if not script.is_file():
        raise InvalidDescriptionError(f"{script}: there is no such file. Check the path.")
    sys.argv = [str(script), *arguments]
    sys.path.insert(0, str(script.resolve().parent))
    # A name of its own: 'json.py' must not replace the real json, nor `if __name__ == "__main__"` become true.
    name = f"__main__.{script.stem}"
    spec = spec_from_file_location(name, script)
    if spec is None or spec.loader is None:
        raise InvalidDescriptionError(f"{script}: Python cannot import it. Give a file that ends in '.py'.")
    module = module_from_spec(spec)
    sys.modules[name] = module
    cloudpickle.register_pickle_by_value(module)
    call(lambda: spec.loader.exec_module(module), script)  # type: ignore[union-attr]
    return _main_of(module, script)


def call(step: Callable[[], object], script: Path) -> None:
    """Run one step of the script. Raises ScriptFailed when it raises, its traceback beginning in the script."""
    try:
        step()
    except Exception as error:  # noqa: BLE001 - whatever the script raises is reported as Python would
        raise ScriptFailed from error.with_traceback(_from_script(error.__traceback__, script))


def _main_of(module: ModuleType, script: Path) -> Main:
    main = getattr(module, "main", None)
    if not callable(main):
        found = "it defines no 'main'" if main is None else f"its 'main' is {main!r}"
        raise InvalidDescriptionError(
            f"{script}: `pilot-quantum run` calls main(session), but {found}. "
            "Put the program into a function main(session); it gets a session with its pilots."
        )
    return main  # type: ignore[no-any-return]


def _from_script(trace: TracebackType | None, script: Path) -> TracebackType | None:
    """The traceback without our own and importlib's frames before the script's first one; all of it if it has none."""
    found = trace
    while found is not None and Path(found.tb_frame.f_code.co_filename) != script.absolute():
        found = found.tb_next
    return found or trace
