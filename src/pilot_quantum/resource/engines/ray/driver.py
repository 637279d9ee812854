"""The program that is the cluster's one driver: makes the actors, hands on what is for them and what they say.

It is a process of its own since Ray ends a driver's process at once when its head is gone, and since connecting blocks.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import secrets
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from pilot_quantum.resource.engines.ray import messages
from pilot_quantum.resource.engines.ray.actor import SlotActor
from pilot_quantum.resource.engines.ray.environment import keep_address, purify
from pilot_quantum.resource.engines.ray.node import TOKEN
from pilot_quantum.resource.engines.ray.relay import Relay

SPECIFICATION = "PILOT_QUANTUM_RAY_DRIVER"
"""Environment variable: a `Specification` as JSON."""
SOCKET = "ray-driver.socket"
"""The file at which the engine listens."""
POLL = 0.05
"""Seconds between looks for the head's address and for nodes that are to come."""


class Specification(msgspec.Struct, frozen=True):
    """The directory of the engine's socket, Ray's temporary directory on this node, and this node's address."""

    directory: str
    temporary: str
    address: str


class _Actor:
    """An actor, and the numbers of calls that it may have to answer twice."""

    def __init__(self, handle: Any) -> None:
        self.handle = handle
        self.listens = 0
        self.withdrawals = 0
        self.unheard: dict[int, None] = {}
        """Withdrawals, in their order, that have no answer."""


class Driver:
    """Owns the actors. All is called on the asyncio loop; what blocks for long is done in threads."""

    def __init__(self, link: Relay, ray: Any) -> None:
        self._link = link
        self._ray = ray
        for name, group in (("pid", "control"), ("withdraw", "control"), ("listen", "listen")):
            ray.method(concurrency_group=group)(getattr(SlotActor, name))
        self._slot = ray.remote(concurrency_groups={"control": 1, "listen": 1})(SlotActor)
        self._actors: dict[int, _Actor] = {}
        self._expected: list[messages.Spawn] = []
        """Actors whose node has not joined yet."""
        self._nodes: dict[int, str] = {}
        self._looking: asyncio.Task[None] | None = None

    def take(self, data: bytes) -> None:
        """Carry out a message of the engine."""
        message = messages.decode_for_driver(data)
        if isinstance(message, messages.Spawn):
            self._expected.append(message)
            self._spawn_expected()
            if self._expected and self._looking is None:
                self._looking = asyncio.get_running_loop().create_task(self._look_for_nodes())
            return
        actor = self._actors.get(message.actor)
        if isinstance(message, messages.End):
            self._expected = [spawn for spawn in self._expected if spawn.actor != message.actor]
            if actor is None:
                self._link.send(messages.Gone(message.actor, "killed before it was there"))
            else:
                self._ray.kill(actor.handle, no_restart=True)
        elif actor is None:
            return  # it is gone, and that has been said
        elif isinstance(message, messages.Run):
            self._follow(message.actor, actor.handle.run.remote(message.bundle), partial(self._said, message.actor))
        else:
            self._withdraw(message.actor, actor, message.items)

    async def _look_for_nodes(self) -> None:
        loop = asyncio.get_running_loop()
        while self._expected:
            for node in await loop.run_in_executor(None, self._ray.nodes):
                if node["Alive"]:
                    self._nodes[int(node["NodeName"])] = node["NodeID"]
            self._spawn_expected()
            if self._expected:
                await asyncio.sleep(POLL)
        self._looking = None

    def _spawn_expected(self) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        waiting, self._expected = self._expected, []
        for spawn in waiting:
            if spawn.node not in self._nodes:
                self._expected.append(spawn)
                continue
            # None of Ray's own counting and restarting: it starts a process where we say, and tells when it is gone.
            # What a broken network has lost it sends again; the actor knows what it has had.
            actor = self._slot.options(
                num_cpus=0,
                max_restarts=0,
                max_task_retries=-1,
                enable_task_events=False,
                scheduling_strategy=NodeAffinitySchedulingStrategy(self._nodes[spawn.node], soft=False),
            ).remote(spawn.mark, spawn.directory)
            self._actors[spawn.actor] = _Actor(actor)
            self._follow(spawn.actor, actor.pid.remote(), partial(self._ready, spawn.actor))
            self._listen(spawn.actor)

    def _ready(self, number: int, pid: int) -> None:
        self._link.send(messages.Ready(number, pid))

    def _said(self, number: int, report: bytes) -> None:
        self._link.send(messages.Said(number, report))

    def _withdraw(self, number: int, actor: _Actor, items: list[tuple[int, int, int]]) -> None:
        actor.withdrawals += 1
        call = actor.withdrawals
        actor.unheard[call] = None

        def withdrawn(found: list[tuple[int, int]]) -> None:
            del actor.unheard[call]
            self._link.send(messages.Withdrawn(number, found))

        heard = next(iter(actor.unheard)) - 1
        self._follow(number, actor.handle.withdraw.remote(call, heard, items), withdrawn)

    def _listen(self, number: int, report: bytes | None = None) -> None:
        if report is not None:
            self._said(number, report)
        actor = self._actors.get(number)
        if actor is not None:
            actor.listens += 1
            self._follow(number, actor.handle.listen.remote(actor.listens), partial(self._listen, number))

    def _follow(self, number: int, ref: Any, then: Callable[[Any], None]) -> None:
        """Call `then` with the value of `ref`, or say that its actor is gone."""

        def answered(future: asyncio.Future[Any]) -> None:
            error = future.exception()
            if error is None:
                then(future.result())
            elif (actor := self._actors.pop(number, None)) is not None:
                if not isinstance(error, self._ray.exceptions.RayActorError):
                    self._ray.kill(actor.handle, no_restart=True)  # a defect in it, or an answer lost: it is of no use
                self._link.send(messages.Gone(number, plain(str(error))))

        asyncio.wrap_future(ref.future()).add_done_callback(answered)


