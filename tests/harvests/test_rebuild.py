"""Stamps that are made again from a manifest alone."""

from __future__ import annotations

from collections import Counter

import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import Table
from service import harvester, stamps

pytestmark = pytest.mark.harvest


#: Run of SDSS that two of the sky's five fields belong to.
RUN = 2700


@pytest.fixture(scope="module")
def run(archives, tmp_path_factory):
    """Harvest two fields in two surveys, with two bands of SDSS."""
    folder = tmp_path_factory.mktemp("run")
    row = fits.getdata(archives.catalogue)[0]
    names = ("OBJID", "RA", "DEC", "GZ1_MORPHOLOGY")
    sky = Table([row[name] for name in names], names=names)
    sky[sky["OBJID"] >> 32 & 0xFFFF == RUN].write(folder / "two_fields.fits")
    surveys = ("--survey", "sdss:g,r", "--survey", "hst:WFC3/IR:F160W")
    words = ("run", folder / "two_fields.fits", "--out", folder / "zoo", *surveys)
    done = harvester(*words, *archives.flags())
    assert done.returncode == 0, done.stderr
    made = Counter(stamp.split("/")[1] for stamp in stamps(folder / "zoo"))
    assert made["sdss"] > 20
    assert made["hst"] > 2
    return folder / "zoo"


def manifest(out, *without):
    """Read a manifest without the columns that a rebuild cannot know."""
    table = pq.read_table(out / "manifest.parquet")
    return table.drop_columns(["parent", *without])


@pytest.mark.long
def test_same_bytes(archives, run, tmp_path):
    """A rebuilt run has the stamps of the manifest, byte for byte, and its rows."""
    again = tmp_path / "again"
    done = harvester(
        "rebuild", "--from", run / "manifest.parquet", again, *archives.flags()
    )
    assert done.returncode == 0, done.stderr
    for stamp in sorted((run / "cutouts").rglob("*.fits")):
        assert (again / stamp.relative_to(run)).read_bytes() == stamp.read_bytes()
    assert manifest(again).equals(manifest(run))


@pytest.mark.long
def test_some_of_them(archives, run, tmp_path):
    """Rows that are left out of the manifest are not made."""
    table = pq.read_table(run / "manifest.parquet")
    some = table.filter([n % 3 == 1 for n in table["target"].to_pylist()])
    pq.write_table(some, tmp_path / "some.parquet")
    again = tmp_path / "again"
    done = harvester(
        "rebuild", "--from", tmp_path / "some.parquet", again, *archives.flags()
    )
    assert done.returncode == 0, done.stderr
    rows = pq.read_table(again / "manifest.parquet")
    assert rows["sha256"].to_pylist() == some["sha256"].to_pylist()
    assert rows["id_str"].to_pylist() == some["id_str"].to_pylist()
    assert rows["GZ1_MORPHOLOGY"].to_pylist() == some["GZ1_MORPHOLOGY"].to_pylist()


@pytest.mark.long
def test_changed_since(archives, run, tmp_path):
    """Stamps with other bytes than the manifest says are told, with code 3."""
    table = pq.read_table(run / "manifest.parquet")
    hashes = table["sha256"].to_pylist()
    place = next(n for n, known in enumerate(hashes) if known)
    hashes[place] = "0" * 64
    column = table.column_names.index("sha256")
    changed = table.set_column(column, "sha256", [hashes])
    pq.write_table(changed, tmp_path / "changed.parquet")
    done = harvester(
        "rebuild", "--from", tmp_path / "changed.parquet", tmp_path / "again",
        *archives.flags(),
    )  # fmt: skip
    assert done.returncode == 3
    assert "1 stamp differs" in done.stderr
    assert table["file_loc"][place].as_py() in done.stderr


def test_no_manifest(tmp_path):
    """A file that is no manifest is refused, and leaves no folder."""
    (tmp_path / "x.parquet").write_text("nothing")
    done = harvester("rebuild", "--from", tmp_path / "x.parquet", tmp_path / "again")
    assert done.returncode == 2
    assert "cannot be read" in done.stderr
    assert not (tmp_path / "again").exists()
