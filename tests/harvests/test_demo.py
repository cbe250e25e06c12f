"""The demonstration ends with a data set, and prints the line that loads it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest


@pytest.mark.harvest
@pytest.mark.long
@pytest.mark.timeout(900)
def test_demo(tmp_path):
    """The printed line of Python loads a stamp of each of 200 galaxies."""
    command = [
        sys.executable,
        "-m",
        "harvester",
        "demo",
        "--out",
        str(tmp_path / "demo"),
    ]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    (line,) = re.findall(r"^Load it: *(.*)$", made.stdout, re.MULTILINE)
    loaded = subprocess.run(
        [sys.executable, "-c", f"{line}; print(flux.shape)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert loaded.stdout == "(200, 3, 40, 40)\n"
    assert (tmp_path / "demo/harvest/exports/hats/collection.properties").exists()
