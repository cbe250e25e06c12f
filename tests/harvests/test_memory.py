"""Memory needed for long catalogues."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harvester.catalogue.reader import open_catalogue
from harvester.dataset.manifest import write_labels, write_manifest
from harvester.ledger.file import create_ledger
from harvester.ledger.view import LedgerView
from harvester.models import Survey
from harvester.places import Places

pytestmark = [pytest.mark.harvest, pytest.mark.long]

#: Bytes that one more target may add to the peak memory at the beginning of a run. As
#: Python objects its identifier, position and file name would take 600.
_EACH = 300

#: Identifiers of run 94, third camera column, as DR8 has them; fields that are used. No
#: one knows where it scanned.
_RUN = 2 << 59 | 301 << 48 | 94 << 32 | 3 << 29
_FIELDS = 600

#: Creates a run, and prints the peak memory of the process in kB.
_BEGIN = """
import re, sys
from pathlib import Path
from harvester.run.create_run import create_run
from harvester.run.new_run import NewRun
from harvester.places import Places
from harvester.settings.settings import load_settings
surveys = ["sdss:r", "hst:WFC3/IR:F160W"]
settings = load_settings(None, catalogue={"path": sys.argv[1]}, surveys=surveys)
places = Places(Path(sys.argv[2]))
create_run(NewRun.of(settings), places, lambda event: None, None)
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def write_catalogue(path, rows):
    """Write a catalogue of galaxies along a run, with ten labels."""
    random = np.random.default_rng(rows)
    serial, field = np.divmod(random.permutation(rows), _FIELDS)
    columns = {
        "OBJID": _RUN + (field + 20 << 16) + serial,
        "RA": 100 + 0.1498 * field + random.uniform(0, 0.1, rows),
        "DEC": random.uniform(-0.1, 0.1, rows),
        "class": ["spiral", "elliptical"] * (rows // 2),
    }
    labels = {f"label{n}": random.uniform(0, 1, rows) for n in range(9)}
    pq.write_table(pa.table(columns | labels), path)


def peak_of_beginning(folder, rows):
    """Begin a run in a new process; give its peak memory in bytes."""
    out = folder / f"{rows}"
    out.mkdir()
    write_catalogue(out / "galaxies.parquet", rows)
    done = subprocess.run(
        [sys.executable, "-c", _BEGIN, out / "galaxies.parquet", out],
        capture_output=True,
        env=os.environ,
        text=True,
        check=False,
        timeout=250,
    )
    assert done.returncode == 0, done.stderr
    with LedgerView.open(Places(out).ledger) as view:
        assert view.count("target") == rows
    return 1000 * int(done.stdout)


def test_beginning_holds_no_objects(tmp_path):
    """A longer catalogue takes numbers, not Python objects, in memory."""
    few, many = (peak_of_beginning(tmp_path, rows) for rows in (100_000, 300_000))
    assert many - few < _EACH * 200_000


def test_manifest_passes_by(tmp_path):
    """Writing a manifest holds only some thousand rows in memory."""
    places = Places(tmp_path)
    write_catalogue(tmp_path / "galaxies.parquet", 60_000)
    with open_catalogue(tmp_path / "galaxies.parquet") as catalogue:
        write_labels(places.labels, catalogue.labels())
        create_ledger(
            places.ledger,
            targets=catalogue.targets(),
            rejects=[],
            surveys=[Survey.parse("sdss:r")],
            facts={},
        )
    tracemalloc.start()
    try:
        with LedgerView.open(places.ledger) as view:
            write_manifest(places, view.manifest())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    table = pq.read_table(places.manifest)
    assert table.num_rows == 60_000
    assert table["id_str"].to_pylist() == [
        str(n)
        for n in pq.read_table(tmp_path / "galaxies.parquet")["OBJID"].to_pylist()
    ]
    assert peak < _EACH * 60_000
