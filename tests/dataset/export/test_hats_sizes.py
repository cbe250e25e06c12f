"""How many bytes an export to HATS has, and how many are new in the next one."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gear_hash import share_of_new_bytes
from made_run import drop_galaxies, make_run
from stamp_sources import painted, real_hst, real_sdss

from harvester.dataset.export.contents.plane_columns import tensors
from harvester.dataset.export.export import export_run
from harvester.dataset.export.formats.hats.parquet_file import write_parquet
from harvester.dataset.export.formats.hats.row_groups import PIXELS, row_groups
from harvester.dataset.export.options import ExportOptions
from harvester.places import Places


def _write(path, flux, ids):
    """Write stamps ``(n, B, ny, nx)`` with a mask that is all good but for NaN."""
    planes = tensors({"flux": flux, "mask": np.isfinite(flux).astype(np.uint8)})
    table = pa.table({"object_id": pa.array(ids, pa.large_string()), **planes})
    groups = row_groups(ids, PIXELS, flux[0].nbytes)
    write_parquet(path, table.schema, groups, lambda group: table[group])


def _share(path, flux):
    """Give the bytes of the file without footer, by the raw bytes of flux and mask."""
    footer = pq.read_metadata(path)
    groups = [footer.row_group(n) for n in range(footer.num_row_groups)]
    used = sum(g.column(c).total_compressed_size for g in groups for c in range(1, 3))
    return used / (flux.size * 5)


def _one_field(folder):
    return real_sdss(folder, "frame-[ui]-003918*.bz2")


@pytest.mark.parametrize(
    ("images", "folder", "most"), [(_one_field, "sdss", 0.45), (real_hst, "hst", 0.85)]
)
def test_real_pixels(shared, tmp_path, images, folder, most):
    """Stamps of real frames have 0.45 of their bytes, drizzled ones of HST 0.85."""
    flux = images(shared / "data" / folder)[:, None]
    _write(tmp_path / "a.parquet", flux, [str(n) for n in range(len(flux))])
    assert _share(tmp_path / "a.parquet", flux) <= most
    read = pq.read_table(tmp_path / "a.parquet")["flux"].combine_chunks()
    assert np.array_equal(read.to_numpy_ndarray(), flux, equal_nan=True)


def test_painted_pixels(tmp_path):
    """Stamps of the sandbox's frames pack as well as real ones."""
    flux = painted()[0][:, None]
    _write(tmp_path / "a.parquet", flux, [str(n) for n in range(len(flux))])
    assert _share(tmp_path / "a.parquet", flux) <= 0.45


def _export(run, out):
    return export_run(Places(run), "hats", ExportOptions(), out=out, quiet=True).folder


def _files(out):
    return [path for path in sorted(out.rglob("*")) if path.is_file()]


def test_next_export_has_few_new_bytes(tmp_path):
    """Without 0.5 % of the galaxies, at most 25 % of a collection is new bytes."""
    noise = np.random.default_rng(8).normal(size=(2, 3000, 40, 40))
    make_run(tmp_path / "run", list(noise.astype(np.float32)), 3000)
    old = _export(tmp_path / "run", tmp_path / "old")
    drop_galaxies(tmp_path / "run", 0.005)
    new = _export(tmp_path / "run", tmp_path / "new")
    assert (new / "sky").is_dir()
    assert 0 < share_of_new_bytes(_files(old), _files(new)) <= 0.25


@pytest.mark.parametrize("shape", [(2, 40, 40), (1, 32, 32), (3, 100, 100)])
def test_row_group_is_the_same_whatever_is_before_it(tmp_path, shape):
    """Bytes of a row group do not depend on others; pages end with each stamp."""
    flux = np.random.default_rng(9).normal(size=(160, *shape)).astype(np.float32)
    planes = tensors({"flux": flux, "mask": np.ones(flux.shape, np.uint8)})
    table = pa.table(planes)
    written = []
    for start in (0, 1, 2):
        path = tmp_path / f"{start}.parquet"
        groups = [slice(start, 60), slice(60, 160)]
        write_parquet(path, table.schema, groups, lambda group: table[group])
        written.append(_column_bytes(path, 1))
    assert written[0] == written[1] == written[2]
    # Also within a group: the first three stamps are away, and all others are found.
    write_parquet(path, table.schema, [slice(63, 160)], lambda group: table[group])
    assert all(
        whole.endswith(rest)
        for whole, rest in zip(written[0], _column_bytes(path, 0), strict=True)
    )


def _column_bytes(path, group):
    """Give the bytes of each column of a row group."""
    columns = pq.read_metadata(path).row_group(group)
    content, found = path.read_bytes(), []
    for number in range(columns.num_columns):
        column = columns.column(number)
        start = column.data_page_offset
        found.append(content[start : start + column.total_compressed_size])
    return found


def test_chunks_follow_content(tmp_path):
    """The chunker finds equal stretches again after bytes were put before them."""
    content = np.random.default_rng(1).bytes(4_000_000)
    (tmp_path / "a").write_bytes(content)
    (tmp_path / "b").write_bytes(b"new" + content)
    assert share_of_new_bytes([tmp_path / "a"], [tmp_path / "a"]) == 0
    assert share_of_new_bytes([tmp_path / "a"], [tmp_path / "b"]) < 0.05
    (tmp_path / "c").write_bytes(np.random.default_rng(2).bytes(1_000_000))
    assert share_of_new_bytes([tmp_path / "a"], [tmp_path / "c"]) == 1
