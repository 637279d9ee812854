from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilot_quantum.resource.launchers import openssh
from pilot_quantum.resource.launchers.openssh import OpenSSH
from pilot_quantum.resource.launchers.quoting import command_line, script
from pilot_quantum.resource.launchers.ssh_errors import SSHError, SSHFault, fault_of, last_lines

if TYPE_CHECKING:
    from tests.services.hosts import Hosts

needs_hosts = pytest.mark.requires("hosts")
words = st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1, max_size=4)
SHELLS = [shell for shell in ("sh", "bash", "zsh", "ksh", "fish", "tcsh") if shutil.which(shell)]


@pytest.fixture
def connect(hosts: Hosts) -> Iterator[Callable[..., OpenSSH]]:
    """Makes connections that the test does not have to close."""
    made: list[OpenSSH] = []

    def make(host: str = "h1", *options: str) -> OpenSSH:
        made.append(OpenSSH(host, shlex.join(["ssh", "-F", str(hosts.ssh_config), *options])))
        return made[-1]

    yield make
    for one in made:
        one.close()


def masters(host: OpenSSH) -> list[psutil.Process]:
    """The ssh processes of a connection that stay in the background."""
    directory = str(host._directory)
    return [
        process
        for process in psutil.process_iter()
        if process.name() == "ssh" and any(directory in word for word in _command(process))
    ]


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def wait_until(holds: Callable[[], bool], seconds: float = 20) -> None:
    deadline = monotonic() + seconds
    while not holds():
        assert monotonic() < deadline, "it did not come true in time"
        sleep(0.02)  # what another host does cannot be waited for otherwise


def fails(host: OpenSSH) -> SSHError:
    with pytest.raises(SSHError) as caught:
        host.open()
    assert host._directory is None
    return caught.value


# Quoting.


@pytest.mark.parametrize("shell", SHELLS)
@given(argv=words)
def test_a_shell_reads_quoted_words_as_they_were(shell, argv):
    if shell == "tcsh":  # it has no way to quote the end of a line, and drops what is not in its locale
        argv = [word.encode("ascii", "ignore").decode().replace("\n", "").replace("\r", "") for word in argv]
    printed = subprocess.run(
        [shell, "-c", command_line(["printf", "%s\\0", *argv])], capture_output=True, check=True, timeout=20
    ).stdout
    assert printed == b"".join(word.encode() + b"\0" for word in argv)


@given(argv=words)
def test_a_script_finds_its_arguments(argv):
    line = command_line(script('for word in "$@"; do\n  printf \'%s\\0\' "$word"\ndone', *argv))
    printed = subprocess.run(["sh", "-c", line], capture_output=True, check=True, timeout=20).stdout
    assert printed == b"".join(word.encode() + b"\0" for word in argv)


@given(text=st.text(st.sampled_from("a\\n0'\"$!%\n\t é"), max_size=30))
def test_a_script_arrives_as_it_was_written(text):
    here = f"cat <<'END OF TEXT'\n{text}\nEND OF TEXT\n"
    assert "\n" not in command_line(script(here))
    printed = subprocess.run(script(here), capture_output=True, check=True, timeout=20).stdout
    assert printed.decode() == text + "\n"


def test_a_nul_in_a_word_is_refused():
    with pytest.raises(ValueError, match="NUL"):
        command_line(["a\0b"])


# What ssh's words mean.


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("ssh: Could not resolve hostname h9: Name or service not known", SSHFault.UNREACHABLE),
        ("ssh: connect to host h9 port 22: Connection timed out", SSHFault.UNREACHABLE),
        ("kex_exchange_identification: Connection closed by remote host", SSHFault.UNREACHABLE),
        ("me@h9: Permission denied (publickey,keyboard-interactive).", SSHFault.REFUSED),
        ("Received disconnect from 10.0.0.1 port 22:2: Too many authentication failures", SSHFault.REFUSED),
        ("No ED25519 host key is known for h9 and you have requested strict checking.", SSHFault.UNKNOWN_HOST_KEY),
        (
            "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
            SSHFault.CHANGED_HOST_KEY,
        ),
        ("/home/me/.ssh/config: line 3: Bad configuration option: prot", SSHFault.CONFIGURATION),
        ("something quite new", SSHFault.OTHER),
    ],
)
def test_what_ssh_says_is_understood(said, fault):
    assert fault_of(said) is fault


def test_what_a_program_said_is_one_sentence():
    assert last_lines("@@@@@@\n@ WARNING @\n\nfirst\nlast\n") == "WARNING / first / last."
    assert last_lines("") == "nothing."


