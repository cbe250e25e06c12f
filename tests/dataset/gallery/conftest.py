"""A small run on disk: a manifest with some rows, and stamps for those done."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits

from harvester.ledger.manifest_rows import MANIFEST_COLUMNS

_TEXTS = {
    *("id_str", "survey", "band", "status", "reason", "file_loc", "product", "sha256"),
    *("substitute_reason", "missing_reason", "unit", "date_obs", "psf_source"),
    *("noise_source", "flags", "parent", "parent_url"),
}

#: Pixel width in arcsec and zero point, by archive.
_SCALE = {"sdss": 0.396, "hst": 0.128}


def row(galaxy, band="r", status="done", survey="sdss", **more):
    """Return a row of a manifest; a stamp that is done has all facts."""
    done = status == "done"
    made = dict.fromkeys(MANIFEST_COLUMNS) | dict.fromkeys(
        _TEXTS & set(MANIFEST_COLUMNS), ""
    )
    made |= {"id_str": galaxy, "ra": 150.0, "dec": 2.0, "survey": survey, "band": band}
    made |= {"status": status, "substitute": False, "GALAXY_CLASS": "spiral"}
    made |= {"REDSHIFT": 0.0731234, "missing_reason": "" if done else "error"}
    if done:
        made |= {"file_loc": f"{survey}/{band}/{galaxy}.fits", "coverage": 1.0}
        made |= {"x": 20.0, "y": 20.0, "nx": 41, "ny": 41, "orientation": 0.0}
        made |= {"pixel_scale": _SCALE[survey], "flipped": False, "to_njy": 3630.78}
        made |= {"parent_url": f"https://example.org/dr17/{band}.fits"}
    return made | more


def pixels(placed=(20.0, 20.0), *, side=41, seed=3):
    """Return noise with a galaxy at column and row ``placed``."""
    rows, columns = np.indices((side, side))
    distance = (rows - placed[1]) ** 2 + (columns - placed[0]) ** 2
    noise = np.random.default_rng(seed).normal(0, 1, (side, side))
    return (noise + 100 * np.exp(-distance / 20) + 7).astype(np.float32)


def write_run(out, rows):
    """Write the manifest and a stamp for each row that is done."""
    out.mkdir(parents=True, exist_ok=True)
    galaxies = {}
    for one in rows:
        key = one["id_str"], one["ra"], one["dec"]
        one["target"] = galaxies.setdefault(key, len(galaxies))
        if one["file_loc"]:
            path = out / one["file_loc"]
            path.parent.mkdir(parents=True, exist_ok=True)
            data = pixels((one["x"] or 20, one["y"] or 20), side=one["nx"] or 41)
            fits.PrimaryHDU(data).writeto(path, overwrite=True)
    types = {"coverage": pa.float64(), "x": pa.float64(), "n_candidates": pa.int32()}
    table = pa.Table.from_pylist(rows)
    for name, kind in types.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, table[name].cast(kind))
    pq.write_table(table, out / "manifest.parquet")
    return out


@pytest.fixture(scope="session", name="row")
def _row():
    """Give the function that makes a row of a manifest."""
    return row


@pytest.fixture(name="pixels")
def _pixels():
    """Give the function that makes the pixels of a galaxy."""
    return pixels


@pytest.fixture(scope="session", name="write_run")
def _write_run():
    """Give the function that writes a run to a folder."""
    return write_run


@pytest.fixture
def make_run(tmp_path):
    """Give a function that writes a run with these rows, and gives its folder."""
    return lambda rows: write_run(tmp_path / "run", rows)
