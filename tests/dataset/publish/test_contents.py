"""Contents are compared by identifiers, sums of pixels and labels."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits

from harvester.dataset.publish.contents import differences, read_contents

_PIXELS = np.arange(4 * 9, dtype=np.float32).reshape(4, 3, 3)


def _table(folder, *, ids="abcd", pixels=_PIXELS, labels=(0, 1, 1, 0)):
    flux = pa.FixedShapeTensorArray.from_numpy_ndarray(np.ascontiguousarray(pixels))
    table = {"object_id": list(ids), "flux": flux, "label": list(labels)}
    pq.write_table(pa.table(table), folder / "table.parquet")
    return read_contents(folder / "table.parquet")


def test_table(tmp_path):
    """Rows are counted and pixels summed, without a word about anything else."""
    found = _table(tmp_path)
    assert (found.rows, found.pixels) == (4, {"flux": 630.0})
    assert list(differences(found, _table(tmp_path))) == []


def test_differences(tmp_path):
    """Each kind of difference is told apart."""
    ours = _table(tmp_path)
    assert list(differences(ours, _table(tmp_path, ids="abdc"))) == [
        "other identifiers"
    ]
    assert list(differences(ours, _table(tmp_path, labels=(0, 1, 1, 1)))) == [
        "other labels"
    ]
    more = _PIXELS.copy()
    more[2, 1, 1] += 1
    assert list(differences(ours, _table(tmp_path, pixels=more))) == [
        "the pixels of flux sum to 631.0 instead of 630.0"
    ]


@pytest.mark.parametrize("nested", ["list", "null", "nan"])
def test_kinds_of_pixels(tmp_path, nested):
    """Nested lists, missing stamps and NaN are summed too."""
    rows = _PIXELS.tolist()
    if nested == "null":
        rows[0] = None
    if nested == "nan":
        rows[0] = [[float("nan")] * 3] * 3
    kind = pa.list_(pa.list_(pa.float32()))
    pq.write_table(pa.table({"flux": pa.array(rows, kind)}), tmp_path / "t.parquet")
    total = 630.0 if nested == "list" else 630.0 - _PIXELS[0].sum()
    assert read_contents(tmp_path / "t.parquet").pixels == {"flux": total}


def test_numpy(tmp_path):
    """An array is summed; an array of texts counts as labels."""
    np.save(tmp_path / "flux.npy", _PIXELS)
    np.save(tmp_path / "ids.npy", np.array(["a", "b"]))
    assert read_contents(tmp_path / "flux.npy").pixels == {"array": 630.0}
    assert read_contents(tmp_path / "ids.npy").labels


def test_fits(tmp_path):
    """Each image of a FITS file is summed."""
    hdus = fits.HDUList([fits.PrimaryHDU(_PIXELS), fits.ImageHDU(_PIXELS[0])])
    hdus.writeto(tmp_path / "stamp.fits")
    found = read_contents(tmp_path / "stamp.fits")
    assert found.pixels == {"HDU 0": 630.0, "HDU 1": 36.0}


def test_unknown_format(tmp_path):
    """A format without a reader is compared by its bytes alone."""
    (tmp_path / "x.tar").write_bytes(b"")
    assert read_contents(tmp_path / "x.tar") is None


def test_damaged_table(tmp_path):
    """A damaged table is a ValueError or OSError, which the reload catches."""
    _table(tmp_path)
    path = tmp_path / "table.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises((ValueError, OSError)):
        read_contents(path)
