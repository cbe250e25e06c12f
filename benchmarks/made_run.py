"""A run on disk with stamps of 40 x 40 pixels in two bands, made without a harvest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from harvester.cutouts.stamp_file import Extension, to_fits
from harvester.ledger.manifest_rows import MANIFEST_COLUMNS
from harvester.models import StampFacts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

#: Pixels of a stamp along a side, and its bands.
SIDE, BANDS = 40, ("g", "r")

#: Stamps in a folder, as in a run.
_PER_FOLDER = 1000


def make_run(out: Path, stamps: Sequence[NDArray[np.float32]], galaxies: int) -> None:
    """Write a run whose galaxies have the given stamps in turn, and three labels.

    Parameters
    ----------
    stamps
        ``(n, 40, 40)`` for each band.
    """
    random = np.random.default_rng(1)
    ra, dec = random.uniform(150, 170, galaxies), random.uniform(0, 20, galaxies)
    rows = []
    for number in range(galaxies):
        for band, images in zip(BANDS, stamps, strict=True):
            file = f"cutouts/sky/{band}/{number // _PER_FOLDER:04d}/{number:07d}.fits"
            _write_stamp(out / file, images[number % len(images)])
            rows.append(_row(number, ra[number], dec[number], band, file))
    facts = {"own_columns": list(MANIFEST_COLUMNS), "planes": ["flux", "mask"]}
    table = pa.Table.from_pylist(rows)
    table = table.replace_schema_metadata({b"harvester": json.dumps(facts).encode()})
    pq.write_table(table, out / "manifest.parquet")


def drop_galaxies(out: Path, share: float) -> None:
    """Take so large a part of the galaxies out of a run's manifest."""
    table = pq.read_table(out / "manifest.parquet")
    numbers = pc.unique(table["target"]).to_numpy()
    count = round(share * len(numbers))
    gone = np.random.default_rng(4).choice(numbers, count, replace=False)
    kept = ~np.isin(np.asarray(table["target"]), gone)
    pq.write_table(table.filter(kept), out / "manifest.parquet")


def _write_stamp(path: Path, flux: NDArray[np.float32]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = np.isfinite(flux).astype(np.uint8)
    path.write_bytes(to_fits(flux, [], b"", [Extension("MASK", mask)]))


def _row(number: int, ra: float, dec: float, band: str, file: str) -> dict[str, object]:
    facts = StampFacts(
        x=19.5, y=19.5, nx=SIDE, ny=SIDE, pixel_scale=0.396, psf_fwhm=1.3
    )
    return {
        **dict.fromkeys(MANIFEST_COLUMNS),
        **{name: getattr(facts, name) for name in facts.__slots__},
        "target": number,
        "id_str": f"1237{number:015d}",
        "ra": ra,
        "dec": dec,
        "survey": "sky",
        "band": band,
        "status": "done",
        "reason": "",
        "file_loc": file,
        "coverage": 1.0,
        "product": f"frame-{band}-{number // 50}",
        "missing_reason": "",
        "class": ("spiral", "elliptical", "merger")[number % 3],
        "votes": number % 40,
        "redshift": number % 97 / 300,
    }
