"""How `pilot-quantum run` tells its own options from those of a script."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from typer.core import TyperCommand


def options_end_at_script(args: Sequence[str], take_value: Collection[str]) -> list[str]:
    """The arguments with `--` before the first one that is a Python script: what follows belongs to the script.

    take_value: the options whose next argument is their value, so never the script.
    """
    for place, argument in enumerate(args):
        if argument == "--":
            break
        if argument.endswith(".py") and not (place and args[place - 1] in take_value):
            return [*args[:place], "--", *args[place:]]
    return list(args)


class FilesOrScript(TyperCommand):
    """A command whose options may stand anywhere among its files, but not after a script."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse `args` as typer does, with the script's own arguments left alone."""
        take_value = {name for option in self.params if not getattr(option, "is_flag", False) for name in option.opts}
        return list(super().parse_args(ctx, options_end_at_script(args, take_value)))
