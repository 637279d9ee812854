from __future__ import annotations

import queue
import shlex
import socket
import sys
from typing import TYPE_CHECKING

import pytest

from pilot_quantum.resource.launchers.openssh import OpenSSH
from pilot_quantum.resource.launchers.relay import Relay
from pilot_quantum.resource.launchers.remote_python import RemotePython

if TYPE_CHECKING:
    from tests.services.hosts import Hosts

TALK = """
import socket, sys
link = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=20)
link.sendall(b"from " + socket.gethostname().encode())
print(link.recv(100).decode())
"""


@pytest.mark.requires("hosts")
def test_nodes_reach_the_session_through_the_login_host_again_and_again(hosts: Hosts) -> None:
    came: queue.Queue[socket.socket] = queue.Queue()
    shell = OpenSSH("h1", shlex.join(["ssh", "-F", str(hosts.ssh_config)]))
    relay = Relay(shell, RemotePython(shell, (), sys.executable), came.put)
    try:
        addresses = relay.open()
        assert hosts.address("h1") in {address for address, _ in addresses}
        port = addresses[0][1]
        for name in ("h2", "h3", "h2"):
            command = [*hosts.enter(name), sys.executable, "-c", TALK, hosts.address("h1"), str(port)]
            talker = retry(command)
            link = came.get(timeout=20)
            link.settimeout(20)
            assert link.recv(100) == f"from {name}".encode()
            link.sendall(b"welcome")
            assert talker.communicate(timeout=20)[0] == "welcome\n"
            link.close()
    finally:
        relay.close()
        shell.close()
    assert not [process for process in hosts.processes("h1") if any("listen:" in word for word in process.command)]


def retry(command: list[str]):
    import subprocess

    # The next bridge takes a moment to be there: agents dial again, and so does this.
    loop = f"for i in $(seq 100); do {shlex.join(command)} 2>/dev/null && exit; sleep 0.1; done"
    return subprocess.Popen(["sh", "-c", loop], stdout=subprocess.PIPE, text=True)
