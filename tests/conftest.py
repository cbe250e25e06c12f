"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Times are never judged: this machine may be busy.
settings.register_profile("harvester", deadline=None)
settings.load_profile("harvester")

_REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Give the folder of real catalogues, frames and recorded replies."""
    folder = Path(os.environ.get("HARVESTER_REAL_DATA", _REPOSITORY.parent / "shared"))
    if folder.is_dir():
        return folder
    reason = f"no real data at {folder}: set HARVESTER_REAL_DATA to that folder"
    if os.environ.get("HARVESTER_REQUIRE_REAL_DATA"):
        pytest.fail(reason)
    pytest.skip(reason)
