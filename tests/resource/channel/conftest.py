from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.resource.channel.loop import Loop

from pilot_quantum.resource.channel.credentials import Credentials


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture(scope="session")
def credentials() -> Credentials:
    return Credentials.make()
