"""How a head agent has the batch system start the agents of further nodes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from pilot_quantum.resource.agent.client import GuardClient
from pilot_quantum.resource.agent.config import AgentConfig, Spawn

_MODULE = "pilot_quantum.resource.agent"


def way(config: AgentConfig) -> Spawn:
    """Which way to take here."""
    if config.spawn != "auto":
        return config.spawn
    if "SLURM_JOB_ID" in os.environ:
        return "srun"
    return "pbsdsh" if "PBS_NODEFILE" in os.environ else "launcher"


def spawn(
    node: AgentConfig,
    kind: Spawn,
    guard: GuardClient,
    directory: Path,
    shared: Path | None,
    on_exit: Callable[[str], None],
) -> None:
    """Start the agent of the node that `node` names; nothing where that is the launcher's task.

    shared: a directory that all nodes see, for those batch systems that hand no stdin on. The secret never stands on
    a command line. `on_exit(how)` is called when the command has ended, be it because it could not start the agent.
    """
    process = f"agent@{node.name}"
    log = directory / f"{process}.log"
    if kind == "srun":
        # One step for each node, so that one that dies takes no other with it. All that the allocation has there.
        argv = ["srun", "--overlap", "--nodes=1", "--ntasks=1", f"--nodelist={node.name}", "--export=ALL"]
        argv += ["--cpu-bind=none", "--mem=0", "--unbuffered", sys.executable, "-P", "-m", _MODULE, "-"]
        guard.start_program(process, 1, argv, {}, log, on_exit, stdin=node.to_json() + b"\n")
    elif kind == "pbsdsh":
        place = (shared or directory) / f".{node.allocation.replace('/', '-')}.json"
        node.write(place)

        def ended(how: str) -> None:
            place.unlink(missing_ok=True)
            on_exit(how)

        argv = ["pbsdsh", "-n", str(_line(node.name)), sys.executable, "-P", "-m", _MODULE, str(place)]
        guard.start_program(process, 1, argv, {}, log, ended)


def configuration(head: AgentConfig, **changes: object) -> AgentConfig:
    """What the agents of further nodes must know, from what their head was told."""
    return msgspec.structs.replace(
        head, **{"role": "node", "link": None, "nodes": 1, "hosts": (), "tied": True, "serve": False} | changes
    )


def _line(name: str) -> int:
    """Where the node is first listed, which is its number for pbsdsh."""
    return Path(os.environ["PBS_NODEFILE"]).read_text().split().index(name)
