"""The engine `dask`: bundles are tasks of a Dask cluster of our own, each pinned to one worker.

Dask starts every bundle and keeps the connections safe. The rows of a bundle travel directly between the engine and
the worker's process, on one more of Dask's connections: so they pass no scheduler, can be taken back and reported while
the bundle runs, and each arrives once, in order.
"""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

import asyncio
import contextlib
import sys
import traceback
from collections.abc import Awaitable, Coroutine, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from pilot_quantum.resource.agent.blobs import Left
from pilot_quantum.resource.agent.hosts import Host, places
from pilot_quantum.resource.agent.messages import SentRow
from pilot_quantum.resource.engines.dask import messages
from pilot_quantum.resource.engines.dask.identity import Identity
from pilot_quantum.resource.engines.dask.orders import Orders
from pilot_quantum.resource.engines.dask.ports import ReservedPort
from pilot_quantum.resource.engines.dask.seat import Seat
from pilot_quantum.resource.engines.events import (
    Began,
    EngineEnded,
    NodesLost,
    Outcomes,
    Revoked,
    Shipment,
    WorkerLost,
    WorkerUp,
)

if TYPE_CHECKING:
    from distributed import Client, Future
    from distributed.comm.core import Comm

    from pilot_quantum.resource.agent.loop import AgentLoop

_PACKAGE = "pilot_quantum.resource.engines.dask"
_SCHEDULER = "dask-scheduler"
_STILLBORN = 3
"""Processes of one host that may die before they are ready, one after the other, before we give it up."""
_LAST_WORDS = 1.0
"""Seconds to wait for what a dead process said before it died."""
_ENDING = 3.0
"""Seconds to wait for killed processes to be gone."""


