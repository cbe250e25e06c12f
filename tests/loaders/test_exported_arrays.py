"""NumPy, h5py, webdataset, datasets and galaxy-datasets read what is exported.

Arrays, labels and identifiers are compared digit by digit with those of the run.
"""

from __future__ import annotations

import importlib
import sys
import types

import h5py
import numpy as np
import pandas as pd
import pytest
import webdataset as wds
from datasets import load_dataset
from small_run import BANDS, SIDES, SmallRun

from harvester.dataset.export.export import export_run
from harvester.dataset.export.options import ExportOptions
from harvester.dataset.export.registry import export_formats
from harvester.dataset.export.selection.splits import parse_split
from harvester.places import Places

_SPLIT = parse_split("0.4/0.3/0.3", "sky", 0)


@pytest.fixture
def run(tmp_path):
    """Give a run of 30 galaxies in two surveys."""
    return SmallRun(tmp_path / "run")


def _export(run, name, **options):
    return export_run(Places(run.out), name, ExportOptions(**options))


def _stored(run, survey, name, plane="flux"):
    """Give the pixels of a galaxy in all bands of a survey, ``(B, ny, nx)``."""
    files = [f"cutouts/{survey}/{band}/0000/{name}.fits" for band in BANDS[survey]]
    return np.stack([run.pixels[file][plane] for file in files])


def _need_labels(row):
    """Check the labels of a galaxy, which follow from its identifier."""
    number = int(row["object_id"][1:])
    assert row["votes"] == number
    assert row["class"] == ("spiral" if number % 2 else "elliptical")
    if number == 7:
        assert row["redshift"] is None or np.isnan(row["redshift"])
    else:
        assert row["redshift"] == number / 10


@pytest.mark.parametrize("name", sorted(export_formats()))
def test_the_line_that_loads_it(run, name):
    """The line of Python that an export prints runs, and gives something."""
    made = _export(run, name)
    known = {}
    exec(made.loading, known)
    names = {"data", "flux", "hdus", "catalog", "galaxies"} & known.keys()
    (found,) = (known[one] for one in names)
    assert found is not None


@pytest.mark.parametrize("survey", ["wide", "deep"])
def test_hdf5_by_datasets(run, survey):
    """The tree of a survey is a data set with the schema of Multimodal Universe."""
    out = _export(run, "hdf5").folder
    data = load_dataset(str(out / survey), split="train").with_format("numpy")
    assert len(data) == (30 if survey == "wide" else 10)
    for row in data:
        _need_labels(row)
        assert [band.decode() for band in row["image_band"]] == list(BANDS[survey])
        for plane in ("flux", "ivar"):
            stored = _stored(run, survey, row["object_id"], plane)
            assert np.array_equal(row[f"image_{plane}"], stored, equal_nan=True)
        mask = _stored(run, survey, row["object_id"], "mask") == 1
        assert np.array_equal(row["image_mask"], mask)
        fwhm = 1 + row["votes"] / 100
        assert np.array_equal(row["image_psf_fwhm"], np.full(len(mask), fwhm, "f4"))
        assert np.array_equal(row["image_scale"], np.full(len(mask), 0.25, "f4"))


def test_hdf5_splits_by_datasets(run):
    """The folders of the sets are splits, and each galaxy is in one."""
    out = _export(run, "hdf5", split=_SPLIT).folder
    data = load_dataset(str(out / "wide"))
    assert set(data) == {"train", "validation", "test"}
    ids = [name for split in data.values() for name in split["object_id"]]
    assert sorted(ids) == [f"G{number:03d}" for number in range(30)]


def test_hdf5_by_h5py(run):
    """Files are in folders of HEALPix cells of nside 16, and hold their galaxies."""
    out = _export(run, "hdf5").folder
    for path in (out / "deep").rglob("*.hdf5"):
        cell = int(path.parent.name.removeprefix("healpix="))
        with h5py.File(path) as file:
            assert (file["healpix"][:] == cell).all()
            assert file["image_flux"].dtype == np.float32
            assert file["image_mask"].dtype == bool
            assert (file["_healpix_29"][:] >> 50 == cell).all()


def test_webdataset_by_its_library(run):
    """Samples have decoded arrays, labels and a picture under the galaxy's key."""
    out = _export(run, "webdataset").folder
    (shard,) = map(str, out.glob("*.tar"))
    samples = list(wds.WebDataset(shard, shardshuffle=False).decode("rgb8"))
    assert len(samples) == 30
    for sample in samples:
        name = sample["__key__"]
        _need_labels({"object_id": name, **sample["labels.json"]})
        assert np.array_equal(
            sample["wide.npy"], _stored(run, "wide", name), equal_nan=True
        )
        if sample["metadata.json"]["deep_H_status"] == "done":
            assert np.array_equal(
                sample["deep.npy"], _stored(run, "deep", name), equal_nan=True
            )
            ivar = _stored(run, "deep", name, "ivar")
            assert np.array_equal(sample["deep.ivar.npy"], ivar)
        assert sample["image.jpg"].shape == (SIDES["wide"], SIDES["wide"], 3)


def test_webdataset_by_datasets(run):
    """The shards load as a data set, and their names give the splits."""
    out = _export(run, "webdataset", split=_SPLIT).folder
    data = load_dataset(str(out))
    assert set(data) == {"train", "validation", "test"}
    rows = [row for split in data.values() for row in split]
    assert len(rows) == 30
    for row in rows:
        _need_labels({"object_id": row["__key__"], **row["labels.json"]})
        stored = _stored(run, "wide", row["__key__"])
        read = np.array(row["wide.npy"], np.float32)
        assert np.array_equal(read, stored, equal_nan=True)


def _stub_torch(monkeypatch):
    """Put the few names of torch in place that galaxy-datasets imports to read."""
    torch = types.ModuleType("torch")
    torch.tensor = np.asarray
    utils, data = types.ModuleType("torch.utils"), types.ModuleType("torch.utils.data")
    data.Dataset = object
    package = types.ModuleType("galaxy_datasets")
    spec = importlib.util.find_spec("galaxy_datasets")
    # Its own __init__ imports all of torch and lightning.
    package.__path__ = list(spec.submodule_search_locations)
    pytorch = types.ModuleType("galaxy_datasets.pytorch")
    pytorch.__path__ = [f"{one}/pytorch" for one in package.__path__]
    for module in (torch, utils, data, package, pytorch):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.delitem(
        sys.modules, "galaxy_datasets.pytorch.galaxy_dataset", raising=False
    )
    return importlib.import_module("galaxy_datasets.pytorch.galaxy_dataset")


@pytest.mark.parametrize("images", ["jpg", "fits"])
def test_zoobot_by_galaxy_datasets(run, images, monkeypatch):
    """The catalogue gives images and labels to the data set class of Zoobot."""
    out = _export(run, "zoobot", images=images).folder
    folder = out / ("wide" if images == "jpg" else "wide_r")
    catalog = pd.read_parquet(folder / "catalog.parquet")
    dataset = _stub_torch(monkeypatch).CatalogDataset(catalog, ["votes", "class"])
    assert len(dataset) == 30
    for place in range(len(dataset)):
        row = dataset[place]
        assert row["votes"] == int(row["id_str"][1:])
        if images == "fits":
            file = f"cutouts/wide/r/0000/{row['id_str']}.fits"
            stored = run.pixels[file]["flux"]
            assert np.array_equal(row["image"], stored[np.newaxis], equal_nan=True)
        else:
            assert row["image"].size == (8, 8)
