"""Brings the services up by hand: `python -m tests.services up --directory DIR`; see README.md."""

from __future__ import annotations

import argparse
import os
import select
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import psutil
from tests.services.hosts import PROJECT, Hosts
from tests.services.running import RunningHosts
from tests.services.slurm import RunningSlurm, Slurm

START_DEADLINE = 120.0  # seconds


def main() -> int:
    arguments = _parser().parse_args()
    arguments.directory = arguments.directory.resolve()
    try:
        return int(arguments.action(arguments) or 0)
    except (RuntimeError, ValueError, OSError, KeyError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.services")
    actions = parser.add_subparsers(required=True)

    def action(name: str, function: object, text: str) -> argparse.ArgumentParser:
        sub = actions.add_parser(name, help=text, description=text)
        sub.add_argument("--directory", type=Path, required=True, help="holds all files of these services")
        sub.set_defaults(action=function)
        return sub

    for name, function, text in (
        ("up", _up, "start hosts and Slurm in the background, say how to use them"),
        ("serve", _serve, "what `up` runs: hosts and Slurm until SIGTERM"),
    ):
        sub = action(name, function, text)
        sub.add_argument("--hosts", type=int, default=4, help="how many (default 4)")
        sub.add_argument("--no-slurm", action="store_true", help="hosts with sshd only")
        sub.add_argument("--shared", type=Path, nargs="*", default=[], help="directories below /tmp that hosts see too")
        sub.add_argument("--hours", type=float, default=3, help="end by itself after so long (default 3)")
    action("down", _down, "end what `up` started")
    action("status", _status, "say what runs, and how to use it")
    run = action("run", _run, "run a command on a host without ssh")
    run.add_argument("host")
    run.add_argument("command", nargs=argparse.REMAINDER)
    for name, text in (
        ("link-down", "pull a host's network cable, or that of the session's side (root)"),
        ("link-up", "plug it in again"),
        ("kill", "cut a host's power (for good)"),
        ("processes", "list a host's processes as the root namespace sees them"),
        ("node-down", "SIGKILL a node's slurmd, its steps and their processes"),
        ("node-up", "start slurmd on a node again and wait until it serves"),
        ("drain", "drain a node"),
        ("resume", "let a drained node take jobs again"),
    ):
        action(name, _on_host, text).add_argument("host")
        actions.choices[name].set_defaults(what=name)
    return parser


def _up(arguments: argparse.Namespace) -> int:
    directory: Path = arguments.directory
    if (directory / "hosts.json").exists() and _owner(directory):
        print(f"services run already in {directory}:\n\n{_usage(directory)}")
        return 0
    directory.mkdir(parents=True, exist_ok=True)
    options = ["--hosts", str(arguments.hosts), "--hours", str(arguments.hours)]
    options += ["--no-slurm"] * arguments.no_slurm + ["--shared", *map(str, arguments.shared)]
    with (directory / "serve.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.services", "serve", "--directory", str(directory), *options],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            text=True,
        )
    assert server.stdout is not None
    if not select.select([server.stdout], [], [], START_DEADLINE)[0] or server.stdout.readline() != "ready\n":
        server.terminate()
        raise RuntimeError(
            f"services did not start; {directory / 'serve.log'}:\n{(directory / 'serve.log').read_text()}"
        )
    print(_usage(directory))
    return 0


def _serve(arguments: argparse.Namespace) -> None:
    ends = {signal.SIGTERM, signal.SIGINT, signal.SIGALRM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    signal.alarm(max(1, int(arguments.hours * 3600)))
    with ExitStack() as stack:
        hosts = stack.enter_context(
            Hosts(arguments.hosts, directory=arguments.directory, shared=[path.resolve() for path in arguments.shared])
        )
        if not arguments.no_slurm:
            stack.enter_context(Slurm(hosts))
        print("ready", flush=True)
        signal.sigwait(ends)


def _down(arguments: argparse.Namespace) -> None:
    if (owner := _owner(arguments.directory)) is None:
        print(f"nothing runs in {arguments.directory}")
        return
    os.kill(owner.pid, signal.SIGTERM)
    try:
        owner.wait(timeout=30)
    except psutil.TimeoutExpired:
        owner.kill()  # everything that it started ends with it


def _owner(directory: Path) -> psutil.Process | None:
    try:
        pid, created = (directory / "owner").read_text().split()
        process = psutil.Process(int(pid))
        return process if process.create_time() == float(created) else None
    except (FileNotFoundError, psutil.NoSuchProcess):
        return None


def _status(arguments: argparse.Namespace) -> int:
    if _owner(arguments.directory) is None:
        print(f"nothing runs in {arguments.directory}")
        return 1
    print(_usage(arguments.directory))
    return 0


def _usage(directory: Path) -> str:
    hosts = RunningHosts(directory)
    addresses = ", ".join(f"{name} {hosts.address(name)}" for name in hosts.names)
    lines = [
        f"hosts: {addresses}; the session's side (root namespace): {hosts.root_address}",
        f"ssh:   ssh -F {hosts.ssh_config} h1",
        f"run:   {sys.executable} -m tests.services run --directory {directory} h1 COMMAND  (no ssh, all namespaces)",
        f"also:  link-down|link-up|kill|processes HOST --directory {directory}",
    ]
    if (directory / "slurm" / "etc" / "slurm.conf").exists():
        slurm = RunningSlurm(hosts)
        lines += [
            f"slurm: . {directory}/environment   (sets SLURM_CONF to {slurm.environment['SLURM_CONF']})",
            f"       nodes {', '.join(slurm.nodes)}; controller and login node h1, where ssh needs no SLURM_CONF",
            f"also:  node-down|node-up|drain|resume NODE --directory {directory}",
        ]
    lines.append(f"end:   {sys.executable} -m tests.services down --directory {directory}")
    return "\n".join(lines)


def _run(arguments: argparse.Namespace) -> int:
    hosts = RunningHosts(arguments.directory)
    command = [word for word in arguments.command if word != "--" or word is not arguments.command[0]]
    return subprocess.run([*hosts.enter(arguments.host), *command], cwd="/", check=False).returncode


def _on_host(arguments: argparse.Namespace) -> None:
    hosts, name = RunningHosts(arguments.directory), arguments.host
    if name not in hosts.names and not (name == "root" and arguments.what.startswith("link")):
        raise ValueError(f"no host {name!r}; there are {', '.join(hosts.names)}")
    match arguments.what:
        case "link-down":
            hosts.link_down(name)
        case "link-up":
            hosts.link_up(name)
        case "kill":
            hosts.kill_host(name)
        case "processes":
            print("\n".join(map(str, hosts.processes(name))))
        case "node-down":
            RunningSlurm(hosts).node_down(name)
        case "node-up":
            RunningSlurm(hosts).node_up(name)
        case "drain":
            RunningSlurm(hosts).drain(name)
        case "resume":
            RunningSlurm(hosts).resume(name)


if __name__ == "__main__":
    sys.exit(main())
