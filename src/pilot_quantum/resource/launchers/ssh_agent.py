"""One host's agent, as it is started, reached and ended through ssh."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence

from pilot_quantum.resource.agent.config import AgentConfig
from pilot_quantum.resource.launchers.openssh import OpenSSH, Stream
from pilot_quantum.resource.launchers.quoting import script
from pilot_quantum.resource.launchers.remote_python import RemotePython
from pilot_quantum.resource.launchers.shell import Finished
from pilot_quantum.resource.launchers.ssh_errors import SSHError, SSHFault, last_lines

NO_SOCKET = 3
"""Exit status of the bridge when the agent's socket is gone, that is, the agent."""
MARK = "PILOT_QUANTUM_PLACE"
"""The environment variable by which an agent, and all that it has started, is known to be ours; its value is random."""

_SERVE = f'export {MARK}\nexec "$python" -m pilot_quantum.resource.agent -\n'
_DETACH = f"""
export {MARK}
detach=$(command -v setsid)
log=$(mktemp) || exit 1
exec 3<&0
$detach "$python" -m pilot_quantum.resource.agent - <&3 >"$log" 2>&1 &
exec 3<&-
for tenth in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
  sleep 0.1
  kill -0 $! 2>/dev/null || {{ cat "$log" >&2; rm -f "$log"; exit 1; }}
done
printf '\\n{{"log": "%s"}}\\n' "$log"
"""
_BRIDGE = 'exec "$python" -m pilot_quantum.resource.channel.bridge "unix:$SOCKET"\n'
_LOG = """
for log in "$@"; do
  [ -f "$log" ] && tail -n 20 -- "$log"
done
exit 0
"""
_END = f"""
mark="{MARK}=$1"; seconds=$2; shift 2
tries=$((seconds * 10))
ours() {{ grep -lszxF -- "$mark" /proc/[0-9]*/environ | cut -d/ -f3; }}
while [ -n "$(ours)" ]; do
  if [ "$tries" -le 0 ]; then
    kill -KILL $(ours); sleep 0.1; continue
  fi
  tries=$((tries - 1)); sleep 0.1
done
rm -rf -- "$@"
"""


class SSHAgent:
    """The agent of one host. Blocks; to be used from threads of its launcher. `setup` and `interpreter`: of Python."""

    def __init__(self, shell: OpenSSH, setup: Sequence[str], interpreter: str | None) -> None:
        self.shell = shell
        self._python = RemotePython(shell, setup, interpreter)
        self._mark = ""
        self._socket = ""
        self._log = ""

    @property
    def started(self) -> bool:
        """Whether there is, or may have been, an agent."""
        return bool(self._mark)

    def serve(self, config: AgentConfig) -> None:
        """Start the head agent: it leaves ssh's session, and waits on a socket of its own. Raises SSHError."""
        said = self._start(_SERVE, config)
        self._socket = said["socket"]
        self._log = f"{self._socket.rpartition('/')[0]}/agent.log"

    def detach(self, config: AgentConfig) -> None:
        """Start a further node's agent, which dials its head by itself. Raises SSHError."""
        self._log = self._start(_DETACH, config)["log"]

    def bridge(self) -> Stream:
        """A stream to the head agent. Raises SSHError."""
        return self.shell.pipe(self._python.script(_BRIDGE, SOCKET=self._socket))

    def last_words(self) -> str:
        """The end of the agent's log; empty where it has none, or cannot be asked."""
        try:
            done = self.shell.run(script(_LOG, self._log), timeout=20)
        except SSHError:  # nobody can be asked; that the agent has ended is known all the same
            return ""
        return last_lines(done.stdout) if done.stdout.strip() else ""

    def end(self, seconds: int) -> None:
        """Wait until nothing of the agent lives, kill it after `seconds`, remove what it left. Raises SSHError."""
        folder = self._socket.rpartition("/")[0]
        left = [path for path in (folder or self._log,) if path]
        self.shell.run(script(_END, self._mark, str(seconds), *left), timeout=seconds + 20)

    def _start(self, body: str, config: AgentConfig) -> dict[str, str]:
        self.shell.open()  # where nobody gets to nothing can have been started
        self._mark = secrets.token_hex(16)
        done = self._python.run(body, config.to_json() + b"\n", **{MARK: self._mark})
        return self._said(done)

    def _said(self, done: Finished) -> dict[str, str]:
        """The line that tells where the agent is; what the set-up commands print comes before it."""
        for line in reversed(done.stdout.splitlines()):
            if line.startswith("{"):
                return {key: str(value) for key, value in json.loads(line).items()}
        raise SSHError(
            SSHFault.OTHER,
            f"{self.shell.place}: the agent said nothing when it started: {last_lines(done.words)}",
        )
