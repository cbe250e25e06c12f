"""The HATS collection, read by `hats`, `lsdb`, `datasets` and `pyarrow`."""

from __future__ import annotations

import json
import logging

import hats
import lsdb
import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pytest
from datasets import get_dataset_config_names, load_dataset
from hats.io.validation import is_valid_catalog, is_valid_collection
from small_run import SmallRun

from harvester.dataset.export.formats.hats import partitions
from harvester.dataset.export.options import Split


@pytest.fixture(params=["one file a cell", "splits"])
def out(request, exported, monkeypatch):
    """Give a collection with some ten cells, without and with splits."""
    monkeypatch.setattr(partitions, "_ROWS", (1, 20))
    split = Split((0.7, 0.15, 0.15), "random") if request.param == "splits" else None
    return exported("hats", split=split)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Give a run of 80 galaxies, each with a companion 8 arcsec away."""
    run = SmallRun(tmp_path_factory.mktemp("pairs") / "run", 80)
    for row in run.rows:
        number = int(row["id_str"][1:])
        first, second = divmod(number // 2, 10)
        row["ra"] = 10 + 0.01 * first
        row["dec"] = 0.01 * second + (number % 2) * 8 / 3600
    run.write()
    return run


def _stored(run, survey, name, plane):
    """Return the pixels that a galaxy has in a survey, ``(B, ny, nx)``."""
    bands = {"wide": "gri", "deep": "H"}[survey]
    files = [f"cutouts/{survey}/{band}/0000/{name}.fits" for band in bands]
    return np.stack([run.pixels[file][plane] for file in files])


def _labels(run):
    return {row["id_str"]: (row["class"], row["votes"]) for row in run.rows}


def test_valid(out, caplog):
    """The strict validator accepts the collection and each of its tables."""
    with caplog.at_level(logging.WARNING):
        assert is_valid_collection(out, strict=True)
        tables = [path.parent for path in out.glob("*/hats.properties")]
        assert len(tables) == 5
        assert all(is_valid_catalog(table, strict=True) for table in tables)
    assert not [text for text in caplog.messages if "_metadata" not in text]


def test_extension(out, small_run):
    """Every galaxy comes back, with tensors where it has stamps and nulls elsewhere."""
    catalog = lsdb.open_catalog(out)
    assert set(catalog.all_extensions) == {"images_wide", "images_deep"}
    frame = catalog.load_extension("images_deep").compute()
    assert len(frame) == 120
    assert str(frame["flux"].dtype) == "tensor[float, (1, 12, 12)]"
    assert frame["flux"].isna().sum() == 80
    assert not [name for name in frame.columns if name.endswith("images_deep")]
    for _, row in frame[frame["flux"].notna()].iterrows():
        for plane in ("flux", "ivar", "mask", "psf"):
            wanted = _stored(small_run, "deep", row["object_id"], plane)
            assert np.array_equal(row[plane], wanted, equal_nan=True)
            assert row[plane].dtype == wanted.dtype
    labels = zip(frame["class"], frame["votes"], strict=True)
    assert dict(zip(frame["object_id"], labels, strict=True)) == _labels(small_run)


def test_two_extensions(out):
    """Both surveys of one galaxy stand in one row."""
    catalog = lsdb.open_catalog(out)
    both = catalog.load_extension("images_wide").load_extension("images_deep")
    frame = both.compute()
    assert frame["flux"].notna().sum() == 120
    assert frame["flux_images_deep"].notna().sum() == 40


def test_table_of_a_survey_has_no_pixels_by_default(out):
    """Opening the table of a survey by itself reads no pixels, unless asked for."""
    assert "flux" not in lsdb.open_catalog(out / "wide").columns
    frame = lsdb.open_catalog(out / "wide", columns="all").compute()
    assert {"flux", "ivar", "mask", "psf", "votes", "wide_r_unit"} <= set(frame.columns)
    assert len(frame) == 120


def test_index(out):
    """A galaxy is found by its identifier, through the index."""
    catalog = lsdb.open_catalog(out)
    found = catalog.id_search(values={"object_id": ["G007", "G110"]})
    assert len(found.get_healpix_pixels()) <= 2 < len(catalog.get_healpix_pixels())
    assert sorted(found.compute()["object_id"]) == ["G007", "G110"]


def test_searches_on_the_sky(out, small_run):
    """A cone finds the galaxies in it, also with their stamps."""
    places = {row["id_str"]: (row["ra"], row["dec"]) for row in small_run.rows}
    cone = lsdb.ConeSearch(12.0, 0.3, 3600)
    wanted = {
        name
        for name, (ra, dec) in places.items()
        if np.hypot((ra - 12.0) * np.cos(np.radians(dec)), dec - 0.3) < 1
    }
    catalog = lsdb.open_catalog(out)
    assert set(catalog.search(cone).compute()["object_id"]) == wanted
    with_stamps = catalog.load_extension("images_wide").search(cone).compute()
    assert set(with_stamps["object_id"]) == wanted


def test_margin_finds_neighbours_across_edges(exported, pairs, monkeypatch):
    """A cross-match with itself finds each galaxy's companion 8 arcsec away."""
    monkeypatch.setattr(partitions, "_ROWS", (1, 8))
    catalog = lsdb.open_catalog(exported("hats", pairs))
    assert catalog.margin is not None
    matched = catalog.crossmatch(
        catalog,
        n_neighbors=2,
        radius_arcsec=9,
        suffixes=("", "_b"),
        suffix_method="all_columns",
    ).compute()
    others = matched[matched["object_id"] != matched["object_id_b"]]
    assert len(others) == pairs.count
    without = (
        lsdb.open_catalog(exported("hats", pairs) / "core")
        .crossmatch(
            lsdb.open_catalog(exported("hats", pairs) / "core"),
            n_neighbors=2,
            radius_arcsec=9,
            suffixes=("", "_b"),
            suffix_method="all_columns",
        )
        .compute()
    )
    # Otherwise the margin would not be what finds them.
    assert (without["object_id"] != without["object_id_b"]).sum() < pairs.count