def plain(words: str) -> str:
    """What matters of Ray's account of an actor's end."""
    found = re.search(r"Worker exit detail: (.+?)(?: There are some potential root causes|\n|$)", words)
    reason = found[1] if found else next((line.strip() for line in reversed(words.splitlines()) if line.strip()), "")
    return f"its process ended ({reason.rstrip('.')})"


async def _address(temporary: Path) -> str:
    """The address of the head that is being started on this node."""
    file = temporary / "ray_current_cluster"
    while True:
        try:
            address = file.read_text().strip()
        except FileNotFoundError:
            address = ""
        if address:
            return address
        await asyncio.sleep(POLL)


async def drive(where: Specification) -> None:
    """Connect to the engine, join the cluster, and work until the engine is gone."""
    loop = asyncio.get_running_loop()
    early: list[bytes] = []
    driver: Driver | None = None

    def take(data: bytes) -> None:
        if driver is None:
            early.append(data)
        else:
            driver.take(data)

    # From within: the whole path may be longer than a socket's may be.
    handle = os.open(where.directory, os.O_RDONLY | os.O_DIRECTORY)
    path = f"/proc/self/fd/{handle}/{SOCKET}"
    _, link = await loop.create_unix_connection(lambda: Relay(take, lambda: os._exit(0)), path)
    os.close(handle)
    import ray

    keep_address(where.address)
    address = await _address(Path(where.temporary))
    link.send(messages.Cluster(address))
    try:
        ray.init(
            address=address,
            _node_ip_address=where.address,
            namespace=secrets.token_hex(8),
            log_to_driver=False,
            configure_logging=False,
            logging_level=logging.ERROR,
        )
    except Exception as error:  # noqa: BLE001 - Ray raises anything here; the engine is to know what
        link.send(messages.Failed(f"its driver cannot join: {type(error).__name__}: {error}"))
        await asyncio.Event().wait()
    driver = Driver(link, ray)
    for data in early:
        driver.take(data)
    await asyncio.Event().wait()


def main() -> None:
    """Become the driver that the environment describes."""
    where = msgspec.json.decode(os.environ.pop(SPECIFICATION), type=Specification)
    purify(os.environ, RAY_AUTH_TOKEN=os.environ.pop(TOKEN))
    sys.exit(asyncio.run(drive(where)))


if __name__ == "__main__":
    main()
