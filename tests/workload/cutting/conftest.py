from __future__ import annotations

import pytest
from tests.workload.cutting.inline import Inline


@pytest.fixture
def inline():
    return Inline()


@pytest.fixture
def runner(inline):
    return inline.runner()
