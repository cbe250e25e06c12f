"""A minute of soaking; `make soak` takes an hour."""

from __future__ import annotations

import pytest
from soak import judge, soak

pytestmark = [pytest.mark.harvest, pytest.mark.long]


def test_short_soak(tmp_path):
    """Among faults nothing grows, and what was made is sound."""
    samples, problems = soak(tmp_path, minutes=1, seed=2)
    assert problems + judge(samples) == []
    assert samples[-1].stamps > samples[0].stamps
