from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from pilot_quantum.resource.description import PilotDescription
from pilot_quantum.resource.launchers.openssh import OpenSSH
from pilot_quantum.resource.launchers.ssh_check import check

if TYPE_CHECKING:
    from tests.services.hosts import Hosts

pytestmark = pytest.mark.requires("hosts")


@pytest.fixture
def shell(hosts: Hosts) -> Iterator[Callable[[str], OpenSSH]]:
    made: list[OpenSSH] = []

    def make(host: str) -> OpenSSH:
        made.append(OpenSSH(host, shlex.join(["ssh", "-F", str(hosts.ssh_config)])))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_every_host_is_tried(shell, hosts):
    findings = check(PilotDescription("ssh://h1,root@h2?cores=1&setup=echo+hello"), shell)
    assert [(finding.what, finding.ok) for finding in findings] == [
        (f"{what} {host}", True) for host in ("h1", "root@h2") for what in ("ssh to", "Python on", "disk of")
    ]
    assert sys.executable in findings[1].found
    assert all("pilot-quantum-check" not in hosts.must(host, "ls", "/tmp") for host in ("h1", "h2"))


def test_what_would_fail_is_said_with_the_hosts_words(shell, hosts, tmp_path):
    findings = check(PilotDescription("ssh://nowhere.invalid,h1?interpreter=/no/python"), shell)
    assert [finding.ok for finding in findings] == [False, True, False, True]
    assert "Could not resolve hostname" in findings[0].found
    assert "/no/python" in findings[2].found
    with hosts.cover("h1", tmp_path / "small", "64k"):
        room = check(PilotDescription("ssh://h1", directory=str(tmp_path / "small")), shell)[-1]
        assert not room.ok
        assert "No space left on device" in room.found
        assert hosts.must("h1", "ls", str(tmp_path / "small")) == ""
