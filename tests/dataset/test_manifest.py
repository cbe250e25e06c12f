"""The manifest and the paths of stamps."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from harvester.dataset import manifest as dataset
from harvester.dataset.manifest import write_labels, write_manifest
from harvester.dataset.stamps import atomic_write, file_loc, remove_parts
from harvester.errors import LocalError
from harvester.ledger.manifest_rows import MANIFEST_COLUMNS
from harvester.models import Product, Survey, Target
from harvester.places import Places

SDSS = Survey.parse("sdss:r")


def row(target, **changes):
    """Give a row of the manifest."""
    values = dict.fromkeys(MANIFEST_COLUMNS) | {
        "id_str": f"0{target}",
        "ra": 1.5,
        "dec": -2.0,
        "survey": "sdss",
        "band": "r",
        "status": "no_coverage",
        "reason": "",
    }
    return target, tuple((values | changes).values())


@pytest.fixture
def places(tmp_path):
    """Give a folder with labels of three targets."""
    labels = pa.table(
        {
            "class": ["a", "b", None],
            "votes": pa.array([1, 2, 3], pa.int16()),
            "band": ["x", "y", "z"],
            "mags": [[1.0, 2.0], None, []],
        }
    )
    places = Places(tmp_path)
    write_labels(places.labels, labels.to_reader())
    return places


def test_file_loc():
    """A folder has a thousand stamps, named by their galaxies."""
    product = Product("sdss", "frame", "r", "u")
    target = Target(12_345, "x/y", 1.0, 2.0, "x_y-1f")
    assert file_loc(SDSS, target, product, 0) == "cutouts/sdss/r/0012/x_y-1f.fits"
    assert file_loc(SDSS, target, product, 2) == "cutouts/sdss/r/0012/x_y-1f@2.fits"


def test_labels_keep_their_types(places):
    """Labels are joined by target, keep their types, and replace no other column."""
    write_manifest(places, [row(0), row(2), row(2, band="g")])
    table = pq.read_table(places.manifest)
    assert table["class"].to_pylist() == ["a", None, None]
    assert table.schema.field("votes").type == pa.int16()
    assert table["band"].to_pylist() == ["r", "r", "g"]
    assert table["label_band"].to_pylist() == ["x", "z", "z"]
    assert table["id_str"].to_pylist() == ["00", "02", "02"]


def test_csv_says_the_same(places):
    """The CSV has the same rows and columns, with lists as JSON."""
    _, as_csv = write_manifest(places, [row(0), row(1)])
    options = pc.ConvertOptions(column_types={"id_str": pa.string()})
    table = pc.read_csv(as_csv, convert_options=options)
    assert table.column_names == pq.read_table(places.manifest).column_names
    assert table["id_str"].to_pylist() == ["00", "01"]
    assert [json.loads(text) for text in table["mags"].to_pylist()] == [[1, 2], None]


def test_empty_manifest(places):
    """A run without targets has a manifest without rows."""
    write_manifest(places, [])
    table = pq.read_table(places.manifest)
    assert table.num_rows == 0
    assert table.schema.field("coverage").type == pa.float64()


def test_parts_leave_no_trace(places, monkeypatch):
    """The number of targets written at a time does not change the manifest."""
    rows = [row(0), row(0, band="g"), row(2)]
    write_manifest(places, iter(rows))
    whole = pq.read_table(places.manifest)
    monkeypatch.setattr(dataset, "_TARGETS", 1)
    _, as_csv = write_manifest(places, iter(rows))
    assert pq.read_table(places.manifest).equals(whole)
    assert len(as_csv.read_text().splitlines()) == 4


@pytest.mark.parametrize("name", ["a#b", "a?b=c", "a%23", "file:a", "s3:a", "a:b", "é"])
def test_odd_folders(tmp_path, monkeypatch, name):
    """The name of a folder is never taken for a URL."""
    monkeypatch.chdir(tmp_path)
    for out in (Path(name), tmp_path / name):
        out.mkdir(exist_ok=True)
        places = Places(out)
        write_labels(places.labels, pa.table({"class": ["a"]}).to_reader())
        write_manifest(places, [row(0)])
        assert pq.read_table(places.manifest)["class"].to_pylist() == ["a"]
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_no_labels(tmp_path):
    """A catalogue with only identifiers and positions has a manifest."""
    places = Places(tmp_path)
    nothing = pa.RecordBatch.from_struct_array(pa.array([{}] * 2, pa.struct([])))
    write_labels(places.labels, pa.Table.from_batches([nothing]).to_reader())
    write_manifest(places, [row(0), row(1)])
    assert pq.read_table(places.manifest)["id_str"].to_pylist() == ["00", "01"]


def test_written_whole_or_not_at_all(tmp_path):
    """If writing fails, the old file is unchanged."""
    path = tmp_path / "manifest.csv"
    path.write_text("before")

    def write():
        with atomic_write(path) as new:
            new.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_no_way_through_a_link(tmp_path):
    """A link at the temporary path is replaced, and its target is unchanged."""
    path, other = tmp_path / "manifest.csv", tmp_path / "other"
    other.write_text("precious")
    (tmp_path / "manifest.csv.part").symlink_to(other)
    with atomic_write(path) as new:
        new.write_text("whole")
    assert (path.read_text(), path.is_symlink()) == ("whole", False)
    assert other.read_text() == "precious"


def test_folder_is_synced(tmp_path, monkeypatch):
    """The folder is synced, so that the file's name survives a power cut."""
    synced = []
    fsync = os.fsync

    def watched(descriptor):
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    path = tmp_path / "manifest.csv"
    with atomic_write(path) as new:
        new.write_text("whole")
    assert synced == [f"{path}.part", str(tmp_path)]


def test_parts_of_stamps_are_removed(tmp_path):
    """Partial stamps are removed; other files and folders are not."""
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "out/cutouts/sdss/r/0000"
    for one in (folder, elsewhere):
        one.mkdir(parents=True)
        (one / "x.fits.part").touch()
    kept = [folder / name for name in ("x.fits", "x.part", "notes")]
    for one in kept:
        one.touch()
    (folder / "linked").symlink_to(elsewhere)
    (folder / "y.fits.part").symlink_to(folder / "x.fits")
    remove_parts(tmp_path / "out")
    assert {*folder.iterdir()} == {*kept, folder / "linked"}
    assert [one.name for one in elsewhere.iterdir()] == ["x.fits.part"]


def test_no_stamps_yet(tmp_path):
    """Without a folder for stamps nothing is removed, and none is made."""
    remove_parts(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_unwritable(tmp_path):
    """A missing folder raises a local error."""
    gone = tmp_path / "gone" / "manifest.csv"
    with (
        pytest.raises(LocalError, match="cannot be written"),
        atomic_write(gone) as new,
    ):
        new.write_text("")
