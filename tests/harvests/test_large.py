"""Locating a catalogue of Galaxy Zoo's size."""

from __future__ import annotations

import pytest
from large import locate

pytestmark = [pytest.mark.harvest, pytest.mark.long]


@pytest.mark.parametrize(
    "by_position", [pytest.param(False, marks=pytest.mark.thorough), True]
)
def test_galaxy_zoo_is_located_in_few_requests(tmp_path, by_position):
    """47,675 galaxies take at most ten requests and 500 MB."""
    found = locate(tmp_path, 47_675, by_position=by_position)
    assert found["targets"] == 47_675
    assert found["requests"] <= 10
    assert found["peak memory MB"] < 500
    assert found["surveys"]["hst"]["no_coverage"] == 47_675
    assert found["surveys"]["sdss"]["located"] == 47_675
