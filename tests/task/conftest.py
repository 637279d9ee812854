from __future__ import annotations

import pytest

from .harness import Harness


@pytest.fixture
def core() -> Harness:
    return Harness()
