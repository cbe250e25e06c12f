"""The files of each format, read without the programs that they are for."""

from __future__ import annotations

import io
import json
import tarfile

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from PIL import Image

from harvester.dataset.export.export import export_run
from harvester.dataset.export.options import ExportOptions
from harvester.dataset.export.registry import export_formats
from harvester.dataset.export.selection.splits import parse_split
from harvester.errors import InputError
from harvester.places import Places


@pytest.fixture
def export(run):
    """Give a function that exports the run."""

    def to(name, *, split="", **options):
        chosen = parse_split(split, "sky", 0) if split else None
        return export_run(Places(run.out), name, ExportOptions(split=chosen, **options))

    return to


def _members(path):
    with tarfile.open(path) as tar:
        return {one.name: tar.extractfile(one).read() for one in tar}


def test_webdataset(run, export):
    """A sample has a picture, labels, facts, and an array for each survey and plane."""
    (shard,) = export("webdataset").folder.glob("*.tar")
    assert shard.name == "run_all_000000_30.tar"
    members = _members(shard)
    flux = np.load(io.BytesIO(members["G003.wide.npy"]))
    stored = [run.pixels[f"cutouts/wide/{b}/0000/G003.fits"]["flux"] for b in "gri"]
    assert np.array_equal(flux, stored)
    labels = json.loads(members["G007.labels.json"])
    assert (labels["class"], labels["votes"]) == ("spiral", 7)
    assert np.isnan(labels["redshift"])
    assert json.loads(members["G007.metadata.json"])["deep_H_status"] == "no_coverage"
    assert np.isnan(np.load(io.BytesIO(members["G007.deep.npy"]))).all()
    assert Image.open(io.BytesIO(members["G007.image.jpg"])).size == (8, 8)


def test_webdataset_splits(export):
    """Each set has shards of its own, named as galaxy-datasets writes them."""
    folder = export("webdataset", split="0.4/0.3/0.3").folder
    names = sorted(path.name.rsplit("_", 2)[0] for path in folder.glob("*.tar"))
    assert names == ["run_test", "run_train", "run_validation"]
    counts = [int(path.stem.rpartition("_")[2]) for path in folder.glob("*.tar")]
    assert sum(counts) == 30


def test_zoobot_jpg(export):
    """The catalogue has distinct identifiers, absolute paths and all labels."""
    folder = export("zoobot").folder / "wide"
    rows = pq.read_table(folder / "catalog.parquet").to_pylist()
    assert len(rows) == 30
    for row in rows:
        assert row["file_loc"] == str(
            folder / "images" / "0000" / f"{row['id_str']}.jpg"
        )
        with Image.open(row["file_loc"]) as picture:
            assert (picture.mode, picture.size) == ("RGB", (8, 8))
        assert row["votes"] == int(row["id_str"][1:])


def test_zoobot_follows_its_folder(run, export, tmp_path):
    """A moved export is not taken for complete, because its paths are absolute."""
    folder = export("zoobot").folder
    moved = folder.rename(tmp_path / "moved")
    made = export_run(Places(run.out), "zoobot", ExportOptions(), out=moved)
    (row, *_) = pq.read_table(made.folder / "wide" / "catalog.parquet").to_pylist()
    assert row["file_loc"].startswith(str(moved))


def test_zoobot_fits(run, export):
    """With FITS there is a folder for each band, with one image a file."""
    folder = export("zoobot", images="fits", split="0.6/0.4").folder
    assert sorted(p.name for p in folder.iterdir() if p.is_dir()) == [
        *("deep_H", "wide_g", "wide_i", "wide_r")
    ]
    rows = pq.read_table(folder / "wide_r" / "train_catalog.parquet").to_pylist()
    rows += pq.read_table(folder / "wide_r" / "test_catalog.parquet").to_pylist()
    assert len(rows) == 30
    for row in rows:
        with fits.open(row["file_loc"]) as hdus:
            hdus.verify("exception")
            assert len(hdus) == 1
            stored = run.pixels[f"cutouts/wide/r/0000/{row['id_str']}.fits"]["flux"]
            assert np.array_equal(hdus[0].data, stored, equal_nan=True)


def test_fits_cube(run, export):
    """A galaxy's file has all its planes, with the header of the stamp."""
    folder = export("fits-cube").folder
    table = fits.getdata(folder / "galaxies.fits")
    assert len(table) == 30
    row = next(row for row in table if row["object_id"] == "G006")
    with fits.open(folder / row["file"]) as hdus:
        hdus.verify("exception")
        assert [hdu.name for hdu in hdus[1:5]] == [
            *("WIDE_G", "WIDE_G_IVAR", "WIDE_G_MASK", "WIDE_G_PSF")
        ]
        for plane, pixels in run.pixels["cutouts/deep/H/0000/G006.fits"].items():
            name = "DEEP_H" if plane == "flux" else f"DEEP_H_{plane.upper()}"
            assert np.array_equal(hdus[name].data, pixels, equal_nan=True)
        assert hdus["DEEP_H"].header["CTYPE1"] == "RA---TAN"


def test_big_endian(export):
    """--native-endian refuses FITS, and says what to use."""
    with pytest.raises(InputError, match="numpy"):
        export("fits-cube", native_endian=True)


def test_missing_extra(export, monkeypatch):
    """A format whose extra is missing is refused with the line that installs it."""
    chosen = export_formats()["hdf5"]
    monkeypatch.setattr(type(chosen), "modules", ("no_such_module",))
    with pytest.raises(InputError, match=r"pip install 'galaxy-harvester\[hdf5\]'"):
        export("hdf5")
