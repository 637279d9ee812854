"""The launcher `slurm` and `pbs`: an allocation is a batch job that runs an agent."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from pilot_quantum.resource.capacity import LATER, Capacity
from pilot_quantum.resource.description import PilotDescription
from pilot_quantum.resource.engines.events import Engine, Loop
from pilot_quantum.resource.launchers.batch.agents import Agents, Configuration
from pilot_quantum.resource.launchers.batch.bridge import LoginBridge, Opened, PipeShell, open_bridge
from pilot_quantum.resource.launchers.batch.cluster import Cluster, ShellFor
from pilot_quantum.resource.launchers.batch.hints import hint
from pilot_quantum.resource.launchers.batch.launched import Launched
from pilot_quantum.resource.launchers.batch.local_shell import LocalShell
from pilot_quantum.resource.launchers.batch.poller import Poller, Round, ask
from pilot_quantum.resource.launchers.batch.script import Job, agent_command
from pilot_quantum.resource.launchers.batch.system import BatchError, RefusedError
from pilot_quantum.resource.launchers.batch.threads import Threads
from pilot_quantum.resource.launchers.protocol import AllocationEvents, Request
from pilot_quantum.resource.launchers.shell import Shell, ShellError

CLOSING = 10.0
"""Seconds that `close` waits for jobs to end."""
COURTESY = 4.0
"""Seconds for agents that were told to end, before their jobs are cancelled."""
INSISTENCE = 10.0
"""Seconds after which a cancellation without effect is repeated."""
_FINDING = (0.5, 2.0, 5.0)
"""Seconds between looks for a job whose submission was not answered."""
CONFIG = "agent.json"
SCRIPT = "job.sh"

Command = Callable[[str, str], tuple[str, ...]]
"""interpreter and configuration's path -> the program that a job runs."""


@dataclass(slots=True)
class _Member:
    """An allocation, where it is launched, and what is on its way."""

    launched: Launched
    place: _Place
    directory: str = ""
    submission: Future[str] | None = None
    bridge: LoginBridge | None = None


@dataclass(slots=True)
class _Place:
    cluster: Cluster
    poller: Poller


