"""A small run on disk, made without a harvest, for the tests of exports."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from harvester.cutouts.stamp_file import Extension, to_fits
from harvester.ledger.manifest_rows import MANIFEST_COLUMNS
from harvester.models import StampFacts

#: Side of the stamps and bands of each survey of the run.
SIDES = {"wide": 8, "deep": 12}
BANDS = {"wide": ("g", "r", "i"), "deep": ("H",)}


class SmallRun:
    """A run of ``count`` galaxies; the survey "deep" has every third of them.

    Every second galaxy is in a frame with its predecessor. Every fifth has a coverage
    of 0.8. The labels are ``class``, ``votes``, and ``redshift``, which may be missing.
    """

    def __init__(self, out, count=30, planes=("flux", "ivar", "mask", "psf")):
        self.out, self.count, self.planes = out, count, planes
        self.random = np.random.default_rng(1)
        #: Pixels of each plane of each stamp, by the path of its file.
        self.pixels, self.rows = {}, []
        for number in range(count):
            ra, dec = self.random.uniform(10, 14), self.random.uniform(-2, 2)
            for survey, bands in BANDS.items():
                self.rows += [
                    self._row(number, ra, dec, survey, band) for band in bands
                ]
        self.write()

    def _row(self, number, ra, dec, survey, band):
        name, side = f"G{number:03d}", SIDES[survey]
        row = dict.fromkeys(MANIFEST_COLUMNS, None)
        facts = StampFacts()
        if survey != "deep" or number % 3 == 0:
            file = f"cutouts/{survey}/{band}/0000/{name}.fits"
            self.stamp(file, self.random.normal(1, 2, (side, side)), number)
            facts = StampFacts(
                nx=side, ny=side, pixel_scale=0.25, psf_fwhm=1 + number / 100, unit="Jy"
            )
            row |= {
                "status": "done",
                "file_loc": file,
                "coverage": 1.0 - 0.2 * (number % 5 == 4),
                "product": f"{survey}-{number // 2}",
                "sha256": "0" * 64,
                "missing_reason": "",
            }
        else:
            row |= {"status": "no_coverage", "missing_reason": "outside_footprint"}
        row |= {
            "target": number,
            "id_str": name,
            "ra": ra,
            "dec": dec,
            "survey": survey,
            "band": band,
        }
        row |= {field: getattr(facts, field) for field in facts.__slots__}
        row |= {"reason": "", "substitute": False, "substitute_reason": ""}
        return row | {
            "class": "spiral" if number % 2 else "elliptical",
            "votes": number,
            "redshift": None if number == 7 else number / 10,
        }

    def stamp(self, file, flux, number=0):
        """Write the file of a stamp; the first pixel of every seventh is bad."""
        path = self.out / file
        path.parent.mkdir(parents=True, exist_ok=True)
        flux = flux.astype(np.float32)
        if number % 7 == 0:
            flux[0, 0] = np.nan
        good = np.isfinite(flux)
        further = {
            "ivar": np.where(good, 4, 0).astype(np.float32),
            "mask": np.where(good, 1, 4).astype(np.uint8),
            "psf": np.full((3, 3), 1 / 9, np.float32),
        }
        chosen = {name: further[name] for name in self.planes if name in further}
        self.pixels[file] = {"flux": flux, **chosen}
        extensions = [Extension(name.upper(), plane) for name, plane in chosen.items()]
        cards = [("CTYPE1", "RA---TAN", ""), ("CTYPE2", "DEC--TAN", "")]
        path.write_bytes(to_fits(flux, cards, b"", extensions))

    def write(self):
        """Write the manifest."""
        facts = {"own_columns": list(MANIFEST_COLUMNS), "planes": list(self.planes)}
        table = pa.Table.from_pylist(self.rows)
        metadata = {b"harvester": json.dumps(facts).encode()}
        pq.write_table(
            table.replace_schema_metadata(metadata), self.out / "manifest.parquet"
        )
