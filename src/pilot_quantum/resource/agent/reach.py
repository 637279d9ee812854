"""What `rsh` is to a launcher of MPI ranks, without any login: `python reach.py HOST WORDS ...`.

Asks the agent of this node to have the words run by a shell on another node of the allocation, waits for their end,
and ends with them; the agent ends them when this program is ended. Imports nothing but the standard library, so that
it starts quickly.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys

AGENT = "PILOT_QUANTUM_AGENT"
"""Environment variable: the unix socket at which the agent of this node takes requests of its tasks."""
_INHERITED = ("PILOT_QUANTUM_WORKER",)
"""What the other node's processes need to be found as those of this task."""


_TOLD = ("SLURM[A-Z]*", "PMIX*", "PBS")
_FORGET = "unset $(env | sed -n " + " ".join(f"-e 's/^\\({name}_[A-Za-z0-9_]*\\)=.*/\\1/p'" for name in _TOLD) + "); "
"""As after a login: the daemons of MPI take what a batch system has told the agent there for a message to them."""


def main(arguments: list[str]) -> int:
    """Run the program; its exit code, 255 when there was none."""
    words = list(arguments)
    while words and words[0].startswith("-"):
        words.pop(0)  # what some launchers tell ssh: not to forward X11
    if len(words) < 2:
        print("usage: python reach.py HOST WORDS ...", file=sys.stderr)
        return 255
    request = {
        "host": words[0],
        "argv": ["/bin/sh", "-c", _FORGET + " ".join(words[1:])],
        "environ": {name: os.environ[name] for name in _INHERITED if name in os.environ},
    }
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(os.environ[AGENT])
            link.sendall(json.dumps(request).encode() + b"\n")
            with link.makefile() as answers:
                how = answers.readline().strip() or "the agent of this node has ended"
    except (OSError, KeyError) as error:
        how = f"the agent of this node cannot be asked: {error!r}"
    code = re.match(r"exited with code (\d+)", how)
    if code is None or code[1] != "0":
        print(f"on host {words[0]}: {how}", file=sys.stderr)
    return int(code[1]) if code else 255


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
