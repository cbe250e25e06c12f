"""The Zarr arrays, read by `zarr`."""

from __future__ import annotations

import numpy as np
import pytest
import zarr
from small_run import BANDS, SIDES

from harvester.dataset.export.formats import zarr as our_zarr
from harvester.dataset.export.selection.splits import parse_split


@pytest.fixture
def out(exported, monkeypatch):
    """Give arrays that have several shards of several chunks each."""
    monkeypatch.setattr(our_zarr, "_CHUNK", 20_000)
    monkeypatch.setattr(our_zarr, "_SHARD", 100_000)
    return exported("zarr", split=parse_split("0.6/0.4", "random", 1))


def _stored(run, survey, name, plane):
    files = [f"cutouts/{survey}/{band}/0000/{name}.fits" for band in BANDS[survey]]
    return np.stack([run.pixels[file][plane] for file in files])


@pytest.mark.parametrize("survey", ["wide", "deep"])
def test_stamps(out, small_run, survey):
    """Row i of the columns belongs to element i of the stamps."""
    group = zarr.open_group(out / survey, mode="r")
    names = group["object_id"][:]
    assert len(names) == (120 if survey == "wide" else 40)
    for plane in ("flux", "ivar", "mask", "psf"):
        arrays = group[plane][:]
        for name, array in zip(names, arrays, strict=True):
            wanted = _stored(small_run, survey, name, plane)
            assert np.array_equal(array, wanted, equal_nan=True)
            assert array.dtype == wanted.dtype
    assert [int(name[1:]) for name in names] == group["votes"][:].tolist()


def test_dimensions(out):
    """Arrays name their dimensions; attributes tell bands and the bits of the mask."""
    group = zarr.open_group(out / "wide", mode="r")
    assert group["flux"].metadata.dimension_names == ("object", "band", "y", "x")
    assert group["votes"].metadata.dimension_names == ("object",)
    assert group.attrs["bands"] == ["g", "r", "i"]
    assert group["mask"].attrs["GOOD"] == 1


def test_few_files(out):
    """Stamps are in shards: a file has many chunks."""
    group = zarr.open_group(out / "wide", mode="r")
    flux = group["flux"]
    files = [
        path for path in (out / "wide" / "flux" / "c").rglob("*") if path.is_file()
    ]
    assert 1 < len(files) < -(-120 // flux.chunks[0])
    assert flux.shape[1:] == (3, SIDES["wide"], SIDES["wide"])


def test_all_galaxies(out):
    """Galaxies without a stamp are among the galaxies; splits are a column."""
    galaxies = zarr.open_group(out / "galaxies", mode="r")
    assert (galaxies["deep_H_status"][:] == "no_coverage").sum() == 80
    assert set(galaxies["split"][:]) == {"train", "test"}
