"""The sandbox that the harvests of this folder share."""

from __future__ import annotations

import pytest
from service import sandbox


@pytest.fixture(scope="session")
def archives(tmp_path_factory):
    """Give a small sky that is served for the whole session."""
    options = ("--seed", "7", "--targets", "60")
    with sandbox(tmp_path_factory.mktemp("sandbox"), *options) as running:
        yield running
