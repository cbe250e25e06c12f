"""Fixtures for the tests that read data sets with the users' own loaders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Set before the loaders are imported: no test may ask the network for anything.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"

import datasets

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    """Let the loaders warn: what they say among themselves is not ours to mend."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("default"))


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    """Keep what the loaders cache out of the user's own folder."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf-cache")
