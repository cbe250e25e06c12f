"""Fixtures for the tests of exports."""

from __future__ import annotations

import pytest
from small_run import SmallRun


@pytest.fixture
def run(tmp_path):
    """Give a run of 30 galaxies in two surveys."""
    return SmallRun(tmp_path / "run")
