"""A small exported data set, the command, and the stand-in hub."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import stand_in_hub
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


class Command:
    """Runs ``harvester publish`` in a process of its own, as a user does."""

    def __init__(self, home, **environment):
        names = ("HF_", "AWS_", "HUGGING")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(names)}
        self.environment = {
            **kept,
            "HOME": str(home),
            "HF_HUB_DISABLE_XET": "1",
            **environment,
        }

    def start(self, *words):
        """Start it; give the process."""
        command = [Path(sys.executable).with_name("harvester"), "publish", *words]
        return subprocess.Popen(
            list(map(str, command)),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *words):
        """Run it to its end; give exit code, output and errors."""
        process = self.start(*words)
        output, errors = process.communicate(timeout=240)
        return process.returncode, output, errors


@pytest.fixture
def to_hub(hub, tmp_path):
    """Give the command with the stand-in hub and its token in the environment."""
    home = tmp_path / "home"
    home.mkdir()
    return Command(home, HF_ENDPOINT=hub.url, HF_TOKEN=stand_in_hub.TOKEN)
