"""How many bytes an export to HATS has, and how many are new in the next one."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gear_hash import share_of_new_bytes
from stamp_sources import painted, real_hst, real_sdss

from harvester.dataset.export.formats.hats.parquet_file import write_parquet
from harvester.dataset.export.formats.hats.row_groups import PIXELS, row_groups
from harvester.dataset.export.plane_columns import tensors


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


def test_next_export_has_few_new_bytes(tmp_path):
    """Without 0.5 % of the rows, at most 25 % of the bytes are new."""
    random = np.random.default_rng(8)
    flux = random.normal(size=(2000, 2, 40, 40)).astype(np.float32)
    ids = [f"{random.integers(10**18)}" for _ in flux]
    kept = np.ones(len(flux), bool)
    kept[random.choice(len(flux), len(flux) // 200, replace=False)] = False
    _write(tmp_path / "old.parquet", flux, ids)
    _write(tmp_path / "new.parquet", flux[kept], np.array(ids)[kept].tolist())
    share = share_of_new_bytes([tmp_path / "old.parquet"], [tmp_path / "new.parquet"])
    assert share <= 0.25


def test_chunks_follow_content(tmp_path):
    """The chunker finds equal stretches again after bytes were put before them."""
    content = np.random.default_rng(1).bytes(4_000_000)
    (tmp_path / "a").write_bytes(content)
    (tmp_path / "b").write_bytes(b"new" + content)
    assert share_of_new_bytes([tmp_path / "a"], [tmp_path / "a"]) == 0
    assert share_of_new_bytes([tmp_path / "a"], [tmp_path / "b"]) < 0.05
    (tmp_path / "c").write_bytes(np.random.default_rng(2).bytes(1_000_000))
    assert share_of_new_bytes([tmp_path / "a"], [tmp_path / "c"]) == 1
