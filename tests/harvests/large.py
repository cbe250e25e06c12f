"""Locate a catalogue of Galaxy Zoo's size; report requests, memory and time.

``python tests/harvests/large.py`` harvests nothing: it locates 47,675 galaxies in
both surveys against a sandbox without HST images, and prints what that took. With
``--by-position`` their identifiers are replaced by names, so that SDSS must be
asked where they are.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from astropy.io import fits
from service import BRISK, sandbox, status

#: Runs the command in a new process and prints its peak memory in kB. getrusage does
#: not work for this: on Linux it begins with the peak of the parent process.
_MEASURED = """
import re, sys
from pathlib import Path
from harvester.cli import main
try:
    main(sys.argv[1:], standalone_mode=False)
except SystemExit as leaving:
    assert not leaving.code, leaving.code
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print("peak", peak[1], file=sys.stderr)
"""


def locate(folder, targets, *, by_position=False):
    """Give locating requests, peak memory in MB, seconds, and states of the jobs."""
    options = ("--targets", str(targets), "--no-hst-images")
    with sandbox(folder, *options) as archives:
        catalogue = archives.catalogue
        if by_position:
            catalogue = nameless(catalogue, folder / "positions.csv")
        out = folder / "out"
        began = time.monotonic()
        done = subprocess.run(
            [
                *(sys.executable, "-c", _MEASURED, "run", catalogue, "--out", out),
                *("--locate-only", *archives.flags()),
            ],
            capture_output=True,
            env=os.environ | BRISK,
            text=True,
            check=False,
            timeout=600,
        )
        seconds = time.monotonic() - began
    assert done.returncode == 0, done.stdout + done.stderr
    report = status(out)
    return {
        "targets": report["targets"],
        # Requests for the lengths of sampled frames are not counted.
        "requests": sum(
            n for host, n in report["requests"].items() if not host.endswith("/sas")
        ),
        "peak memory MB": int(done.stderr.split("peak")[-1]) // 1000,
        "seconds": round(seconds, 1),
        "surveys": report["surveys"],
    }


def nameless(catalogue, path):
    """Write the positions of a catalogue without its identifiers."""
    row = fits.getdata(catalogue)[0]
    lines = zip(row["RA"].tolist(), row["DEC"].tolist(), strict=True)
    text = "".join(f"galaxy{n},{ra},{dec}\n" for n, (ra, dec) in enumerate(lines))
    path.write_text("id,ra,dec\n" + text)
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--targets", type=int, default=47_675)
    parser.add_argument("--by-position", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(locate(Path(folder), **vars(options)), indent=2))
