"""What survives kill -9: everything."""

from __future__ import annotations

import pytest
from kills import torture

pytestmark = pytest.mark.harvest


def test_killed_harvest(tmp_path):
    """After a few kills the data set is that of an undisturbed run."""
    found = torture(tmp_path, kills=4, targets=60, seed=5)
    assert found.pop("(stamps") != "0)"
    assert found.pop("(kills of one that was at work") != "0)"
    found.pop("(left after the last kill")
    assert found.pop("kills") == 4
    assert found.pop("targets") == 60
    assert set(found.values()) == {0}, found
