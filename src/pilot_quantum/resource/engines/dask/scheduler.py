"""The program of the scheduler's process."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

import asyncio

from pilot_quantum.resource.agent import termination
from pilot_quantum.resource.engines.dask import orders, settings


async def _serve(mine: orders.Orders) -> None:
    from pilot_quantum.resource.engines.dask.headless import HeadlessScheduler

    scheduler = HeadlessScheduler(
        host=mine.host,
        port=mine.port,
        protocol="tls",
        security=mine.identity.security(),
        local_directory=mine.directory,
    )
    async with scheduler:
        await scheduler.finished()


def main() -> None:
    """Serve until killed."""
    mine = orders.take()
    settings.isolate()
    termination.outlive()
    asyncio.run(_serve(mine))


if __name__ == "__main__":
    main()
