"""One allocation over ssh: its agents started, the stream to the head held and made again, all of it ended."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from time import monotonic
from typing import Protocol

import msgspec

from pilot_quantum.resource.agent.config import AgentConfig
from pilot_quantum.resource.allocation_state import AllocationState
from pilot_quantum.resource.engines.events import Loop
from pilot_quantum.resource.launchers.openssh import OpenSSH, Stream
from pilot_quantum.resource.launchers.protocol import AllocationEvents, Request
from pilot_quantum.resource.launchers.ssh_agent import NO_SOCKET, SSHAgent
from pilot_quantum.resource.launchers.ssh_errors import SSHError, last_lines

_PAUSES = (0.1, 2.0)
"""Seconds before the stream is made again: the first time, and at most."""
_STEADY = 12.0
"""Seconds after which a stream has proved good: its handshake would have failed before."""
_LEAVE = 3
"""Seconds that an agent has to end by itself when it is told to."""


class HeadEngine(Protocol):
    """What is needed of the engine: `AgentEngine` has it."""

    @property
    def end(self) -> tuple[str, bool]:
        """Once it has ended: why, and whether that was a fault."""

    @property
    def hosts(self) -> Collection[str]:
        """Hosts whose agents have been there."""

    def adopt(self, link: socket.socket) -> None:
        """Talk over this stream."""

    def on_hello(self, callback: Callable[[], None]) -> None:
        """Call when the agent has introduced itself."""

    def on_break(self, callback: Callable[[str], None]) -> None:
        """Call when a stream has ended or failed."""

    def on_end(self, callback: Callable[[], None]) -> None:
        """Call when the engine has ended."""

    def on_listening(self, callback: Callable[[AgentConfig], None]) -> None:
        """Call when the head waits for the agents of further hosts."""

    def gone(self, cause: str, failed: bool) -> None:
        """The allocation is over. Does nothing when the engine has ended."""

    def stop(self, cause: str) -> None:
        """End all workers, and the agents."""


class SSHAllocation:
    """Hosts of one allocation, the head's first. A thread of its own does what blocks; the rest is the loop's."""

    def __init__(
        self,
        request: Request,
        engine: HeadEngine,
        config: AgentConfig,
        shells: list[OpenSSH],
        loop: Loop,
        events: AllocationEvents,
    ) -> None:
        self._name = request.allocation
        self._engine = engine
        self._loop = loop
        self._events = events
        self._hosts = [shell.place.rpartition("@")[2] for shell in shells]
        description = request.description
        self._config = msgspec.structs.replace(
            config,
            hosts=tuple(self._hosts),
            name=self._hosts[0],
            nodes=len(shells),
            spawn="launcher",
            serve=True,
            tied=False,
            addresses=(),
            directory=description.directory,
            listen=description.address or config.listen,
            walltime=description.walltime,
        )
        self._agents = [SSHAgent(shell, description.setup, description.interpreter) for shell in shells]
        self._thread = threading.Thread(target=self._run, name=f"pilot-quantum-{self._name}", daemon=True)
        self._starters: list[threading.Thread] = []
        self._ending = threading.Event()
        """Set when the allocation shall end, or has."""
        self._end: tuple[str, bool] | None = None
        """The cause of that, the first one, and whether it is a fault."""
        self._lock = threading.Lock()
        self._stream: Stream | None = None
        self._met = False
        """Whether the head agent has introduced itself: who has not will not hear that it shall end."""
        self._broken_since: float | None = None

    def start(self) -> None:
        """Begin, in the background."""
        self._engine.on_hello(self._greeted)
        self._engine.on_break(self._broken)
        self._engine.on_listening(self._listening)
        self._engine.on_end(self._ended)
        self._loop.call_soon(lambda: self._events.moved(self._name, AllocationState.STARTING))
        self._thread.start()

    def cancel(self, cause: str) -> None:
        """End it (on the loop's thread)."""
        if self._decide(cause, failed=False):
            self._engine.stop(cause)

    def join(self, timeout: float) -> None:
        """Wait until all is gone, `timeout` seconds at most; then the agents end by themselves, in a minute."""
        self._thread.join(max(timeout, 0.0))

    # On the loop's thread.

    def _greeted(self) -> None:
        self._met, self._broken_since = True, None
        if self._end is None:
            self._events.moved(self._name, AllocationState.RUNNING)

    def _broken(self, cause: str) -> None:
        """The stream is of no use any more: end it, so that the thread makes another."""
        with self._lock:
            if self._stream is not None:
                self._stream.process.kill()

    def _ended(self) -> None:
        self._decide(*self._engine.end)

    def _listening(self, config: AgentConfig) -> None:
        for agent, host in zip(self._agents[1:], self._hosts[1:], strict=True):
            if not agent.started and not self._ending.is_set():
                own = msgspec.structs.replace(config, name=host, allocation=f"{self._name}@{host}", tied=False)
                starter = threading.Thread(target=self._start_further, args=(agent, own), daemon=True)
                self._starters.append(starter)
                starter.start()

    def _not_started(self, host: str, cause: str) -> None:
        """An agent ended while its start was still being watched. One that has been there is its head's to lose."""
        if host not in self._engine.hosts:
            self._fail(cause)

    # In threads.

    def _run(self) -> None:
        try:
            self._agents[0].serve(self._config)
            self._converse()
        except SSHError as error:
            self._fail(str(error))
        self._ending.wait()
        cause, failed = self._end or ("", False)
        # Who has not met us, or has not been told to end, would wait for us in vain.
        left = self._clean(_LEAVE if self._met and not failed else 0)
        if left:
            cause = ". ".join([cause.rstrip("."), *left])
        self._loop.call_soon(lambda: self._events.ended(self._name, cause, failed))

    def _start_further(self, agent: SSHAgent, config: AgentConfig) -> None:
        try:
            agent.detach(config)
        except SSHError as error:
            cause = str(error)
            self._loop.call_soon(lambda: self._not_started(config.name, cause))

    def _converse(self) -> None:
        """Hold the stream to the head agent until the allocation ends."""
        pause = _PAUSES[0]
        while not self._ending.is_set():
            began = monotonic()
            words = self._hold()
            if self._ending.is_set():
                return
            if monotonic() - began > _STEADY:
                self._broken_since, pause = None, _PAUSES[0]
            if self._broken_since is None:
                self._broken_since = monotonic()
            if monotonic() - self._broken_since > self._config.grace:
                self._fail(f"no word from its agent on {self._hosts[0]} for {self._config.grace:g} s. {words}")
                return
            self._ending.wait(pause)
            pause = min(2 * pause, _PAUSES[1])

    def _hold(self) -> str:
        """One stream, until it ends; what ssh said about that."""
        try:
            stream = self._agents[0].bridge()
        except SSHError as error:
            return str(error)
        with self._lock:
            self._stream = stream
        self._loop.call_soon(lambda: self._adopt(stream))
        status = stream.process.wait()
        with self._lock:
            self._stream = None
        words = stream.words()
        stream.end()
        if status == NO_SOCKET and not self._ending.is_set():
            last = self._agents[0].last_words()
            said = f"; its last words: {last}" if last else "."
            self._fail(f"its agent on {self._hosts[0]} has ended{said}")
        return f"ssh says: {last_lines(words)}" if words else ""

    def _adopt(self, stream: Stream) -> None:
        if self._ending.is_set():
            stream.link.close()
        else:
            self._engine.adopt(stream.link)

    def _clean(self, seconds: int) -> list[str]:
        """See to it, after `seconds`, that nothing of ours remains on any host; sentences about where it may."""
        for starter in self._starters:
            starter.join()
        left: list[str] = []

        def end(agent: SSHAgent) -> None:
            try:
                agent.end(seconds)
            except SSHError as error:
                left.append(
                    f"Its agent on {agent.shell.place} ends by itself within {self._config.grace:g} s, "
                    f"but that could not be seen: {error}"
                )

        enders = [threading.Thread(target=end, args=(agent,)) for agent in self._agents if agent.started]
        for ender in enders:
            ender.start()
        for ender in enders:
            ender.join()
        return left

    def _fail(self, cause: str) -> None:
        if self._decide(cause, failed=True):
            self._loop.call_soon(lambda: self._engine.gone(cause, True))

    def _decide(self, cause: str, failed: bool) -> bool:
        """Enter the end, once; whether this was the first cause."""
        with self._lock:
            if self._end is not None:
                return False
            self._end = cause, failed
            stream = self._stream
        self._ending.set()
        if stream is not None:  # the agent closes it when it ends; but not where it hangs
            timer = threading.Timer(_LEAVE, _kill, (stream,))
            timer.daemon = True
            timer.start()
        return True


def _kill(stream: Stream) -> None:
    with suppress(OSError):
        stream.process.kill()