def test_hugging_face(out, small_run):
    """Each table is a config; stamps are equal arrays, ids and labels the same."""
    assert get_dataset_config_names(str(out)) == ["core", "wide", "deep"]
    core = load_dataset(str(out), split=None)
    assert sum(len(part) for part in core.values()) == 120
    for survey, shape, count in (("wide", (3, 8, 8), 120), ("deep", (1, 12, 12), 40)):
        found = load_dataset(str(out), survey)
        assert sum(len(part) for part in found.values()) == count
        for part in found.values():
            rows = part.with_format("numpy")[:]
            for plane in ("flux", "ivar", "mask"):
                arrays = rows[plane].reshape(-1, *shape)
                for name, array in zip(rows["object_id"], arrays, strict=True):
                    wanted = _stored(small_run, survey, name, plane)
                    assert np.array_equal(array, wanted, equal_nan=True)
            assert rows["flux"].dtype == np.float32
            # The numpy format of the library makes all whole numbers int64.
            assert part.features["mask"].feature.dtype == "uint8"
            labels = zip(rows["class"], rows["votes"].tolist(), strict=True)
            for name, pair in zip(rows["object_id"], labels, strict=True):
                assert _labels(small_run)[name] == pair


def test_hugging_face_splits(exported, monkeypatch):
    """The sets that the user asked for are those of the Hugging Face library."""
    monkeypatch.setattr(partitions, "_ROWS", (1, 20))
    out = exported("hats", split=Split((0.7, 0.15, 0.15), "random"))
    found = load_dataset(str(out), "wide")
    assert set(found) == {"train", "validation", "test"}
    for name, part in found.items():
        assert set(part["split"]) == {name}


def test_default_config(exported):
    """Without a config all galaxies are loaded, also those without stamps."""
    core = load_dataset(str(exported("hats")), split="train")
    assert len(core) == 120
    assert core["deep_H_status"].count("no_coverage") == 80


def test_pyarrow(out, small_run):
    """Arrow reads tensors with their shape, and what the mask means."""
    names = [str(path) for path in (out / "wide").glob("dataset/Norder=*/**/*.parquet")]
    table = pa.dataset.dataset(names).to_table()
    flux = table["flux"].combine_chunks().to_numpy_ndarray()
    assert flux.shape == (120, 3, 8, 8)
    meaning = table.schema.field("mask").metadata
    assert meaning[b"GOOD"] == b"1"
    assert json.loads(meaning[b"bands"]) == ["g", "r", "i"]
    for name, array in zip(table["object_id"].to_pylist(), flux, strict=True):
        wanted = _stored(small_run, "wide", name, "flux")
        assert np.array_equal(array, wanted, equal_nan=True)


def test_point_map(out):
    """The map of the sky says where the galaxies are."""
    table = hats.read_hats(out / "core")
    assert table.moc is not None
    assert 0 < table.moc.sky_fraction < 0.01
    pixels = {(pixel.order, pixel.pixel) for pixel in table.get_healpix_pixels()}
    assert len(pixels) > 5
