"""One minute of the soak test; `make soak` takes an hour."""

from __future__ import annotations

import pytest
from soak import judge, soak

pytestmark = [pytest.mark.harvest, pytest.mark.long]


def test_short_soak(tmp_path):
    """With faults no resource grows, and all stamps are valid."""
    samples, problems = soak(tmp_path, minutes=1, seed=2)
    assert problems + judge(samples) == []
    assert samples[-1].stamps > samples[0].stamps
