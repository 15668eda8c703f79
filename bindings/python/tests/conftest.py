# SPDX-License-Identifier: LGPL-3.0-only
import pytest

import flux
from fake_broker import FakeBroker


@pytest.fixture
def broker(tmp_path):
    b = FakeBroker(tmp_path / "sock")
    yield b
    b.close()


@pytest.fixture
def h(broker):
    with flux.Flux(broker.uri) as handle:
        yield handle
