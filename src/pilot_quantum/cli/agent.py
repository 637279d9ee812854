"""`pilot-quantum agent CONFIG`: what launchers start on the nodes of a pilot."""

from __future__ import annotations

from typing import Annotated

import typer


def agent(
    config: Annotated[str, typer.Argument(metavar="CONFIG", help="The agent's configuration: a file, or - for stdin.")],
) -> None:
    """Be the agent of a node, as launchers start it (they call `python -m pilot_quantum.resource.agent`)."""
    from pilot_quantum.resource.agent.__main__ import main

    raise typer.Exit(main([config]))
