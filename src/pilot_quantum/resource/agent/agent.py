"""One agent: the engine on its node, or over all nodes where it is the head's; and the channel to whom it works for."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

from pilot_quantum.resource.agent import inventory, modules, nodes, table
from pilot_quantum.resource.agent import messages as m
from pilot_quantum.resource.agent.client import GuardClient
from pilot_quantum.resource.agent.config import AgentConfig
from pilot_quantum.resource.agent.desk import Desk, Upward
from pilot_quantum.resource.agent.doubts import MOMENT
from pilot_quantum.resource.agent.errands import Errands, OwnErrands
from pilot_quantum.resource.agent.further import Further
from pilot_quantum.resource.agent.hosts import Host, Inventory
from pilot_quantum.resource.agent.loop import AgentLoop
from pilot_quantum.resource.agent.programs import OwnHost, Programs
from pilot_quantum.resource.agent.router import Router
from pilot_quantum.resource.agent.service import AgentService
from pilot_quantum.resource.agent.uplink import Uplink
from pilot_quantum.resource.channel.credentials import Credentials
from pilot_quantum.resource.engines.events import Engine, EngineEnded, Expiring, NodesLost
from pilot_quantum.resource.engines.processes import Place, ProcessesEngine

DONE, FAILED, REFUSED, LOST = 0, 1, 3, 4
"""Exit statuses: told to end; ended by a fault; not let in; nobody there any more."""
_WARNING = 30.0
"""Seconds before the end of an allocation at which it is said to be expiring; for short ones a twentieth."""
_ENGINE, _LAST_WORD, _HURRY = 5.0, 2.0, 0.3
"""Seconds for an engine to end, and for the last word to arrive; for either when there is no time."""


class Agent:
    """Lives for as long as `run` does. server: where it is to be reached, if it does not dial.

    shared: a directory that the allocation's other nodes see, if any.
    """

    def __init__(self, config: AgentConfig, server: socket.socket | None = None, shared: Path | None = None) -> None:
        self._config = config
        self._shared = shared
        self._loop = AgentLoop(asyncio.get_running_loop(), lambda cause: self._end(cause, FAILED))
        self._places: dict[int, str] = {}
        self._service = AgentService(self._send, self._places, self._obey, self._engine_ended, self._sweep)
        self._loop.sink = self._service
        self._uplink = Uplink(config, self._loop, server, self._service.receive, self._refused, self._lost)
        self._guard = GuardClient(self._loop, patient=True)
        self._guard.path = list(config.path)
        self._guard.on_loss(lambda cause: self._end(cause, FAILED))
        self._directory: Path | None = None
        self._programs: Programs | None = None
        self._further: Further | None = None
        self._here: OwnHost | None = None
        self._upward = Upward(self._service.tell)
        self._desk: Desk | None = None
        self._own = 0
        self._batch = "SLURM_JOB_ID" in os.environ or "PBS_JOBID" in os.environ
        if self._batch:
            self._service.doubt(self._loop.call_later)
        self._modules: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._engine_over = asyncio.Event()
        self._ending: tuple[str, int] | None = None
        self._over = asyncio.Event()
        self._hurry = False
        self._heard = asyncio.Event()
        """Our last word has arrived, or nobody is there to hear it."""
        self._terms = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> int:
        """Work until there is a reason to end; the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.asyncio.add_signal_handler(number, self._terminated)
        if self._config.tied:
            self._watch_parent()
        self._uplink.start()
        await self._over.wait()
        assert self._ending is not None
        await self._close(*self._ending)
        return self._ending[1]

    # Reasons to end.

    def _end(self, cause: str, status: int, *, hurry: bool = False) -> None:
        self._hurry = self._hurry or hurry
        if self._ending is None:
            self._ending = cause, status
            self._over.set()

    def _refused(self, why: str) -> None:
        self._heard.set()
        if self._ending is None:
            _say(why)
        self._end(why, REFUSED, hurry=True)

    def _lost(self, cause: str) -> None:
        self._heard.set()
        if self._ending is None:
            _say(f"no word from the session: {cause}")
        self._end(f"no word from the session: {cause}", LOST, hurry=True)

    def _orphaned(self) -> None:
        self._end("its parent process has ended", LOST, hurry=True)

    def _terminated(self) -> None:
        """The first time a warning, the second an order."""
        self._terms += 1
        if self._terms > 1:
            self._end("it was terminated", FAILED, hurry=True)
        else:
            self._service.terminate()
            self._service.emit(Expiring(self._config.pilot, "its agent received SIGTERM"))

    def _watch_parent(self) -> None:
        parent = os.getppid()
        if parent == 1 or not hasattr(os, "pidfd_open"):
            return
        try:
            self._loop.watch(os.pidfd_open(parent), self._orphaned)
        except OSError:
            self._orphaned()
        if os.getppid() != parent:
            self._orphaned()

    def _engine_ended(self, event: EngineEnded) -> None:
        self._engine_over.set()
        if event.failed and self._batch and self._ending is None:
            self._loop.call_later(MOMENT, lambda: self._engine_failed(event.cause))
        else:
            self._end(event.cause, FAILED if event.failed else DONE)

    def _engine_failed(self, cause: str) -> None:
        """Where a batch system is ending the job, the engine heard of it too; perhaps the job is to be requeued."""
        if self._service.terminated:
            self._service.emit(NodesLost(self._config.pilot, sorted(self._places), cause, charged=False))
        else:
            self._end(cause, FAILED)

    # What comes from above, beside what is for the engine.

    def _send(self, message: bytes) -> None:
        self._uplink.send(message)

    def _obey(self, message: m.Down) -> None:
        match message:
            case m.Begin():
                self._task(self._begin(message))
            case m.Stop():
                self._end(message.cause, DONE)
            case m.Modules():
                self._modules.set_result(message.data)
            case m.Start() if self._programs is not None:
                self._programs.start(message.process, message.generation, message.argv, message.environ)
            case m.End() if self._programs is not None:
                self._programs.end(message.process, message.generation)
            case m.Sweep():
                self._guard.sweep(message.mark)
            case m.Reached():
                self._upward.ended(message.number, message.how)
            case _:
                raise AssertionError(f"a {type(message).__name__} came before its time")

    def _sweep(self, mark: str, where: Sequence[int]) -> None:
        """End what is left of a gang whose lead was lost."""
        if self._config.role == "node":
            self._service.tell(m.Sweep(mark, tuple(where)))
            return
        for node in where:
            if node == self._own:
                self._guard.sweep(mark)
            elif self._further is not None:
                self._further.sweep(node, mark)

    def _task(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.asyncio.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except (OSError, ImportError, modules.TooLargeError) as error:
            self._end(f"on {socket.gethostname()}: {type(error).__name__}: {error}", FAILED)
        except Exception as error:  # noqa: BLE001 - a defect: the agent ends, and says why
            traceback.print_exc()
            self._end(f"a defect of its agent: {type(error).__name__}: {error}", FAILED)

    # The beginning.

    async def _begin(self, begin: m.Begin) -> None:
        config, self._own = self._config, begin.first
        directory = self._directory = Path(tempfile.mkdtemp(prefix="pilot-quantum-", dir=config.directory))
        self._guard.remove_at_end(directory)  # should this process be killed
        self._programs = Programs(self._guard, directory, self._service.tell)
        self._service.keepsakes.spill_to(directory)
        modules_here = await self._find_modules(begin, directory)
        if modules_here:
            self._guard.path = [modules_here, *self._guard.path]
        errands = Errands(self._find, self._names)
        carrier = self._upward if config.role == "node" else OwnErrands(errands, begin.first)
        self._desk = Desk(carrier)
        await self._desk.open(directory)
        if config.role == "node":
            self._begin_node(begin.first, directory)
        else:
            await self._begin_head(begin, directory, modules_here, errands)

    def _begin_node(self, node: int, directory: Path) -> None:
        config = self._config
        address = config.listen or nodes.towards_session(config) or "127.0.0.1"
        there = inventory.take(config)
        self._describe(node, config.name or there.host, address, there, None)
        if config.engine == "processes":
            self._run(self._processes(node, config.name, there))

    async def _begin_head(self, begin: m.Begin, directory: Path, modules_here: str, errands: Errands) -> None:
        config, first, guard = self._config, begin.first, self._guard
        there = inventory.take(config)
        names = await asyncio.to_thread(nodes.names, config)
        ends_at = await asyncio.to_thread(inventory.ends_at, config)
        address = await asyncio.to_thread(nodes.own_address, config, names[1:])
        self._places[first] = f"{names[0]}={address}"
        here = self._here = OwnHost(first, names[0], address, there, directory, guard)
        further = None
        if len(names) > 1:
            further = self._further = Further(
                config,
                self._loop,
                self._service,
                names[1:],
                first + 1,
                self._places,
                guard,
                directory,
                self._shared,
                ends_at,
                errands,
            )
            await further.open(address, modules_here, begin.digest)
        self._describe(first, names[0], address, there, ends_at)
        if ends_at is not None:
            self._warn_before(ends_at)
        if config.engine not in table.SPANNING:
            own = self._processes(first, names[0], there)
            self._run(own if further is None else Router({first: own, **further.engines()}, first))
            return
        hosts: list[Host] = [here]
        if further is not None:
            hosts += await further.hosts()
        maker = await asyncio.to_thread(table.load, config.engine)
        credentials = await asyncio.to_thread(Credentials.make)
        self._run(maker(config.pilot, hosts, credentials, self._loop))

    def _run(self, engine: Engine) -> None:
        if self._ending is None:
            self._service.engine = engine
            engine.start()

    def _processes(self, node: int, name: str, there: Inventory) -> Engine:
        assert self._directory is not None
        place = Place(f"{self._config.pilot}/{node}.", node, host=name, places=self._places, sweep=self._sweep)
        return ProcessesEngine(
            self._config.pilot, there.cores, there.gpus, self._guard, self._loop, self._directory, place
        )

    def _describe(self, node: int, name: str, address: str, there: Inventory, ends_at: float | None) -> None:
        self._service.tell(
            m.Node(
                node=node,
                host=name,
                cores=there.cores,
                gpus=there.gpus,
                qpus=self._config.qpus,
                memory=there.memory,
                capabilities=sorted(there.capabilities),
                versions=dict(there.versions),
                ends_at=ends_at,
                address=address,
                directory=str(self._directory),
                mark=self._guard.token,
                site=there.site,
            )
        )

    def _warn_before(self, ends_at: float) -> None:
        left = ends_at - time.monotonic()
        before = min(_WARNING, left / 20)
        cause = f"its time is over in {before:.3g} s"
        self._loop.call_later(max(0.0, left - before), lambda: self._service.emit(Expiring(self._config.pilot, cause)))

    async def _find_modules(self, begin: m.Begin, directory: Path) -> str:
        """The user's modules: where the session has them if the same are there, else they are asked for."""
        if not begin.digest:
            return begin.modules
        if await asyncio.to_thread(_is, begin.modules, begin.digest):
            return begin.modules
        self._service.tell(m.WantModules(begin.digest))
        target = directory / "modules"
        await asyncio.to_thread(modules.unpack, await self._modules, target)
        return str(target)

    # What tasks have run on other nodes.

    def _find(self, host: str) -> Host | None:
        if self._here is not None and host in (self._here.name, self._here.address):
            return self._here
        return self._further.find(host) if self._further is not None else None

    def _names(self) -> list[str]:
        own = [self._here.name] if self._here is not None else []
        return own + (self._further.names() if self._further is not None else [])

    # The end.

    async def _close(self, cause: str, status: int) -> None:
        """End everything, then say so."""
        for task in self._tasks:
            task.cancel()
        if self._desk is not None:
            self._desk.close()
        engine = self._service.engine
        if engine is not None and not self._engine_over.is_set():
            engine.stop(cause)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._engine_over.wait(), _HURRY if self._hurry else _ENGINE)
        if self._further is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._further.stop(cause), _HURRY if self._hurry else None)
        self._guard.close()
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
        if not self._heard.is_set():
            self._uplink.last_word(m.encode(m.Ended(cause, status != DONE)), self._heard.set)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._heard.wait(), _HURRY if self._hurry else _LAST_WORD)
        self._uplink.close()


def _is(directory: str, digest: str) -> bool:
    try:
        return modules.digest(Path(directory)) == digest
    except (OSError, modules.TooLargeError):
        return False


def _say(line: str) -> None:
    print(f"pilot-quantum agent: {line}", file=sys.stderr, flush=True)
