"""A small run on disk, made without a harvest."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.io import fits

#: Columns of the manifest that are not labels.
OWN = [
    *("id_str", "ra", "dec", "survey", "band", "status", "reason", "file_loc"),
    *("coverage", "product", "sha256", "substitute", "substitute_reason"),
]

#: Side of the stamps and bands of each survey of the run.
SIDES, BANDS = {"wide": 8, "deep": 12}, {"wide": ("g", "r", "i"), "deep": ("H",)}


class Run:
    """A run of ``count`` galaxies; the survey "deep" has every third of them."""

    def __init__(self, out, count=30):
        self.out, self.count = out, count
        self.random = np.random.default_rng(1)
        self.pixels, rows = {}, []
        for number in range(count):
            ra, dec = self.random.uniform(10, 14), self.random.uniform(-2, 2)
            for survey, bands in BANDS.items():
                covered = survey == "wide" or number % 3 == 0
                rows += [
                    self._row(number, ra, dec, survey, band, covered) for band in bands
                ]
        self.rows = rows
        self.write()

    def _row(self, number, ra, dec, survey, band, covered):
        name = f"G{number:03d}"
        file = f"cutouts/{survey}/{band}/0000/{name}.fits" if covered else None
        if covered:
            self.stamp(file, self.random.normal(1, 2, (SIDES[survey],) * 2))
        return {
            "id_str": name,
            "ra": ra,
            "dec": dec,
            "survey": survey,
            "band": band,
            "status": "done" if covered else "no_coverage",
            "reason": "",
            "file_loc": file,
            "coverage": 1.0 - 0.2 * (number % 5 == 4) if covered else None,
            "product": f"{survey}-{number // 2}" if covered else None,
            "sha256": "0" * 64 if covered else None,
            "substitute": False,
            "substitute_reason": "",
            "class": "spiral" if number % 2 else "elliptical",
            "votes": number,
        }

    def stamp(self, file, pixels):
        """Write a stamp."""
        path = self.out / file
        path.parent.mkdir(parents=True, exist_ok=True)
        self.pixels[file] = pixels.astype(np.float32)
        header = fits.Header({"CRVAL1": 10.0, "CRVAL2": 2.0, "CTYPE1": "RA---TAN"})
        header["CTYPE2"] = "DEC--TAN"
        fits.writeto(path, self.pixels[file], header, overwrite=True)

    def write(self):
        """Write the manifest."""
        table = pa.Table.from_pylist(self.rows)
        pq.write_table(table, self.out / "manifest.parquet")
