"""Export to HATS: how rows are divided, and the Parquet files."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from small_run import SmallRun

from harvester.dataset.export.export import export_run
from harvester.dataset.export.formats.hats import partitions
from harvester.dataset.export.formats.hats.margin import margin_rows
from harvester.dataset.export.formats.hats.row_groups import (
    FACTS,
    PIXELS,
    GroupSizes,
    row_groups,
)
from harvester.dataset.export.options import ExportOptions, Split
from harvester.dataset.export.selection.healpix import healpix_29
from harvester.errors import InputError
from harvester.places import Places


def _export(run, **options):
    return export_run(Places(run.out), "hats", ExportOptions(**options)).folder


def _sizes(groups):
    return [group.stop - group.start for group in groups]


@pytest.fixture
def crowded(tmp_path, monkeypatch):
    """Give a run whose tables have several files each."""
    monkeypatch.setattr(partitions, "_ROWS", (1, 40))
    return SmallRun(tmp_path / "run", 150)


# ---------------------------------------------------------------- dividing the sky


def test_partitions_hold_every_row():
    """Each row is in the partition of its cell, and none has too many rows."""
    random = np.random.default_rng(2)
    ra, dec = random.uniform(0, 360, 3000), random.uniform(-90, 90, 3000)
    ra[:1000], dec[:1000] = random.uniform(5, 5.1, 1000), random.uniform(0, 0.1, 1000)
    finest = np.sort(healpix_29(ra, dec))
    parts = partitions.divide(finest, 50)
    assert [p.start for p in parts] == [0, *(p.stop for p in parts[:-1])]
    assert parts[-1].stop == 3000
    assert max(p.stop - p.start for p in parts) <= 50
    own = partitions.own_cells(finest, parts)
    assert all(p.start <= row < p.stop for row, p in enumerate(parts[n] for n in own))
    assert len({p.cell.order for p in parts}) > 3


def test_same_place():
    """Thousands of rows at one place end in a cell of the highest order."""
    parts = partitions.divide(np.full(5000, healpix_29(*np.array([[5.0], [1.0]]))), 100)
    assert [(p.cell.order, p.stop) for p in parts] == [(partitions.DEEPEST, 5000)]


@pytest.mark.parametrize("centre", [(45, 41.8), (0.0, 89.99), (180, -0.01)])
def test_margin(centre):
    """Rows up to 10 arcsec from a cell are in its margin, its own rows are not."""
    random = np.random.default_rng(4)
    dec = np.clip(centre[1] + random.uniform(-0.05, 0.05, 4000), -90, 90)
    ra = centre[0] + random.uniform(-0.05, 0.05, 4000) / np.cos(np.radians(dec))
    order = np.argsort(healpix_29(ra, dec))
    ra, dec = ra[order], dec[order]
    parts = partitions.divide(healpix_29(ra, dec), 400)
    found = margin_rows(ra, dec, parts)
    places = SkyCoord(ra, dec, unit="deg")
    # A dense set of points tells how far each row is from a partition.
    dots = np.repeat(np.arange(4000), 40)
    distance, angle = 11 * random.random(len(dots)), 360 * random.random(len(dots))
    there = places[dots].directional_offset_by(angle * u.deg, distance * u.arcsec)
    own = partitions.own_cells(healpix_29(ra, dec), parts)
    reached = partitions.own_cells(healpix_29(there.ra.deg, there.dec.deg), parts)
    for number, part in enumerate(parts):
        near = np.unique(dots[(reached == number) & (distance <= 10)])
        outside = set(near[own[near] != number].tolist())
        assert outside <= set(found.get(part.cell, np.array([])).tolist())
    for cell, rows in found.items():
        members = [p for p in parts if p.cell == cell]
        assert not any(p.start <= row < p.stop for p in members for row in rows)
        assert rows.tolist() == sorted(set(rows.tolist()))


def test_margin_is_narrow():
    """A row in the middle of a cell is in no margin; in a corner, of all its sides."""
    middle, corner = (np.array([10.0]), np.array([5.0])), (np.array([44.999]), [0.0])
    parts = partitions.divide(healpix_29(*middle), 10)
    assert margin_rows(*middle, parts) == {}
    parts = partitions.divide(healpix_29(*map(np.asarray, corner)), 10)
    beside = margin_rows(*map(np.asarray, corner), parts)
    # North, east and south of the corner; they have no rows, and so are whole.
    assert list(beside) == [partitions.Cell(0, pixel) for pixel in (0, 5, 8)]


# ---------------------------------------------------------------- row groups


def test_group_sizes():
    """Groups have 8 to 500 rows, and 100 in the mean."""
    ids = [f"1237648720693755{n:05d}" for n in range(40_000)]
    sizes = _sizes(row_groups(ids, PIXELS))
    assert sum(sizes) == 40_000
    assert min(sizes) >= 8
    assert max(sizes) <= 500
    assert 80 < np.mean(sizes) < 130
    assert 8_000 < np.mean(_sizes(row_groups(ids * 5, FACTS))) < 25_000


def test_groups_far_from_a_change_stay():
    """Removing rows changes only the groups around them."""
    ids = [f"G{n}" for n in range(20_000)]
    before = [tuple(ids[group]) for group in row_groups(ids, PIXELS)]
    kept = [one for number, one in enumerate(ids) if number % 2000 != 77]
    after = {tuple(kept[group]) for group in row_groups(kept, PIXELS)}
    assert len(set(before) - after) <= 2 * 10


@pytest.mark.parametrize("rows", [0, 1, 7, 8, 15, 16, 17, 501, 503, 508])
def test_last_group(rows):
    """The last group has 8 rows at least, if the file has so many."""
    never = GroupSizes(8, 10**9, 500)
    sizes = _sizes(row_groups([str(n) for n in range(rows)], never))
    assert sum(sizes) == rows
    assert min(sizes) >= min(8, rows)
    assert max(sizes) <= 500


def test_groups_of_large_stamps():
    """Groups end at 100 MB of pixels."""
    sizes = _sizes(row_groups(["a"] * 100, PIXELS, row_bytes=30_000_000))
    assert max(sizes) == 3
    assert max(_sizes(row_groups(["a"] * 3, PIXELS, row_bytes=300_000_000))) == 1


# ---------------------------------------------------------------- files


def _files(folder):
    return sorted(folder.glob("dataset/Norder=*/Dir=*/Npix=*.parquet"))


def test_parquet_rules(crowded):
    """Pixels are split by byte, without dictionary; rows are sorted, pages indexed."""
    out = _export(crowded)
    for file in _files(out / "wide"):
        footer = pq.read_metadata(file)
        table = pq.read_table(file)
        assert table["_healpix_29"].to_pylist() == sorted(
            table["_healpix_29"].to_pylist()
        )
        group = footer.row_group(0)
        columns = {
            group.column(n).path_in_schema: group.column(n)
            for n in range(group.num_columns)
        }
        pixels, text = columns["flux.list.element"], columns["class"]
        assert "BYTE_STREAM_SPLIT" in pixels.encodings
        assert not pixels.has_dictionary_page
        assert not pixels.is_stats_set
        assert not columns["votes"].has_dictionary_page
        assert text.has_dictionary_page
        assert {one.compression for one in columns.values()} == {"ZSTD"}
        assert all(one.has_offset_index for one in columns.values())
        assert columns["ra"].has_column_index


def test_tensors_and_ids(crowded):
    """Each row has its identifier as large_string, and its pixels, to the last bit."""
    out = _export(crowded)
    files = _files(out / "wide")
    assert len(files) > 3
    for file in files:
        table = pq.read_table(file)
        assert table.schema.field("object_id").type == pa.large_string()
        flux = table["flux"].combine_chunks().to_numpy_ndarray()
        assert flux.shape == (table.num_rows, 3, 8, 8)
        for name, stamps in zip(table["object_id"].to_pylist(), flux, strict=True):
            for band, stamp in zip("gri", stamps, strict=True):
                stored = crowded.pixels[f"cutouts/wide/{band}/0000/{name}.fits"]
                assert np.array_equal(stamp, stored["flux"], equal_nan=True)


def test_files_are_in_their_cells(crowded):
    """The path of a file is the cell of its rows; no row is lost or doubled."""
    out = _export(crowded)
    ids = []
    for file in _files(out / "core"):
        order, pixel = (
            int(file.parts[n].partition("=")[2].split(".")[0]) for n in (-3, -1)
        )
        table = pq.read_table(file)
        assert set(np.asarray(table["_healpix_29"]) >> (2 * (29 - order))) == {pixel}
        ids += table["object_id"].to_pylist()
    assert sorted(ids) == sorted({row["id_str"] for row in crowded.rows})


def test_defaults_leave_pixels_out(crowded):
    """Opening a table of a survey reads no pixels unless they are asked for."""
    out = _export(crowded)
    facts = dict(
        line.split("=", 1)
        for line in (out / "deep" / "hats.properties").read_text().splitlines()[1:]
    )
    assert "votes" in facts["hats_cols_default"].split()
    assert "flux" not in facts["hats_cols_default"].split()
    assert int(facts["hats_nrows"]) == 50


def test_splits_are_files(crowded):
    """With splits each file has rows of one set."""
    out = _export(crowded, split=Split((0.8, 0.2), "random"))
    files = sorted(out.glob("wide/dataset/*/*/*/*.parquet"))
    assert {file.stem for file in files} == {"train", "test"}
    for file in files:
        assert set(pq.read_table(file)["split"].to_pylist()) == {file.stem}


def test_same_bytes(crowded, tmp_path):
    """Two exports of a run have the same bytes."""
    first = _export(crowded)
    second = export_run(
        Places(crowded.out), "hats", ExportOptions(), out=tmp_path / "again"
    ).folder
    files = [p.relative_to(first) for p in first.rglob("*") if p.is_file()]
    assert len(files) > 20
    for name in files:
        if name.name != "README.md":  # it names its own path
            assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_labels_with_names_of_planes(run):
    """A label that is called like a plane gets a prefix."""
    for row in run.rows:
        row["flux"] = 2.5
    run.write()
    out = _export(run)
    schema = pq.read_schema(_files(out / "wide")[0])
    assert pa.types.is_float64(schema.field("label_flux").type)
    assert isinstance(schema.field("flux").type, pa.FixedShapeTensorType)


def test_strange_label(run):
    """A label that the Hugging Face library cannot read is refused by name."""
    for row in run.rows:
        row["votes"] = {"a": [1]}
    run.write()
    with pytest.raises(InputError, match=r"'votes' has the type struct.*--labels"):
        _export(run)
