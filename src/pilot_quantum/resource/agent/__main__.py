"""The program: `python -m pilot_quantum.resource.agent CONFIG`; a file, or "-" for a line on stdin."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

from pilot_quantum.resource.agent.agent import Agent
from pilot_quantum.resource.agent.config import AgentConfig
from pilot_quantum.resource.agent.detached import Detached

USAGE = 2


def main(arguments: list[str] | None = None) -> int:
    """Be an agent; the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    if len(words) != 1:
        print("usage: python -m pilot_quantum.resource.agent CONFIG   (a file, or - for stdin)", file=sys.stderr)
        return USAGE
    try:
        config = AgentConfig.load(words[0])
        detached = Detached(config.directory) if config.serve else None
    except (OSError, ValueError) as error:
        print(f"pilot-quantum agent: {error}", file=sys.stderr)
        return USAGE
    shared = Path(words[0]).resolve().parent if words[0] != "-" else None
    if detached is None:
        return asyncio.run(_live(config, None, shared))
    detached.leave()
    try:
        return asyncio.run(_live(config, detached.server, shared))
    finally:
        detached.remove()


async def _live(config: AgentConfig, server: socket.socket | None, shared: Path | None) -> int:
    return await Agent(config, server, shared).run()


if __name__ == "__main__":
    sys.exit(main())
