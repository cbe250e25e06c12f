"""Killing the parts of a cluster leaves no trace in the data set."""

from __future__ import annotations

import pytest
from dask_torture import SORTS, dask_torture

pytestmark = [pytest.mark.harvest, pytest.mark.long, pytest.mark.timeout(900)]


@pytest.mark.parametrize(("frames_by", "seed"), [("path", 1), ("workers", 2)])
def test_nothing_is_lost(tmp_path, frames_by, seed):
    """Each disturbance once: nothing is lost, doubled or torn, nobody must repair."""
    found = dask_torture(
        tmp_path,
        disturbances=len(SORTS),
        targets=50,
        seed=seed,
        frames_by=frames_by,
    )
    assert found.is_clean, "\n".join([f"seed {seed}", *found.table(), *found.words])
