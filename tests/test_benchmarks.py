"""The benchmarks run: nothing else would notice that one of them is broken."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"

#: Everything at its smallest. A frame of the archive is not needed to see it run.
TINY = ["--galaxies", "2", "--rounds", "1", "--lines", "none,100", "--sides", "40"]
TINY += ["--workers", "1", "--break-even-sides", "40", "--pace-seconds", "0.2"]


def test_imports():
    """Every benchmark finds what it imports."""
    names = sorted(path.stem for path in BENCHMARKS.glob("*.py"))
    done = subprocess.run(
        [sys.executable, "-c", f"import {', '.join(names)}"],
        cwd=BENCHMARKS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def bench(out, part, *words):
    """Run one part; give its results and what was printed."""
    command = [sys.executable, BENCHMARKS / "bench.py", "--parts", part, *TINY, *words]
    done = subprocess.run(
        [*command, "--out", out / "told"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (out / "told.md").read_text() in done.stdout
    return json.loads((out / "told.json").read_text())[part], done.stdout


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("part", "said"),
    [
        pytest.param("pace", "as it arrived", marks=pytest.mark.long),
        pytest.param("footprints", "60,000 footprints", marks=pytest.mark.bench),
        pytest.param("cutting", "Cutout2D loop, from a file", marks=pytest.mark.bench),
        pytest.param("downloads", "harvester, checked", marks=pytest.mark.long),
        pytest.param("scaling", "speed-up", marks=pytest.mark.bench),
        pytest.param("break-even", "parts / whole", marks=pytest.mark.bench),
    ],
)
def test_part(tmp_path, part, said):
    """Each part of `make bench` runs to its end and prints its table."""
    found, printed = bench(tmp_path, part)
    assert found
    assert said in printed


@pytest.mark.harvest
@pytest.mark.bench
@pytest.mark.timeout(1800)
def test_harvests(tmp_path):
    """All contestants cut all stamps, of SDSS over two lines, and of HST."""
    found, _ = bench(tmp_path, "harvests")
    assert [(one["sky"]["survey"], one["line"]) for one in found] == [
        ("sdss", 0),
        ("sdss", 12.5),
        ("hst", 0),
    ]
    for one in found:
        stamps = {name: own[0]["stamps"] for name, own in one["results"].items()}
        assert stamps == {"harvester": 2, "8 threads": 2, "tutorial": 2}
    assert found[1]["machines"][0]["bandwidth"] == 12.5e6


@pytest.mark.harvest
@pytest.mark.bench
@pytest.mark.timeout(1800)
def test_ways(tmp_path):
    """Each way is forced, and ranges take fewer bytes than the beginning does."""
    ((found,), _) = bench(tmp_path, "ways", "--ways", "ranges,early")
    raced = found["raced"]
    assert raced["ways"] == {
        "ranges": {"ranges": 2},
        "early": {"early": 2},
        "one galaxy": raced["ways"]["one galaxy"],
    }
    ranges, early = (
        raced["results"][way][0]["received"] for way in ("ranges", "early")
    )
    assert ranges < early