class BatchLauncher:
    """Jobs of Slurm or PBS, here or through login hosts. Implements `Launcher`.

    agents: the session's reception. directory: the session's. command: what the jobs run, for tests.
    """

    def __init__(
        self,
        loop: Loop,
        agents: Agents,
        directory: Path,
        scheme: str = "slurm",
        shells: ShellFor | None = None,
        command: Command = agent_command,
    ) -> None:
        self._loop = loop
        self._agents = agents
        self._local = directory.absolute() / "pilots"
        self._scheme = scheme
        self._shell_for = shells or _shell
        self._command = command
        self._session = f"{directory.absolute().name[:40]}-{secrets.token_hex(4)}"
        self._threads = Threads(loop)
        self._places: dict[tuple[str, str | None], _Place] = {}
        self._shells: dict[str, Shell] = {}
        self._members: dict[str, _Member] = {}
        self._closed = False

    def resolve(self, description: PilotDescription) -> Capacity:
        """What is asked for; what is not said is known when the nodes are there."""
        return Capacity(
            nodes=description.nodes,
            cores=description.cores if description.cores is not None else LATER,
            gpus=description.gpus,
            qpus=description.qpus,
            memory=description.memory if description.memory is not None else LATER,
            capabilities=description.capabilities,
            complete=False,
        )

    def launch(self, request: Request, events: AllocationEvents) -> Engine:
        """The engine of a new allocation; its job is submitted in a thread."""
        place = self._place(request.description)
        engine = self._agents.engine(request)
        name = request.allocation

        def give_up(cause: str) -> None:
            self._cancel(member, cause, True)

        def over(cause: str, failed: bool) -> None:
            self._conclude(member, cause, failed)

        member = _Member(Launched(request, engine, events, give_up, over), place)
        self._members[name] = member
        engine.on_hello(member.launched.hello)
        engine.on_break(lambda _cause: self._on_break(member))
        engine.on_end(lambda: self._cancel(member, "its agent has ended", False))
        engine.on_end(lambda: self._unbridge(member))
        given = request.description.address
        self._threads.run(
            lambda: given or self._way(member),
            lambda way: self._configure(member, way),
            lambda error: self._refused(member, error),
        )
        return engine

    def cancel(self, allocation: str) -> None:
        """Give the allocation back; `ended` follows."""
        member = self._members.get(allocation)
        if member is not None:
            self._cancel(member, "cancelled", False)

    def close(self) -> None:
        """Cancel all jobs and wait for their end, at most `CLOSING` seconds; remove what was written."""
        self._closed = True
        deadline = monotonic() + CLOSING
        live = [member for member in self._members.values() if member.launched.state != "ended"]
        wait([member.submission for member in live if member.submission is not None], CLOSING / 2)
        for member in live:
            submission = member.submission
            if not member.launched.job and submission is not None and submission.done() and not submission.cancelled():
                member.launched.job = "" if submission.exception() else submission.result()
        for place in self._places.values():
            place.poller.close()
            mine = [m.launched for m in live if m.place is place and m.launched.job and not m.launched.over]
            if mine:
                _end(place.cluster, {one.job: one.connected for one in mine}, deadline)
        for member in live:
            member.launched.end(*(member.launched.cancelled or ("session closed", False)))
        self._threads.close()
        for member in self._members.values():
            self._unbridge(member)
            if member.directory:
                keep = not member.place.cluster.login and not member.launched.request.description.directory
                member.place.cluster.remove(member.directory, (CONFIG,) if keep else ())
        for shell in self._shells.values():
            close = getattr(shell, "close", None)
            if close is not None:
                close()

    # On the loop's thread, one after the other.

    def _configure(self, member: _Member, way: str | Opened) -> None:
        """way: this machine's address, or what listens for us on the login host."""
        if isinstance(way, Opened):
            member.bridge = LoginBridge(
                self._loop, self._threads, lambda old: self._way_again(member, old), self._agents.adopt
            )
            member.bridge.use(way)
        if member.launched.cancelled is not None or self._closed:
            self._conclude(member, *(member.launched.cancelled or ("session closed", False)))
            self._unbridge(member)
            return
        try:
            if isinstance(way, Opened):
                config = self._agents.config(member.launched.request, None).dialling(((way.address, way.port),))
            else:
                config = self._agents.config(member.launched.request, way)
        except OSError as error:
            self._refused(member, error)
            return
        member.submission = self._threads.run(
            lambda: self._submit(member, config),
            lambda job: self._submitted(member, job),
            lambda error: self._refused(member, error),
        )

    def _submitted(self, member: _Member, job: str) -> None:
        launched = member.launched
        launched.job = job
        member.place.poller.follow(job)
        if launched.cancelled is not None:
            self._scancel(member)

    def _refused(self, member: _Member, error: Exception) -> None:
        system = member.place.cluster.system.name
        if isinstance(error, RefusedError):
            advice = hint(str(error))
            cause = f"{system} refuses the job: {error}" + (f"; {advice}" if advice else "")
        elif isinstance(error, ShellError | BatchError | OSError):
            cause = f"the job could not be submitted: {error}"
        else:
            cause = f"the job could not be submitted ({type(error).__name__}: {error})"
        member.launched.over = True
        member.launched.end(*(member.launched.cancelled or (cause, True)))

    def _found(self, key: tuple[str, str | None], found: Round) -> None:
        place = self._places[key]
        for member in list(self._members.values()):
            launched = member.launched
            if member.place is not place or launched.over or not launched.job:
                continue
            if launched.job in found.reports:
                launched.reported(found.reports[launched.job], found.began)
            elif launched.job in found.missing:
                launched.missing()
            elif found.failure:
                launched.unreachable(found.failure)

    def _unbridge(self, member: _Member) -> None:
        if member.bridge is not None:
            member.bridge.close()

    def _on_break(self, member: _Member) -> None:
        member.launched.broke()
        if not member.launched.over:
            if member.bridge is not None:
                member.bridge.renew()
            member.place.poller.poll_now()

    def _cancel(self, member: _Member, cause: str, failed: bool) -> None:
        launched = member.launched
        if launched.over or launched.cancelled is not None:
            return
        launched.cancelled = (cause, failed)
        if launched.job and launched.connected and not failed:
            # Its agent has been told to end, and a job that ends by itself is over sooner than one that is cancelled.
            self._loop.call_later(COURTESY, lambda: self._scancel(member))
            self._loop.call_later(COURTESY / 2, member.place.poller.poll_now)
        elif launched.job:
            self._scancel(member)

    def _scancel(self, member: _Member) -> None:
        """Cancel the job, and again until it has ended."""
        if member.launched.over or self._closed:
            return
        cluster, job = member.place.cluster, member.launched.job

        def asked(_: object) -> None:
            member.place.poller.poll_now()
            self._loop.call_later(INSISTENCE, lambda: self._scancel(member))

        self._threads.run(lambda: cluster.system.cancel([job]), asked, asked)

    def _conclude(self, member: _Member, cause: str, failed: bool) -> None:
        """The job has ended: read its last words, and tell."""
        member.place.poller.forget(member.launched.job)
        cluster, directory = member.place.cluster, member.directory
        if not directory:
            member.launched.end(cause, failed)
            return

        def last_words() -> str:
            names = ("job.err", "scheduler.out") if failed else ()
            words = cluster.last_words([f"{directory}/{name}" for name in names]) if names else ""
            cluster.remove(directory, (CONFIG,))
            return words

        def tell(words: str) -> None:
            member.launched.end(f"{cause}; its last words: {words}" if words else cause, failed)

        if self._threads.run(last_words, tell, lambda error: tell(str(error))) is None:
            tell("")

    # In a thread.

    def _way(self, member: _Member) -> str | Opened:
        """How agents reach us: at an address of ours, or through the login host."""
        cluster = member.place.cluster
        if not isinstance(cluster.shell, PipeShell):
            return cluster.address()
        interpreter = cluster.interpreter(member.launched.request.description)
        return open_bridge(cluster.shell, interpreter, cluster.system.server())

    def _way_again(self, member: _Member, old: Opened) -> Opened:
        cluster = member.place.cluster
        assert isinstance(cluster.shell, PipeShell)
        interpreter = cluster.interpreter(member.launched.request.description)
        return open_bridge(cluster.shell, interpreter, "", old.address, old.port)

    def _submit(self, member: _Member, config: Configuration) -> str:
        request, cluster = member.launched.request, member.place.cluster
        directory = cluster.directory(request.description, request.allocation)
        member.directory = directory
        path = f"{directory}/{CONFIG}"
        job = Job(
            name=f"pq-{self._session[-8:]}-{request.allocation}",
            description=request.description,
            nodes=request.nodes,
            directory=directory,
            command=self._command(cluster.interpreter(request.description), path),
            login=bool(cluster.login),
        )
        script = cluster.system.script(job)
        cluster.put(path, config.to_json() + b"\n")
        cluster.put(f"{directory}/{SCRIPT}", script.encode())
        number = self._submit_once(cluster, job, f"{directory}/{SCRIPT}")
        if self._closed:  # nobody waited so long
            cluster.system.cancel([number])
        return number

    def _submit_once(self, cluster: Cluster, job: Job, path: str) -> str:
        try:
            return cluster.system.submit(job, path)
        except ShellError as error:
            # Nobody knows whether the job exists: it must neither be forgotten nor submitted twice.
            for pause in _FINDING:
                sleep(pause)
                try:
                    found = cluster.system.find(job)
                except (ShellError, BatchError):
                    continue
                if found:
                    return found
            raise error

    def _place(self, description: PilotDescription) -> _Place:
        login = description.hosts[0] if description.hosts else ""
        key = (login, description.dialect)
        if key not in self._places:
            shell = self._shells.setdefault(login, self._shell_for(login))
            cluster = Cluster(description, shell, self._session, self._local)
            poller = Poller(self._loop, self._threads, cluster.system, lambda found: self._found(key, found))
            self._places[key] = _Place(cluster, poller)
        return self._places[key]


def _end(cluster: Cluster, jobs: Mapping[str, bool], deadline: float) -> None:
    """Cancel jobs and wait until the system says that they have ended, or knows them no more.

    jobs: by id, whether its agent has been told to end: such a job ends by itself, sooner than when it is cancelled.
    """
    left = dict(jobs)
    courtesy = monotonic() + COURTESY
    asked: dict[str, float] = {}
    while left and monotonic() < deadline:
        now = monotonic()
        due = [job for job in left if now - asked.get(job, -CLOSING) > CLOSING / 3]
        due = [job for job in due if now > courtesy or not left[job]]
        if due:
            with suppress(BatchError, ShellError):  # asked again below, until the deadline
                cluster.system.cancel(due)
                asked |= dict.fromkeys(due, now)
        found = ask(cluster.system, tuple(left))
        for job in [job for job, report in found.reports.items() if report.state.ended] + list(found.missing):
            left.pop(job, None)
        if left:
            sleep(0.1)


def _shell(login: str) -> Shell:
    if not login:
        return LocalShell()
    from pilot_quantum.resource.launchers.openssh import OpenSSH

    return OpenSSH(login)
