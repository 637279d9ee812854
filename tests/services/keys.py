"""What ssh needs between the root namespace and virtual hosts: keys, known hosts, configurations."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

SSHD = """\
Port 22
HostKey {ssh}/host_key
PidFile {directory}/sshd.pid
AuthorizedKeysFile {ssh}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UseDNS no
MaxStartups 200
MaxSessions 200
Subsystem sftp internal-sftp
"""

CLIENT = """\
Host {names}
  User root
  IdentityFile {ssh}/key
  IdentitiesOnly yes
  UserKnownHostsFile {ssh}/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  LogLevel ERROR
"""


def write_keys(ssh: Path, addresses: Mapping[str, str]) -> None:
    """Fills the directory `ssh` with one user's key, the hosts' key, and a client's `config` for these hosts."""
    ssh.mkdir(mode=0o700)
    for name in ("key", "host_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(ssh / name)], check=True)
    (ssh / "authorized_keys").write_text((ssh / "key.pub").read_text())
    host_key = (ssh / "host_key.pub").read_text()
    (ssh / "known_hosts").write_text("".join(f"{name},{ip} {host_key}" for name, ip in addresses.items()))
    each = "".join(f"Host {name}\n  HostName {ip}\n" for name, ip in addresses.items())
    names = " ".join([*addresses, *addresses.values()])
    (ssh / "config").write_text(each + CLIENT.format(names=names, ssh=ssh))


def write_sshd(directory: Path, ssh: Path) -> Path:
    """The configuration of the sshd of one host, whose own directory this is."""
    path = directory / "sshd_config"
    path.write_text(SSHD.format(directory=directory, ssh=ssh))
    return path
