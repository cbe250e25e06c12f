"""The command as a user runs it: in a process of its own, with an environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


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
