"""The program of a worker's process: Dask's worker on a thread of its own, the tasks on the main thread.

As in every other process, a task may so handle signals, and libraries that care find themselves where they expect it.
"""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

import asyncio
import copyreg
import os
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from pilot_quantum.resource.agent import termination
from pilot_quantum.resource.engines.dask import orders, settings


class MainThreadPoolExecutor(Executor):
    """Runs what is submitted on the thread that calls `serve`. Dask tells executors of threads by their name."""

    def __init__(self) -> None:
        self._work: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Queue a call."""
        future: Future[Any] = Future()
        self._work.put((future, lambda: fn(*args, **kwargs)))
        return future

    def serve(self) -> None:
        """Run calls, for ever."""
        while True:
            future, call = self._work.get()
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001 - it belongs to who waits for the future
                future.set_exception(error)
            del future, call


async def _serve(mine: orders.Orders, executor: Executor) -> None:
    from distributed.comm.core import connect

    from pilot_quantum.resource.agent.capture import Contents
    from pilot_quantum.resource.agent.runner import Runner
    from pilot_quantum.resource.engines.dask import messages, workbench
    from pilot_quantum.resource.engines.dask.headless import HeadlessWorker
    from pilot_quantum.resource.engines.dask.stream import Stream

    _pickle_exceptions_plainly()
    security = mine.identity.security()
    worker = HeadlessWorker(
        mine.scheduler,
        host=mine.host,
        protocol="tls",
        security=security,
        name=mine.name,
        nthreads=1,
        executor=executor,
        memory_limit=0,
        local_directory=mine.directory,
        death_timeout=settings.CONNECT,
    )
    async with worker:
        stream = Stream(await connect(mine.engine, **security.get_connection_args("worker")))
        here = workbench.Bench(Runner(Contents(Path(mine.directory))), asyncio.get_running_loop(), stream.send)
        workbench.install(here)
        stream.send(messages.encode(messages.Hello(mine.name, worker.address, os.getpid())))
        talk = asyncio.ensure_future(stream.serve(here.take))
        await asyncio.wait((talk, asyncio.ensure_future(worker.finished())), return_when=asyncio.FIRST_COMPLETED)
        if talk.done():
            talk.result()
        # The engine or the scheduler is gone: nobody waits for what still runs here.
        os._exit(0)


def _pickle_exceptions_plainly() -> None:
    """Undo what importing Dask does to exceptions: they would need tblib where they are rebuilt."""
    for kind in list(copyreg.dispatch_table):
        if isinstance(kind, type) and issubclass(kind, BaseException):
            del copyreg.dispatch_table[kind]


def _talk(mine: orders.Orders, executor: Executor) -> None:
    try:
        asyncio.run(_serve(mine, executor))
    except BaseException:  # noqa: BLE001 - a worker that cannot be spoken to must not go on
        traceback.print_exc()
    os._exit(1)


def main() -> None:
    """Work until the engine or the scheduler is gone."""
    mine = orders.take()
    settings.isolate()
    termination.outlive()
    executor = MainThreadPoolExecutor()
    threading.Thread(target=_talk, args=(mine, executor), name="pilot-quantum-dask", daemon=True).start()
    executor.serve()


if __name__ == "__main__":
    main()
