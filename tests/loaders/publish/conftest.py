"""A small exported data set, the command, and the stand-in hub."""

from __future__ import annotations

import pytest
import stand_in_hub
from publish_command import Command
from small_data_set import make_data_set


@pytest.fixture
def data_set(tmp_path):
    """Make a data set."""
    return make_data_set(tmp_path / "demo")


@pytest.fixture
def hub():
    """Serve a stand-in hub."""
    with stand_in_hub.serving() as served:
        yield served


@pytest.fixture
def to_hub(hub, tmp_path):
    """Give the command with the stand-in hub and its token in the environment."""
    home = tmp_path / "home"
    home.mkdir()
    return Command(home, HF_ENDPOINT=hub.url, HF_TOKEN=stand_in_hub.TOKEN)
