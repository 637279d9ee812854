"""A real Slurm over virtual hosts: the controller on the first, slurmd on the others, a munged of its own.

Without accounting (no slurmdbd, so `sacct` fails): that is the case which must work everywhere.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from tests.services.hosts import Hosts
from tests.services.network import LIVES_NO_LONGER_THAN_ITS_PARENT
from tests.services.processes import Process, descendants
from tests.services.running import PATH, RunningHosts
from tests.services.slurm_files import write_configuration

DEADLINE = 60.0  # seconds, for anything that is waited for here; on an idle machine it takes 2


SERVING = frozenset({"idle", "mixed", "allocated", "completing"})


class RunningSlurm:
    """The Slurm over these hosts; its commands run in the root namespace, as on a session's machine."""

    def __init__(self, hosts: RunningHosts) -> None:
        self.hosts = hosts
        self.directory = hosts.directory / "slurm"

    @property
    def environment(self) -> dict[str, str]:
        """What a process in the root namespace needs for sbatch and the other commands; on hosts none is needed."""
        return {"SLURM_CONF": str(self.directory / "etc" / "slurm.conf")}

    @property
    def login(self) -> str:
        """The host of the controller; no compute node."""
        return self.hosts.names[0]

    @property
    def nodes(self) -> tuple[str, ...]:
        """The compute nodes: three, where there are four hosts."""
        return self.hosts.names[1:]

    def command(self, *argv: str, timeout: float = 30, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Runs `sbatch`, `squeue`, … in the root namespace."""
        return subprocess.run(
            argv,
            env=os.environ | self.environment,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def must(self, *argv: str, timeout: float = 30, cwd: Path | None = None) -> str:
        """As `command`, but gives standard output alone, and raises where the command fails."""
        done = self.command(*argv, timeout=timeout, cwd=cwd)
        if done.returncode:
            raise RuntimeError(f"{' '.join(argv)} gave {done.returncode}: {(done.stderr or done.stdout).strip()}")
        return done.stdout.strip()

    def node_state(self, name: str) -> str:
        """As `sinfo` gives it, in full: idle, allocated, down, draining, …; a `*` behind it: does not answer."""
        return self.must("sinfo", "-h", "-N", "-p", "normal", "-n", name, "-o", "%T")

    def job_state(self, job: str) -> str:
        """As `squeue` gives it, in full: RUNNING, COMPLETED, …; "" for a job that it does not know any more."""
        done = self.command("squeue", "-h", "-t", "all", "-j", job, "-o", "%T")
        return done.stdout.strip()

    def until(self, condition: Callable[[], bool], what: str, timeout: float = DEADLINE) -> None:
        """Asks until the condition holds: Slurm tells nobody. `what`: for the error where it never does."""
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"not within {timeout:g} s: {what}\n{self.command('scontrol', 'show', 'node').stdout}"
                )
            time.sleep(0.05)

    def node_down(self, name: str, *, orphans: bool = False) -> None:
        """SIGKILLs slurmd and its steps, with their processes: as a crash. `orphans`: leaves the steps' processes."""
        for pid in self._stopped(name, with_steps=not orphans):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _stopped(self, name: str, *, with_steps: bool) -> set[int]:
        """Stops the node's daemons, and their steps' processes, until no new one appears: a job may just begin."""
        stopped: set[int] = set()
        while True:
            there = self.hosts.processes(name)
            daemons = {process.pid for process in there if _program(process) in {"slurmd", "slurmstepd"}}
            new = (descendants(daemons, there) if with_steps else daemons) - stopped
            if not new:
                return stopped
            for pid in new:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
            stopped |= new

    def node_up(self, name: str) -> None:
        """Starts slurmd and waits until the controller counts the node in."""
        self.hosts.must(name, "slurmd", "-N", name)
        self.until(lambda: self.node_state(name) in SERVING, f"node {name} up")

    def serve(self, name: str) -> None:
        """Brings a node back to service, whatever was done to it."""
        slurmd = [process for process in self.hosts.processes(name) if _program(process) == "slurmd"]
        if not slurmd:
            self.hosts.must(name, "slurmd", "-N", name)
        if (state := self.node_state(name)) not in SERVING:
            if state.startswith(("drain", "down")):  # refused where it has come back by itself since
                self.command("scontrol", "update", f"NodeName={name}", "State=RESUME")
            for process in slurmd:
                os.kill(process.pid, signal.SIGHUP)  # it reports to the controller now, else within a minute
            self.until(lambda: self.node_state(name) in SERVING, f"node {name} serves, after {state}")

    @contextmanager
    def patience(self, seconds: int) -> Iterator[None]:
        """Slurm takes a node that is silent for so long for alive (10 s, and two failed pings, without this)."""
        conf = Path(self.environment["SLURM_CONF"])
        before = conf.read_text()
        conf.write_text(before.replace("\nSlurmdTimeout=10\n", f"\nSlurmdTimeout={seconds}\n"))
        self.must("scontrol", "reconfigure")
        try:
            yield
        finally:
            conf.write_text(before)
            self.must("scontrol", "reconfigure")

    def drain(self, name: str) -> None:
        """Running jobs go on; no other starts there."""
        self.must("scontrol", "update", f"NodeName={name}", "State=DRAIN", "Reason=test")

    def resume(self, name: str) -> None:
        """Undoes `drain`, and "down"."""
        self.must("scontrol", "update", f"NodeName={name}", "State=RESUME")

    def submit(self, script: str, *options: str, cwd: Path) -> str:
        """Submits a shell script, in a directory that the hosts see; gives the job's number."""
        return self.must("sbatch", "--parsable", *options, "--wrap", script, cwd=cwd)

    def until_job(self, job: str, *states: str) -> None:
        """Waits until the job is in one of these states, as `job_state` names them."""
        self.until(lambda: self.job_state(job) in states, f"job {job} {' or '.join(states)}")

    def until_ends(self, ends: Mapping[str, str]) -> None:
        """Waits until each of these jobs was seen in its state: 10 s after its end, Slurm knows it no more."""
        left = dict(ends)

        def ended() -> bool:
            for job in [job for job, state in left.items() if self.job_state(job) == state]:
                del left[job]
            return not left

        self.until(ended, f"jobs that end as told in {ends}")

    def expire(self, job: str) -> None:
        """Lets a job's walltime end now; Slurm counts it in minutes, and looks at it every 30 s."""
        self.must("scontrol", "update", f"JobId={job}", "EndTime=now+1seconds")

    def jobs(self) -> set[str]:
        """The jobs that wait or run."""
        return set(self.must("squeue", "-h", "-o", "%A").split())

    def cancel(self, jobs: Collection[str]) -> None:
        """Cancels jobs and waits until none of them waits or runs."""
        if jobs:
            self.command("scancel", *jobs)  # fails for those that have ended meanwhile
            self.until(lambda: not self.jobs() & set(jobs), f"cancelled: {', '.join(jobs)}")


class Slurm(RunningSlurm):
    """Starts a Slurm over at least two hosts, and ends it with `close` (before the hosts are closed)."""

    def __init__(self, hosts: Hosts) -> None:
        super().__init__(hosts)
        hosts.on_revival.append(self.revive)
        shutil.rmtree(self.directory, ignore_errors=True)
        for name in ("state", "munge", "spool"):
            (self.directory / name).mkdir(parents=True)
        for number in range(2):
            os.mknod(self.directory / f"gpu{number}", 0o20666, os.makedev(1, 3))  # as /dev/null: only counted
        conf = write_configuration(
            self.directory, (self.login, hosts.address(self.login)), {name: hosts.address(name) for name in self.nodes}
        )
        (hosts.directory / "environment").write_text(f"export SLURM_CONF={conf}\n")
        self._munged = self._start_munged()
        try:
            for name in hosts.names:
                self.prepare(name)
            hosts.must(self.login, "slurmctld", "-c")
            for name in self.nodes:
                hosts.must(name, "slurmd", "-N", name)
            self.until(self._all_idle, "all nodes idle; see slurmctld.log and slurmd.*.log in " + str(self.directory))
        except BaseException:
            self.close()
            raise

    def prepare(self, name: str) -> None:
        """Makes the configuration the host's default, so that commands through ssh need no SLURM_CONF."""
        (self.directory / "spool" / name).mkdir(exist_ok=True)
        self.hosts.must(name, "mount", "--bind", str(self.directory / "etc"), "/etc/slurm")

    def revive(self, name: str) -> None:
        """Starts on a host that was killed what ran there, also where a test without Slurm has killed it."""
        self.prepare(name)
        if name == self.login:
            self.hosts.must(name, "slurmctld")
        else:
            self.serve(name)

    def restore(self, jobs: Collection[str]) -> None:
        """Cancels these jobs and brings every node back to service."""
        self.cancel(jobs)
        for name in self.nodes:
            self.serve(name)

    def close(self) -> None:
        """Ends all of Slurm: its daemons, the jobs, munged."""
        for name in self.hosts.names:
            self.node_down(name)
            for process in self.hosts.processes(name):
                if _program(process) == "slurmctld":
                    os.kill(process.pid, signal.SIGKILL)
        self._munged.kill()
        self._munged.wait()

    def __enter__(self) -> Slurm:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start_munged(self) -> subprocess.Popen[bytes]:
        own = self.directory / "munge"
        (own / "key").touch(mode=0o600)
        (own / "key").write_bytes(secrets.token_bytes(128))
        files = {"socket": "socket", "key-file": "key", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        options = [f"--{option}={own / file}" for option, file in files.items()]
        munged = subprocess.Popen(
            [*LIVES_NO_LONGER_THAN_ITS_PARENT, "munged", "--foreground", "--force", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": PATH},
        )
        self.until(lambda: (own / "socket").exists() or munged.poll() is not None, f"munged's socket; see {own}/log")
        if munged.poll() is not None:
            raise RuntimeError(f"munged ended with {munged.returncode}; see {own}/log")
        return munged

    def _all_idle(self) -> bool:
        done = self.command("sinfo", "-h", "-N", "-p", "normal", "-t", "idle", "-o", "%N")
        return len(done.stdout.split()) == len(self.nodes)


def _program(process: Process) -> str:
    return Path(process.command[0].split(":")[0]).name  # slurmstepd calls itself "slurmstepd: [12.batch]"
