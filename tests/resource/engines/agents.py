"""Real agents for tests: an engine in the session, a cable that can be cut, and the words to drive them."""

from __future__ import annotations

import contextlib
import os
import pickle
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from pilot_quantum.resource import payload
from pilot_quantum.resource.agent.config import AgentConfig
from pilot_quantum.resource.capacity import Capacity
from pilot_quantum.resource.description import PilotDescription
from pilot_quantum.resource.engines.agent import AgentEngine
from pilot_quantum.resource.engines.events import EngineEnded, NodeUp, Outcomes, Shipment, WorkerUp
from pilot_quantum.resource.engines.reception import Reception
from pilot_quantum.resource.launchers.protocol import Request


class Cable:
    """Forwards TCP connections to `target`, counts their bytes, and can be cut for a while."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.carried = 0
        self.connections = 0
        self._target = target
        self._cut = False
        self._links: dict[socket.socket, socket.socket] = {}
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()[:2]
        self._closed = False
        threading.Thread(target=self._run, daemon=True).start()

    def cut(self) -> None:
        with self._lock:
            self._cut = True
            for link in self._links:
                with contextlib.suppress(OSError):
                    link.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self._cut = False

    def close(self) -> None:
        self._closed = True
        self.cut()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            while not self._closed:
                for key, _ in selector.select(0.05):
                    if key.fileobj is self._listener:
                        self._accept(selector)
                    else:
                        self._forward(selector, key.fileobj)  # type: ignore[arg-type]
        self._listener.close()
        for link in self._links:
            link.close()

    def _accept(self, selector: selectors.BaseSelector) -> None:
        one, _ = self._listener.accept()
        if self._cut:
            one.close()
            return
        self.connections += 1
        other = socket.create_connection(self._target)
        with self._lock:
            self._links |= {one: other, other: one}
        for link in (one, other):
            selector.register(link, selectors.EVENT_READ)

    def _forward(self, selector: selectors.BaseSelector, link: socket.socket) -> None:
        other = self._links.get(link)
        try:
            data = link.recv(1 << 18)
            if data and other is not None:
                self.carried += len(data)
                other.sendall(data)
                return
        except OSError:
            pass
        with self._lock:
            for one in (link, other):
                if one is not None and self._links.pop(one, None) is not None:
                    selector.unregister(one)
                    one.close()


class Rig:
    """An allocation whose agents a test starts by hand."""

    def __init__(self, loop: Any, folder: Path, nodes: int = 1, engine: str = "processes") -> None:
        self.loop = loop
        self.folder = folder
        (folder / "output").mkdir()
        (folder / "far").mkdir()
        self.reception = Reception(loop, folder / "output")
        description = PilotDescription("local://?cores=2", engine=engine)
        self.request = Request("p.1", "p", description, Capacity(nodes, 2, memory=1 << 30), nodes)
        self.engine: AgentEngine = self.reception.engine(self.request)
        self.processes: list[subprocess.Popen[bytes]] = []
        self.cable: Cable | None = None

    def local(self) -> None:
        """A child agent on a socket pair."""
        self.reception.local_agent(self.request, self.engine)
        self.engine.start()

    def far(self, **changes: Any) -> subprocess.Popen[bytes]:
        """An agent that dials through the cable."""
        config = self.reception.config(self.request)
        self.cable = Cable(config.addresses[0])
        return self.agent(msgspec.structs.replace(config, addresses=(self.cable.address,), exact=True, **changes))

    def agent(self, config: AgentConfig, **environ: str) -> subprocess.Popen[bytes]:
        config = msgspec.structs.replace(config, directory=str(self.folder / "far"))
        process = subprocess.Popen(
            [sys.executable, "-m", "pilot_quantum.resource.agent", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if config.serve else None,
            cwd=self.folder / "far",
            env=os.environ | environ,
        )
        assert process.stdin is not None
        with process.stdin:
            process.stdin.write(config.to_json() + b"\n")
        self.processes.append(process)
        return process

    def ended(self, process: subprocess.Popen[bytes]) -> int:
        """The exit status of an agent that ends."""
        self.loop.until(lambda: process.poll() is not None, "the agent's end")
        return int(process.returncode)

    def up(self, count: int = 2) -> list[str]:
        self.loop.until(lambda: len(self.loop.of(WorkerUp)) >= count or self.ends(), f"{count} workers")
        assert not self.ends()
        return [event.worker for event in self.loop.of(WorkerUp)]

    def ends(self) -> list[EngineEnded]:
        return self.loop.of(EngineEnded)

    def nodes(self) -> list[NodeUp]:
        return self.loop.of(NodeUp)

    def ship(
        self,
        worker: str,
        fn: Callable[..., object],
        *calls: tuple[object, ...],
        first: int = 1,
        attempt: int = 1,
        nodes: tuple[int, ...] = (),
        inputs: tuple[bytes, ...] = (),
    ) -> None:
        digest = f"fn-{id(fn)}"
        self.loop.functions[digest] = payload.dump_code(fn)
        parcels = [(number, attempt, payload.dump((args, {})), inputs) for number, args in enumerate(calls, first)]
        self.engine.ship(Shipment(worker, digest, 1, (), parcels, nodes))

    def outcomes(self) -> list[tuple[int, int]]:
        return [item[:2] for event in self.loop.of(Outcomes) for item in event.items]

    def results(self, count: int) -> dict[int, Any]:
        """Values, or (type, message) of errors, by task."""
        self.loop.until(lambda: len(self.outcomes()) >= count or self.ends(), f"{count} outcomes")
        assert not self.ends()
        return {
            row[0][0]: pickle.loads(row[1]) if row[0][4] else pickle.loads(row[1])[1:3]
            for row, _, _ in self.loop.leftovers
            if row[1]
        }

    def printed(self) -> dict[tuple[int, int], list[tuple[str, str]]]:
        """What each attempt printed, once for each time that it was delivered."""
        found = defaultdict(list)
        for (outcome, _, output), stdout, stderr in self.loop.leftovers:
            if output is not None:
                out, err = stdout.read_bytes()[output[0] : output[1]], stderr.read_bytes()[output[2] : output[3]]
                found[outcome[0], outcome[1]].append((out.decode(), err.decode()))
        return dict(found)

    def close(self) -> None:
        self.reception.close()
        if self.cable is not None:
            self.cable.close()
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait(30)
            if process.stdout is not None:
                process.stdout.close()