class DaskEngine:
    """Runs the tasks of one pilot on `hosts`, the agent's own first. Implements `Engine`, on an asyncio loop."""

    def __init__(self, pilot: str, hosts: Sequence[Host], loop: AgentLoop) -> None:
        self._pilot = pilot
        self._hosts = list(hosts)
        self._loop = loop
        self._identity = Identity.fresh()
        self._scheduler_port = ReservedPort(hosts[0].address)
        self._engine_port = ReservedPort(hosts[0].address)
        self._seats: dict[str, Seat] = {}
        self._by_name: dict[str, Seat] = {}
        self._stillborn: dict[int, int] = {}
        self._given_up: set[int] = set()
        self._generation = 0
        self._bundles = 0
        self._client: Client | None = None
        self._listener: Any = None
        self._errands: set[asyncio.Task[Any]] = set()
        self._scheduler_gone = asyncio.Event()
        self._ended = False
        """Whether everything is being ended."""
        self._over = False
        """Whether that has been said."""

    def start(self) -> None:
        """Start the scheduler and all workers at once; they find each other."""
        self._hosts[0].start(
            _SCHEDULER,
            [sys.executable, "-m", f"{_PACKAGE}.scheduler"],
            self._orders(self._hosts[0], _SCHEDULER, self._scheduler_port.number).environment(),
            self._scheduler_died,
        )
        for host in self._hosts:
            for core in range(host.inventory.cores):
                self._seat(f"{self._pilot}/{host.node}.{core}", core, host, announced=False)
        self._errand(self._connect())

    def ship(self, shipment: Shipment) -> None:
        """Send tasks to a worker; a worker whose process has seen other GPUs gets a new process first."""
        seat = self._seats.get(shipment.worker)
        if seat is None or self._ended:
            return  # it, or all, has just ended, and the event is on its way
        gpus = _gpus(seat.host, shipment)
        if seat.gpus is not None and seat.gpus != gpus and not seat.doomed:
            seat.host.kill(seat.process)
            seat = self._seat(seat.worker, seat.core, seat.host, announced=True)
        seat.gpus = gpus
        if seat.ready and not seat.held:
            self._submit(seat, shipment)
        else:
            seat.held.append(shipment)

    def revoke(self, worker: str, items: Sequence[tuple[int, int]]) -> None:
        """Ask for tasks back that have not begun."""
        seat = self._seats.get(worker)
        if seat is None:
            return
        if seat.ready and seat.stream is not None:
            seat.stream.send(messages.encode(messages.Withdraw(list(items))))
        else:
            self._loop.emit(Revoked(self._pilot, worker, _withdraw(seat, set(items))))

    def kill(self, worker: str, cause: str) -> None:
        """End a worker's process and all that it started; a new one takes its place."""
        seat = self._seats.get(worker)
        if seat is not None:
            seat.doomed = cause
            seat.host.kill(seat.process)

    def stop(self, cause: str) -> None:
        """End everything at once."""
        self._end(cause, failed=False)

    # Processes.

    def _orders(self, host: Host, name: str, port: int = 0) -> Orders:
        return Orders(
            certificate=self._identity.certificate,
            key=self._identity.key,
            host=host.address,
            port=port,
            scheduler=self._scheduler_port.url,
            engine=self._engine_port.url,
            name=name,
            directory=str(host.directory),
        )

    def _seat(self, worker: str, core: int, host: Host, *, announced: bool) -> Seat:
        """A new process for `worker`."""
        self._generation += 1
        seat = Seat(worker, core, host, self._generation)
        seat.announced = announced
        self._seats[worker] = self._by_name[seat.name] = seat
        seat.mark = host.start(
            seat.process,
            [sys.executable, "-m", f"{_PACKAGE}.worker"],
            self._orders(host, seat.name).environment(),
            lambda how: self._exited(seat, how),
        )
        return seat

    def _exited(self, seat: Seat, how: str) -> None:
        seat.gone.set()
        if len(seat.nodes) > 1:
            for host in self._hosts:
                if host.node in seat.nodes and host is not seat.host:
                    host.sweep(seat.mark)  # the ranks of its gang
        if not self._ended:
            self._errand(self._bury(seat, how))

    async def _bury(self, seat: Seat, how: str) -> None:
        """Hear what a dead process has still said, then replace it."""
        if seat.stream is not None:
            await _within(_LAST_WORDS, seat.silent.wait())
        self._by_name.pop(seat.name, None)
        if self._seats.get(seat.worker) is not seat or self._ended:
            return  # it has been replaced on purpose, or all ends
        del self._seats[seat.worker]
        if seat.announced:
            self._loop.emit(WorkerLost(self._pilot, seat.worker, seat.doomed or how))
        if seat.host.lost:
            return
        if not seat.ready and not seat.doomed:
            count = self._stillborn[seat.host.node] = self._stillborn.get(seat.host.node, 0) + 1
            if count >= _STILLBORN:
                self._give_up(seat.host, f"its Dask workers cannot start: the last {how}")
        if seat.host.node not in self._given_up and not self._ended:
            self._seat(seat.worker, seat.core, seat.host, announced=False)

    def _give_up(self, host: Host, cause: str) -> None:
        """Do without a host on which no worker starts; without any, end."""
        self._given_up.add(host.node)
        if all(other.lost or other.node in self._given_up for other in self._hosts):
            self._end(cause, failed=True)
            return
        for seat in [seat for seat in self._seats.values() if seat.host is host]:
            del self._seats[seat.worker]
            host.kill(seat.process)
        self._loop.emit(NodesLost(self._pilot, [host.node], f"{host.name}: {cause}", charged=False))

    def _scheduler_died(self, how: str) -> None:
        self._scheduler_gone.set()
        self._end(f"the Dask scheduler {how}", failed=True)

    # Connections.

    async def _connect(self) -> None:
        """Join the scheduler as a client, and listen for the workers."""
        try:
            await asyncio.get_running_loop().run_in_executor(None, _import)
            from distributed import Client
            from distributed.comm.core import listen

            from pilot_quantum.resource.engines.dask import settings
            from pilot_quantum.resource.engines.dask.headless import hurry

            security = self._identity.security()
            self._listener = await listen(
                self._engine_port.url, self._converse, **security.get_listen_args("scheduler")
            )
            self._engine_port.release()
            client = await Client(
                self._scheduler_port.url,
                security=security,
                asynchronous=True,
                set_as_default=False,
                timeout=settings.CONNECT,
                direct_to_workers=False,
            )
        except (OSError, ImportError, TimeoutError) as error:
            self._end(f"no connection to the Dask scheduler: {type(error).__name__}: {error}", failed=True)
            return
        self._scheduler_port.release()
        hurry(client)
        self._client = client
        for seat in list(self._seats.values()):
            self._welcome(seat)

    async def _converse(self, comm: Comm) -> None:
        """Serve the connection of a worker's process."""
        from pilot_quantum.resource.engines.dask.stream import Stream

        stream = Stream(comm)
        seats: list[Seat] = []

        def receive(data: bytes) -> None:
            message = messages.decode_from_worker(data)
            if not isinstance(message, messages.Hello):
                self._take(seats[0], message)
            elif (seat := self._by_name.get(message.name)) is not None and not self._ended:
                seats.append(seat)
                seat.stream, seat.address, seat.pid = stream, message.address, message.pid
                self._welcome(seat)
            else:
                stream.close()  # one that has been replaced meanwhile

        try:
            await stream.serve(receive)
        finally:
            for seat in seats:
                seat.silent.set()
                if not seat.gone.is_set() and not self._ended:
                    self._loop.call_later(_LAST_WORDS, partial(self._put_down, seat))

    def _put_down(self, seat: Seat) -> None:
        """End a process that lives, but has lost its connection to us: without a word with us it is of no use."""
        if not seat.gone.is_set() and not self._ended:
            seat.doomed = seat.doomed or "the connection to it broke"
            seat.host.kill(seat.process)

    def _welcome(self, seat: Seat) -> None:
        """Put a worker to use, once it and we have joined the scheduler."""
        if seat.stream is None or self._client is None or seat.ready:
            return
        seat.ready = True
        self._stillborn[seat.host.node] = 0
        if not seat.announced:
            seat.announced = True
            self._loop.emit(WorkerUp(self._pilot, seat.worker, seat.pid, seat.host.node))
        held, seat.held = seat.held, []
        for shipment in held:
            self._submit(seat, shipment)

    # Bundles.

    def _submit(self, seat: Seat, shipment: Shipment) -> None:
        from pilot_quantum.resource.engines.dask.workbench import run

        assert seat.stream is not None
        assert self._client is not None
        self._bundles += 1
        number = self._bundles
        seat.nodes = shipment.nodes
        if shipment.function not in seat.functions:
            seat.functions.add(shipment.function)
            blob = self._loop.function(shipment.function)
            seat.stream.send(messages.encode(messages.Function(shipment.function, blob)))
        rows, large = list(shipment.parcels), list[Left]()
        if seat.host is not self._hosts[0]:  # on this host it finds large arguments where the agent has them
            rows, large, first = seat.blobs.split(rows)
            for piece in first:
                seat.stream.send(messages.encode(piece))
        bundle = messages.Bundle(
            number=number,
            function=shipment.function,
            cores=shipment.cores,
            gpus=_gpus(seat.host, shipment),
            hosts=places(self._hosts, shipment.nodes),
            rows=rows,
            large=large,
        )
        seat.stream.send(messages.encode(bundle))
        if (drop := seat.blobs.settle()) is not None:
            seat.stream.send(messages.encode(drop))
        future = self._client.submit(
            run,
            number,
            key=f"bundle-{number}",
            workers=[seat.address],
            allow_other_workers=False,
            retries=0,
            pure=False,
        )
        self._errand(self._follow(seat, number, future))

    async def _follow(self, seat: Seat, number: int, future: Future[Any]) -> None:
        """Wait until Dask is done with a bundle, and have it forgotten."""
        from distributed import wait

        with future.client.as_current():
            done = asyncio.ensure_future(wait([future]))
        gone = asyncio.ensure_future(seat.gone.wait())
        try:
            await asyncio.wait((done, gone), return_when=asyncio.FIRST_COMPLETED)
            if done.done() and not seat.gone.is_set():
                if future.status == "error":
                    error = await future.exception()
                    await _within(_LAST_WORDS, seat.gone.wait())  # Dask may hear of a worker's death before we do
                    if seat.gone.is_set():
                        return
                    self.kill(seat.worker, f"Dask could not run bundle {number}: {type(error).__name__}: {error}")
                elif future.status != "finished":
                    await _within(_LAST_WORDS, self._scheduler_gone.wait())  # then its end says why
                    self._end(f"the Dask scheduler has dropped bundle {number}: {future.status}", failed=True)
        finally:
            gone.cancel()
            done.cancel()
            future.release()

    def _take(self, seat: Seat, message: messages.Report | messages.Withdrawn) -> None:
        if self._over:
            return
        if isinstance(message, messages.Withdrawn):
            self._loop.emit(Revoked(self._pilot, seat.worker, message.items))
            return
        offset = seat.host.clock_offset
        if message.rows:
            rows = message.rows if not offset else [_shifted(row, offset) for row in message.rows]
            self._loop.deliver_rows(rows)
            self._loop.emit(Outcomes(self._pilot, seat.worker, [row[0] for row in rows]))
        if message.began is not None:
            task, attempt, began = message.began
            self._loop.emit(Began(self._pilot, seat.worker, task, attempt, began + offset))

    # The end.

    def _end(self, cause: str, *, failed: bool) -> None:
        if self._ended:
            return
        self._ended = True
        self._scheduler_port.release()
        self._engine_port.release()
        for errand in self._errands:
            errand.cancel()
        for seat in self._by_name.values():
            seat.host.kill(seat.process)
        self._hosts[0].kill(_SCHEDULER)
        self._errand(self._finish(cause, failed))

    async def _finish(self, cause: str, failed: bool) -> None:
        """Wait, with a bound, until the processes are gone and what they have reported is here; then say so."""
        seats = list(self._by_name.values())
        ends = [self._scheduler_gone.wait(), *(seat.gone.wait() for seat in seats)]
        ends += [seat.silent.wait() for seat in seats if seat.stream is not None]
        await _within(_ENDING, asyncio.gather(*ends))
        if self._listener is not None:
            self._listener.stop()
        for seat in seats:
            if seat.stream is not None:
                seat.stream.close()
        if self._client is not None:
            await _within(_LAST_WORDS, self._client._close(fast=True))
        self._over = True
        self._loop.emit(EngineEnded(self._pilot, cause, failed))

    def _errand(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that takes time."""
        errand = asyncio.ensure_future(work)
        self._errands.add(errand)
        errand.add_done_callback(self._errand_done)

    def _errand_done(self, errand: asyncio.Task[None]) -> None:
        self._errands.discard(errand)
        if errand.cancelled() or (error := errand.exception()) is None:
            return
        traceback.print_exception(error)  # into the agent's log: a defect, of ours or of Dask
        self._end(f"the engine failed: {type(error).__name__}: {error}", failed=True)


async def _within(seconds: float, work: Awaitable[object]) -> None:
    """Wait for `work`, but no longer than that."""
    with contextlib.suppress(TimeoutError, OSError):
        await asyncio.wait_for(work, seconds)


def _import() -> None:
    """What takes a second, on a thread of its own."""
    from pilot_quantum.resource.engines.dask import settings

    settings.isolate()
    import distributed  # noqa: F401

    from pilot_quantum.resource.engines.dask import stream, workbench  # noqa: F401


def _gpus(host: Host, shipment: Shipment) -> str:
    return ",".join(host.inventory.gpus[index] for index in shipment.gpus)


def _withdraw(seat: Seat, items: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """Take these out of what has not been sent; those that were there."""
    taken = [parcel[:2] for shipment in seat.held for parcel in shipment.parcels if parcel[:2] in items]
    left = (
        replace(shipment, parcels=[parcel for parcel in shipment.parcels if parcel[:2] not in items])
        for shipment in seat.held
    )
    seat.held = [shipment for shipment in left if shipment.parcels]
    return taken


def _shifted(row: SentRow, offset: float) -> SentRow:
    (task, attempt, began, ended, ok), value, output = row
    return (task, attempt, began + offset, ended + offset, ok), value, output
