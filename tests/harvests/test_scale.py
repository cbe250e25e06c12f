"""The benchmark of memory, at a scale that fits into the test suite."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# It takes half a minute, and much longer on busy cores.
pytestmark = [pytest.mark.harvest, pytest.mark.long, pytest.mark.timeout(900)]

SCALE = Path(__file__).resolve().parents[2] / "benchmarks" / "scale.py"


def test_scale(tmp_path):
    """Ten times the targets take no more memory than `make scale` allows.

    From 10,000 to a million it must be run by hand: it takes half an hour.
    """
    words = ["--targets", "4000,40000", "--stamps", "1", "--folder", str(tmp_path)]
    # Other tests keep the cores busy, so times are not checked.
    words += ["--judge", "memory"]
    done = subprocess.run(
        [sys.executable, SCALE, *words],
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "harvesting, MB: " in done.stdout