def test_a_command_that_does_not_exist_is_named(monkeypatch):
    monkeypatch.setenv(openssh.COMMAND, "no-such-ssh -F none")
    error = fails(OpenSSH("h1"))
    assert error.fault is SSHFault.NO_PROGRAM
    assert "'no-such-ssh' cannot be run" in str(error)
    assert openssh.COMMAND in str(error)


# On real hosts.


@needs_hosts
def test_a_program_gets_its_words_and_its_input(connect):
    host = connect()
    done = host.run(
        ["sh", "-c", 'cat; printf "<%s>" "$@"; echo no >&2; exit 7', "sh", "a b", "-x", "$(id)'!\\"], b"in "
    )
    assert (done.status, done.stdout, done.stderr) == (7, "in <a b><-x><$(id)'!\\>", "no\n")
    assert host.run(["hostname"]).stdout == "h1\n"
    assert len(masters(host)) == 1


@needs_hosts
def test_a_program_may_end_as_ssh_would_when_it_fails(connect):
    assert connect().run(["sh", "-c", "exit 255"]).status == 255
    assert connect().run(["no-such-program"]).status == 127


@needs_hosts
def test_many_threads_share_one_connection(connect):
    host, said = connect(), []
    threads = [threading.Thread(target=lambda: said.append(host.run(["hostname"]).stdout)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert said == ["h1\n"] * 6
    assert len(masters(host)) == 1


@needs_hosts
def test_a_file_is_written_whole_for_its_owner_alone(connect, hosts):
    host = connect()
    host.write("/tmp/new folder/it's here", b"\0secret\n" * 100_000)
    host.write("/tmp/new folder/program", b"#!/bin/sh\n", 0o700)
    listing = hosts.must("h1", "stat", "-c", "%a %s %n", "/tmp/new folder", "/tmp/new folder/it's here")
    assert listing.splitlines()[0].startswith("700 ")
    assert listing.splitlines()[1] == "600 800000 /tmp/new folder/it's here"
    assert sorted(hosts.must("h1", "ls", "/tmp/new folder").splitlines()) == ["it's here", "program"]


@needs_hosts
def test_a_full_disk_is_reported_in_the_hosts_words_and_leaves_nothing(connect, hosts, tmp_path):
    with hosts.cover("h1", tmp_path / "small", "64k"):
        with pytest.raises(SSHError, match="No space left on device"):
            connect().write(str(tmp_path / "small" / "file"), b"x" * 1_000_000)
        assert hosts.must("h1", "ls", str(tmp_path / "small")) == ""


@needs_hosts
def test_what_start_up_files_print_is_not_what_a_command_says(connect, hosts):
    hosts.must("h1", "sh", "-c", "printf 'echo welcome\\necho to h1 >&2\\n' > /root/.bashrc")
    try:
        done = connect().run(["sh", "-c", "echo out; echo err >&2; exit 3"])
    finally:
        hosts.must("h1", "sh", "-c", ": > /root/.bashrc")
    assert (done.status, done.stdout, done.stderr) == (3, "out\n", "err\n")


@needs_hosts
def test_a_pipe_is_a_socket_to_a_program(connect):
    stream = connect().pipe(["sh", "-c", "echo ready >&2; cat"])
    stream.link.settimeout(20)
    stream.link.sendall(b"x" * 500_000)
    stream.link.shutdown(socket.SHUT_WR)
    came = 0
    while data := stream.link.recv(1 << 20):
        came += len(data)
    assert came == 500_000
    assert stream.process.wait(20) == 0
    assert stream.words() == "ready"
    stream.end()
    stream.link.close()


@needs_hosts
def test_what_takes_too_long_is_given_up_at_once(connect, hosts):
    host = connect()
    with pytest.raises(SSHError, match=r"did not end within 0\.5 s") as caught:
        host.run(["sleep", "62.5"], timeout=0.5)
    assert caught.value.fault is SSHFault.TIMED_OUT
    (there,) = [process for process in hosts.processes("h1") if process.command == ("sleep", "62.5")]
    os.kill(there.pid, signal.SIGKILL)
    assert host.run(["hostname"]).stdout == "h1\n"


@needs_hosts
def test_our_connection_is_private_and_ends_with_close(connect):
    host = connect()
    host.open()
    assert host._directory is not None
    directory = host._directory
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    (master,) = masters(host)
    host.close()
    assert not directory.exists()
    psutil.wait_procs([master], timeout=10)
    assert not master.is_running()
    with pytest.raises(SSHError, match="closed by us"):
        host.run(["hostname"])


@needs_hosts
def test_a_connection_that_was_cut_is_made_again(connect):
    host = connect()
    host.open()
    (master,) = masters(host)
    master.send_signal(signal.SIGKILL)
    psutil.wait_procs([master], timeout=10)
    assert host.run(["hostname"]).stdout == "h1\n"
    assert len(masters(host)) == 1


@needs_hosts
def test_a_cut_during_a_command_is_told_as_such(connect, hosts):
    host = connect()
    host.open()
    (master,) = masters(host)
    caught: list[SSHError] = []

    def run() -> None:
        try:
            host.run(["sleep", "61.25"])
        except SSHError as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: any("61.25" in process.command for process in hosts.processes("h1")))
    master.send_signal(signal.SIGKILL)
    thread.join(30)
    assert [error.fault for error in caught] == [SSHFault.CUT]
    assert "was cut while sleep 61.25 ran" in str(caught[0])


@needs_hosts
def test_a_connection_that_the_user_has_open_is_used_and_left_alone(connect, hosts, tmp_path):
    path = Path("/tmp") / f"pq-test-{os.getpid()}"
    own = ["ssh", "-F", str(hosts.ssh_config), "-S", str(path), "h1"]
    subprocess.run([*own[:-1], "-M", "-N", "-f", "h1"], check=True, timeout=30, stderr=subprocess.DEVNULL)
    try:
        host = connect("h1", "-S", str(path))
        assert host.run(["hostname"]).stdout == "h1\n"
        assert host._directory is None
        host.close()
        assert subprocess.run([*own[:-1], "-O", "check", "h1"], capture_output=True).returncode == 0
    finally:
        subprocess.run([*own[:-1], "-O", "exit", "h1"], capture_output=True)


@needs_hosts
def test_a_passphrase_can_be_asked_for(connect, hosts, tmp_path, monkeypatch):
    key = tmp_path / "key"
    key.write_bytes((hosts.ssh_config.parent / "key").read_bytes())
    key.chmod(0o600)
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "sesame", "-f", str(key)], check=True)
    config = tmp_path / "config"
    config.write_text(hosts.ssh_config.read_text().replace(str(hosts.ssh_config.parent / "key"), str(key)))
    command = f"ssh -F {config}"
    for name in ("SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "SSH_AUTH_SOCK"):
        monkeypatch.delenv(name, raising=False)
    error = fails(OpenSSH("h1", command))  # nobody to ask: refused at once instead of waiting
    assert error.fault is SSHFault.REFUSED
    ask = tmp_path / "ask"
    ask.write_text("#!/bin/sh\necho sesame\n")
    ask.chmod(0o700)
    monkeypatch.setenv("SSH_ASKPASS", str(ask))
    monkeypatch.setenv("SSH_ASKPASS_REQUIRE", "force")
    host = OpenSSH("h1", command)
    try:
        assert host.run(["hostname"]).stdout == "h1\n"
    finally:
        host.close()


@needs_hosts
def test_why_a_host_cannot_be_reached_is_told_apart(connect, hosts, tmp_path):
    address = hosts.address("h1")
    closed = fails(connect("root@h1:23"))
    assert closed.fault is SSHFault.UNREACHABLE
    assert "Connection refused" in str(closed)
    assert "-p 23 root@h1 true` must work" in str(closed)
    assert fails(connect("no-such-host.invalid")).fault is SSHFault.UNREACHABLE

    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other")], check=True)
    (tmp_path / "config").write_text("")
    known = hosts.ssh_config.parent / "known_hosts"
    options = f"ssh -F {tmp_path}/config -o IdentityAgent=none -o IdentitiesOnly=yes"
    other = OpenSSH(f"root@{address}", f"{options} -i {tmp_path}/other -o UserKnownHostsFile={known}")
    refused = fails(other)
    assert refused.fault is SSHFault.REFUSED
    assert "Permission denied (publickey" in str(refused)
    assert "ssh-add -l" in str(refused)

    unknown = fails(OpenSSH(f"root@{address}", f"{options} -o UserKnownHostsFile={tmp_path}/none"))
    assert unknown.fault is SSHFault.UNKNOWN_HOST_KEY
    assert "accept it" in str(unknown)

    foreign = " ".join((tmp_path / "other.pub").read_text().split()[:2])
    (tmp_path / "foreign").write_text(f"{address} {foreign}\n")
    changed = fails(OpenSSH(f"root@{address}", f"{options} -o UserKnownHostsFile={tmp_path}/foreign"))
    assert changed.fault is SSHFault.CHANGED_HOST_KEY
    assert f"ssh-keygen -R {address}" in str(changed)

    assert fails(connect("h1", "-o", "Nonsense=yes")).fault is SSHFault.CONFIGURATION


@needs_hosts
def test_a_host_that_answers_nothing_is_given_up(connect, hosts, monkeypatch):
    monkeypatch.setattr(openssh, "CONNECT", 2)
    hosts.link_down("h2")
    error = fails(connect("h2"))
    assert error.fault is SSHFault.UNREACHABLE
