"""The tutorial, with the real astroquery, runs against the sandbox."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from harvester.sandbox.server import SandboxOptions, run_in_thread

TUTORIAL = Path(__file__).resolve().parents[2] / "benchmarks" / "tutorial.py"


def test_tutorial(tmp_path):
    """Every galaxy gets an SDSS stamp, and an HST stamp or a count as skipped."""
    options = SandboxOptions(
        targets=4,
        per_field=4,
        ready_file=tmp_path / "ready.json",
        catalogue=tmp_path / "galaxies.fits.gz",
    )
    with run_in_thread(options) as sandbox:
        command = [sys.executable, str(TUTORIAL)]
        command += ["--sandbox-ready", str(options.ready_file)]
        command += ["--catalogue", str(options.catalogue), "--limit", "3"]
        command += ["--out", str(tmp_path / "out")]
        run = subprocess.run(
            command, capture_output=True, text=True, timeout=240, check=False
        )
        requests = {name: sandbox.stats[name].requests for name in sandbox.urls}
    assert run.returncode == 0, run.stderr
    counts = {
        k: int(n)
        for k, n in re.findall(r"^(\w[\w ]+): (\d+)$", run.stdout, re.MULTILINE)
    }
    assert counts["galaxies"] == counts["sdss stamps"] == 3
    assert counts.get("hst stamps", 0) + counts.get("hst skipped", 0) == 3
    stamps = list((tmp_path / "out").glob("*-sdss.npy"))
    assert len(stamps) == 3
    assert all(np.load(path).max() > 0 for path in stamps)
    assert requests["mast"] >= 3
    assert requests["sdss-sky"] >= 3
    assert requests["s3"] == 0
