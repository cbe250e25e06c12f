"""The Lance tables, read by `lance` and by `datasets`."""

from __future__ import annotations

import json

import lance
import numpy as np
import pyarrow as pa
import pytest
from datasets import load_dataset
from small_run import BANDS, SIDES, SmallRun

from harvester.dataset.export.export import export_run
from harvester.dataset.export.formats import lance as our_lance
from harvester.dataset.export.options import ExportOptions
from harvester.places import Places


@pytest.fixture
def out(exported, monkeypatch):
    """Give tables that have several files each."""
    monkeypatch.setattr(our_lance, "_FILE_BYTES", 1)
    monkeypatch.setattr(our_lance, "_BATCH", 50)
    return exported("lance")


def _stored(run, survey, name, plane):
    files = [f"cutouts/{survey}/{band}/0000/{name}.fits" for band in BANDS[survey]]
    return np.stack([run.pixels[file][plane] for file in files])


@pytest.mark.parametrize("survey", ["wide", "deep"])
def test_single_rows(out, small_run, survey):
    """Rows taken in any order have their stamps, labels and identifiers."""
    data = lance.dataset(out / f"{survey}.lance")
    count = 120 if survey == "wide" else 40
    assert data.count_rows() == count
    rows = np.random.default_rng(1).permutation(count).tolist()
    table = data.take(rows)
    for plane in ("flux", "ivar", "mask", "psf"):
        shape = json.loads(data.schema.field(plane).metadata[b"harvester"])["shape"]
        if plane != "psf":
            assert shape == [len(BANDS[survey]), SIDES[survey], SIDES[survey]]
        for row in table.to_pylist():
            array = np.array(row[plane], np.float32).reshape(shape)
            wanted = _stored(small_run, survey, row["object_id"], plane)
            assert np.array_equal(array, wanted, equal_nan=True)
            assert row["votes"] == int(row["object_id"][1:])


def test_several_files_are_one_table(out):
    """A large table has several files, and still one version."""
    assert len(list((out / "wide.lance" / "data").iterdir())) == 3
    data = lance.dataset(out / "wide.lance")
    assert [version["version"] for version in data.versions()] == [1]
    assert len(data.get_fragments()) == 3
    assert data.to_table(filter="votes = 7")["object_id"].to_pylist() == ["G007"]


def test_all_galaxies(out):
    """Galaxies without a stamp are in the table of galaxies."""
    table = lance.dataset(out / "galaxies.lance").to_table()
    assert table["deep_H_status"].to_pylist().count("no_coverage") == 80


def test_mask(out):
    """The column of the mask says what its bits mean."""
    field = lance.dataset(out / "wide.lance").schema.field("mask")
    said = json.loads(field.metadata[b"harvester"])
    assert said["GOOD"] == 1
    assert said["bands"] == ["g", "r", "i"]


def test_table_can_grow(tmp_path):
    """A user can add rows and versions to a table."""
    run = SmallRun(tmp_path / "run", 30)
    out = export_run(Places(run.out), "lance", ExportOptions()).folder
    data = lance.dataset(out / "wide.lance")
    lance.write_dataset(data.take([3]), out / "wide.lance", mode="append")
    assert lance.dataset(out / "wide.lance").count_rows() == 31
    assert lance.dataset(out / "wide.lance", version=1).count_rows() == 30


def test_same_bytes(small_run, tmp_path):
    """Lance's random names and times are not in the tables."""
    first, second = (
        export_run(Places(small_run.out), "lance", ExportOptions(), out=tmp_path / name)
        for name in "ab"
    )
    files = [one for one in first.folder.rglob("*.*") if one.is_file()]
    assert {one.suffix for one in files} >= {".lance", ".manifest"}
    for one in files:
        other = second.folder / one.relative_to(first.folder)
        if one.name != "README.md":  # it names its own path
            assert one.read_bytes() == other.read_bytes()


def test_hugging_face(out, small_run):
    """The library of Hugging Face reads a table as lists of a fixed length."""
    data = load_dataset(str(out / "deep.lance"), split="train").with_format("numpy")
    assert len(data) == 40
    for row in data:
        wanted = _stored(small_run, "deep", row["object_id"], "flux")
        assert np.array_equal(row["flux"].reshape(1, 12, 12), wanted, equal_nan=True)


def test_many_texts(tmp_path):
    """Equal tables with more than 32 KiB of texts have the same bytes."""
    ids = pa.array([f"galaxy {number:020d}" for number in range(3000)])
    table = our_lance._repeatable(pa.table({"object_id": ids}))
    made = set()
    for name in "abc":
        pieces = our_lance._table("t.lance", table.schema, 3000, 0, table.slice)
        next(pieces).write(tmp_path / name, tmp_path)
        made.add((tmp_path / name).read_bytes())
    assert len(made) == 1
