"""Virtual hosts: what tests that use them take for granted."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
from tests.services.hosts import PROJECT, Hosts
from tests.services.processes import leftovers, remaining

pytestmark = pytest.mark.requires("hosts")

OPENER = """
import sys
from pathlib import Path
from tests.services.hosts import Hosts
with Hosts(1, directory=Path(sys.argv[1])) as hosts:
    print(hosts.network.interface, flush=True)
    sys.stdin.read()
"""


def interfaces() -> set[str]:
    return set(os.listdir("/sys/class/net"))


def test_each_host_has_a_name_an_address_and_processes_of_its_own(hosts: Hosts) -> None:
    for name in hosts.names:
        assert hosts.must(name, "hostname").strip() == name
        assert f" {hosts.address(name)}/24 " in hosts.must(name, "ip", "-4", "addr", "show", "eth0")
        assert hosts.must(name, "cat", "/proc/1/cmdline").rstrip("\0").endswith(f"/{name}/settings.json")


def test_hosts_and_the_session_s_side_reach_each_other_through_ssh(hosts: Hosts) -> None:
    first, *others = hosts.names
    assert hosts.ssh(first, "hostname").stdout.strip() == first
    assert hosts.ssh(hosts.address(first), "hostname").stdout.strip() == first
    for name in others:
        done = hosts.ssh(first, f"ssh {name} hostname")
        assert done.stdout.strip() == name, done.stderr


def test_a_host_reaches_a_listener_of_the_session_by_address_and_by_name(hosts: Hosts) -> None:
    with socket.create_server((hosts.root_address, 0)) as server:
        server.settimeout(10)
        for target in (hosts.root_address, socket.gethostname()):
            hosts.must("h2", "bash", "-c", f"echo from h2 > /dev/tcp/{target}/{server.getsockname()[1]}")
            connection, (peer, _) = server.accept()
            with connection:
                assert (connection.recv(100), peer) == (b"from h2\n", hosts.address("h2"))


def test_a_host_shares_this_test_s_directory_and_no_other_temporary_files(hosts: Hosts, tmp_path: Path) -> None:
    (tmp_path / "here").touch()
    assert hosts.must("h1", "ls", str(tmp_path)) == "here\n"
    hosts.must("h1", "sh", "-c", "touch /tmp/of-h1 /dev/shm/of-h1 /run/of-h1")
    for directory in ("/tmp", "/dev/shm", "/run"):
        assert hosts.run("h2", ["ls", f"{directory}/of-h1"]).returncode
        assert not Path(directory, "of-h1").exists()
    assert sys.executable in hosts.must("h1", sys.executable, "-c", "import sys; print(sys.executable)")


def test_a_covered_directory_is_empty_small_and_back_afterwards(hosts: Hosts, tmp_path: Path) -> None:
    (tmp_path / "shared").touch()
    with hosts.cover("h1", tmp_path, size="64k"):
        assert hosts.ssh("h1", f"ls {tmp_path}").stdout == ""
        assert "No space left" in hosts.ssh("h1", f"head -c 1000000 /dev/zero > {tmp_path}/big").stderr
        assert hosts.ssh("h2", f"ls {tmp_path}").stdout == "shared\n"
    assert hosts.ssh("h1", f"ls {tmp_path}").stdout == "shared\n"


def test_a_command_that_runs_out_of_time_is_gone_from_the_host(hosts: Hosts) -> None:
    token = uuid.uuid4().hex
    with pytest.raises(subprocess.TimeoutExpired):
        hosts.run("h1", ["sleep", "1000"], timeout=0.5, environ={"TOKEN": token})
    assert remaining(token) == []


def test_leftovers_finds_processes_by_their_environment_wherever_they_are(hosts: Hosts) -> None:
    token = uuid.uuid4().hex
    hosts.must("h2", "sh", "-c", "sleep 1000 >/dev/null 2>&1 &", environ={"TOKEN": token})
    with subprocess.Popen(["sleep", "1000"], env={"TOKEN": token}) as here:
        found = leftovers(token)
        assert {process.pid for process in found} & {process.pid for process in hosts.processes("h2")}
        assert here.pid in {process.pid for process in found}
        for process in found:
            os.kill(process.pid, signal.SIGKILL)
    assert remaining(token) == []


def test_a_connection_outlives_a_link_that_is_down_for_a_moment(hosts: Hosts) -> None:
    with socket.create_server((hosts.root_address, 0)) as server:
        server.settimeout(10)
        script = (
            f"exec 3<>/dev/tcp/{hosts.root_address}/{server.getsockname()[1]}; read -r line <&3; echo got $line >&3"
        )
        command = [*hosts.enter("h3"), "bash", "-c", script]
        with subprocess.Popen(command) as client, server.accept()[0] as connection:
            connection.settimeout(1)
            hosts.link_down("h3")
            connection.sendall(b"word\n")
            with pytest.raises(TimeoutError):
                connection.recv(100)
            hosts.link_up("h3")
            connection.settimeout(30)
            assert connection.recv(100) == b"got word\n"
            assert client.wait(10) == 0


def test_ssh_to_a_host_without_link_ends_at_its_deadline(hosts: Hosts) -> None:
    hosts.link_down("h3")
    command = ["ssh", "-F", str(hosts.ssh_config), "-o", "ConnectTimeout=1", "h3", "true"]
    assert subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 255
    hosts.link_up("h3")
    assert hosts.ssh("h3", "true").returncode == 0


def test_the_session_s_side_can_lose_all_hosts_that_do_not_lose_each_other(hosts: Hosts) -> None:
    hosts.link_down("root")
    command = ["ssh", "-F", str(hosts.ssh_config), "-o", "ConnectTimeout=1", "h1", "true"]
    assert subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 255
    assert hosts.must("h1", "ssh", "h2", "hostname") == "h2\n"
    hosts.link_up("root")
    assert hosts.ssh("h1", "hostname").stdout == "h1\n"


def test_a_killed_host_has_no_processes_and_can_be_started_again(hosts: Hosts) -> None:
    token = uuid.uuid4().hex
    hosts.must("h4", "sh", "-c", "sleep 1000 >/dev/null 2>&1 &", environ={"TOKEN": token})
    hosts.kill_host("h4")
    assert remaining(token) == []
    assert hosts.processes("h4") == []
    with pytest.raises(ValueError, match="h4 was killed"):
        hosts.run("h4", ["true"])
    hosts.start_host("h4")
    assert hosts.ssh("h4", "hostname").stdout == "h4\n"


def test_closing_leaves_no_process_no_interface_and_no_file() -> None:
    with Hosts(2) as mine:
        mine.must("h1", "sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 &", environ={"WHERE": str(mine.directory)})
        assert mine.network.interface in interfaces()
    assert remaining(str(mine.directory)) == []
    assert mine.network.interface not in interfaces()
    assert not mine.directory.exists()


def test_two_sets_of_hosts_live_side_by_side(hosts: Hosts) -> None:
    with Hosts(1) as others:
        assert others.network.prefix != hosts.network.prefix
        assert others.address("h1") in others.ssh("h1", "hostname -I").stdout
        assert hosts.address("h1") in hosts.ssh("h1", "hostname -I").stdout


def test_hosts_end_with_the_process_that_opened_them_even_if_it_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPENER, str(tmp_path)]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as opener:
        assert opener.stdout is not None
        interface = opener.stdout.readline().strip()
        assert interface in interfaces()
        opener.kill()
    assert remaining(str(tmp_path)) == []
    deadline = time.monotonic() + 30  # the kernel takes a network down after its last process, by and by
    while interface in interfaces():
        assert time.monotonic() < deadline
        time.sleep(0.02)
