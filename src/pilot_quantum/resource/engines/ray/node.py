"""The program that makes one node of the cluster: `ray start --block` in this very process, with our settings.

It is told what to do in its environment, where other users cannot look, and keeps the token in a file of its own.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from pilot_quantum.resource.agent import threads
from pilot_quantum.resource.engines.ray.environment import keep_address, purify

SPECIFICATION, TOKEN = "PILOT_QUANTUM_RAY_NODE", "PILOT_QUANTUM_RAY_TOKEN"
"""Environment variables: a `Specification` as JSON; the cluster's token."""

ENDED = "Ray's {} ended with code {}"
"""What the program says when one of Ray's processes has ended as if it had been asked to."""

LONGEST = 38
"""Characters of a temporary directory: Ray's session adds 67 for its sockets, of which the system takes 107."""
_GRACEFUL = (0, 15, -15, 143)
"""Exit codes that `ray start` takes for an end that was asked for."""


class Specification(msgspec.Struct, frozen=True):
    """One node of the cluster.

    name: the node's index, by which the driver finds it. path: what leads to `directory` (private, and made already),
    itself or, where that is too long for a socket, a link that this program makes. head: the address of the cluster's
    head; empty makes the head. memory: of the object store, in bytes.
    """

    name: str
    address: str
    directory: str
    path: str
    head: str
    slots: int
    memory: int


def arguments(node: Specification) -> list[str]:
    """What `ray start` is told. Every port is one that the system chooses."""
    words = [
        "start",
        "--block",
        f"--node-name={node.name}",
        f"--node-ip-address={node.address}",
        f"--temp-dir={temporary(node.path)}",
        f"--num-cpus={node.slots}",
        "--num-gpus=0",
        f"--object-store-memory={node.memory}",
        "--include-log-monitor=false",
        "--disable-usage-stats",
        "--min-worker-port=0",
        "--max-worker-port=0",
        "--dashboard-agent-listen-port=0",
        "--log-style=record",
    ]
    if node.head:
        return [*words, f"--address={node.head}"]
    return [*words, "--head", "--port=0", "--include-dashboard=false", "--no-monitor"]


def temporary(path: str) -> str:
    """Ray's own directory below that of the node."""
    return f"{path}/r"


def end_with_any() -> None:
    """Have `ray start --block` end with any of its processes, whatever its exit code.

    It takes 0 and SIGTERM for the work of `ray stop`, and waits on. But nobody stops a part of our cluster; and a
    raylet gives 0 too when it follows a helper of its own that was killed.
    """
    from ray._private.node import Node

    look: Any = Node.dead_processes

    def dead_processes(node: Any) -> Any:
        dead = look(node)
        for kind, process in dead:
            if process.returncode in _GRACEFUL:
                print(ENDED.format(kind, process.returncode), flush=True)
                node.kill_all_processes(check_alive=False, allow_graceful=False)
                os._exit(1)
        return dead

    setattr(Node, "dead_processes", dead_processes)  # noqa: B010 - a method


def main() -> None:
    """Become the node that the environment describes."""
    node = msgspec.json.decode(os.environ.pop(SPECIFICATION), type=Specification)
    token = Path(node.directory, "token")
    with os.fdopen(os.open(token, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(os.environ.pop(TOKEN))
    if node.path != node.directory:
        os.symlink(node.directory, node.path)
    purify(os.environ, RAY_AUTH_TOKEN_PATH=str(token))
    os.environ |= threads.environment(1, "")

    from ray.scripts import scripts

    keep_address(node.address)
    end_with_any()
    # No port is Ray's choice that others may have chosen too: without this the client server would take 10001.
    setattr(scripts, "get_ray_client_dependency_error", lambda: ImportError("not wanted"))  # noqa: B010 - not exported
    sys.argv = ["ray", *arguments(node)]
    scripts.main()


if __name__ == "__main__":
    main()
