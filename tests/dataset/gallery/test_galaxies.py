from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harvester.dataset.gallery.galaxies import GalaxyTable
from harvester.errors import InputError

HST = {"survey": "hst", "band": "F160W"}


def test_bands_by_wavelength(make_run, row):
    """Bands are in order of wavelength, archives as they come."""
    rows = [row("a", band) for band in "zrgui"] + [row("a", **HST)]
    names = [slot.name for slot in GalaxyTable(make_run(rows)).slots]
    assert names == ["SDSS u", "SDSS g", "SDSS r", "SDSS i", "SDSS z", "HST F160W"]


def test_galaxies(make_run, row):
    """Rows of one galaxy come together, in the order of the manifest."""
    rows = [row("b", "g"), row("b"), row("a"), row("a", **HST)]
    table = GalaxyTable(make_run(rows))
    assert len(table) == 2
    assert [(one.number, one.id, len(one.rows)) for one in table] == [
        (0, "b", 2),
        (1, "a", 2),
    ]


def test_same_identifier(make_run, row):
    """Two targets with one identifier are two galaxies."""
    table = GalaxyTable(make_run([row("a"), row("a", ra=11.0)]))
    assert len(table) == 2
    assert [one.ra for one in table.find("a")] == [150.0, 11.0]
    assert table.find("b") == []


def test_labels(make_run, row):
    """A label has one value a galaxy, and the columns of the manifest are none."""
    rows = [row("a", GALAXY_CLASS="x"), row("a", "g", GALAXY_CLASS="x"), row("b")]
    table = GalaxyTable(make_run(rows))
    assert table.labels == ["GALAXY_CLASS", "REDSHIFT"]
    assert table.label("GALAXY_CLASS").to_pylist() == ["x", "spiral"]


def test_digits_of_short_numbers(make_run, row):
    """A 32-bit number has the digits that it was written with."""
    out = make_run([row("a")])
    table = pq.read_table(out / "manifest.parquet")
    short = pa.array(np.array([0.03289], np.float32))
    pq.write_table(table.append_column("Z", short), out / "manifest.parquet")
    (galaxy,) = GalaxyTable(out)
    assert galaxy.rows[0]["Z"] == 0.03289


def test_uninstalled_archive(make_run, row):
    """Bands of an archive whose package is gone are shown, without wavelengths."""
    other = row("a") | {"survey": "elsewhere"}
    (slot,) = GalaxyTable(make_run([other])).slots
    assert (slot.name, slot.wavelength) == ("ELSEWHERE r", None)


def test_no_manifest(tmp_path):
    """Without a run, or without its manifest, the error says what to do."""
    with pytest.raises(InputError, match="there is no harvest in"):
        GalaxyTable(tmp_path)
    (tmp_path / "ledger.sqlite").touch()
    with pytest.raises(InputError, match="run `harvester manifest"):
        GalaxyTable(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"<html>"])
def test_damaged_manifest(tmp_path, content):
    """A file that is not a manifest is refused."""
    (tmp_path / "manifest.parquet").write_bytes(content)
    with pytest.raises(InputError, match="harvester manifest"):
        GalaxyTable(tmp_path)


def test_other_table(tmp_path):
    """A Parquet file with other columns is not a manifest."""
    pq.write_table(pa.table({"id_str": ["a"]}), tmp_path / "manifest.parquet")
    with pytest.raises(InputError, match="no column 'ra'"):
        GalaxyTable(tmp_path)
