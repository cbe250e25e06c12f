"""Servers that the tests of the transport share."""

from __future__ import annotations

import pytest
from scripted import reply, serving


@pytest.fixture
async def server():
    """Run a server that answers every request with 200 and ``fine``."""
    async with serving({"*": reply(b"fine")}) as one:
        yield one


@pytest.fixture
async def other():
    """Run a second such server, at another address."""
    async with serving({"*": reply(b"fine")}, host="127.0.0.2") as one:
        yield one
