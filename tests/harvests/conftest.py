"""The sandbox that the tests in this folder share."""

from __future__ import annotations

import pytest
from service import sandbox


@pytest.fixture(scope="session")
def archives(tmp_path_factory):
    """Serve a small sky for the whole session."""
    options = ("--seed", "7", "--targets", "60")
    with sandbox(tmp_path_factory.mktemp("sandbox"), *options) as running:
        yield running
