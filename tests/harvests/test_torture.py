"""The torture test with a few disturbances."""

from __future__ import annotations

import pytest
from torture import torture

pytestmark = [pytest.mark.harvest, pytest.mark.long]


def test_tortured_harvest(tmp_path):
    """After a few disturbances the data set is that of an undisturbed run."""
    found = torture(tmp_path, disturbances=5, targets=60, seed=5)
    assert found.is_clean, found.words
    assert sum(counts["times"] for counts in found.counts.values()) == 5
    assert found.facts["stamps of a run"] > 60
    assert found.facts["runs"] > 0
