"""A small run on disk, written by the parts that write real ones."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from harvester.cutouts.stamp_file import Extension, StampFolder, to_cards, to_fits
from harvester.dataset.manifest import write_labels, write_manifest
from harvester.ledger.manifest_rows import MANIFEST_COLUMNS
from harvester.places import Places

#: Survey, band, shape, arcsec per pixel, unit, zero point.
RED = ("sdss", "r", (24, 24), 0.396, "nanomaggy", 22.5)
GREEN = ("sdss", "g", (24, 24), 0.396, "nanomaggy", 22.5)
INFRARED = ("hst", "F160W", (60, 60), 0.128, "electron/s", 25.9)


def write_run(out, labels, bands=(GREEN, RED), *, missing=(), planes=("ivar", "mask")):
    """Write the manifest and stamps of a run; give its folder.

    ``labels`` are the columns of the catalogue; ``missing`` are pairs of the number of
    a galaxy and a band that have no stamp.
    """
    table, places = pa.table(labels), Places(out)
    out.mkdir(exist_ok=True)
    write_labels(places.labels, table.to_reader())
    rows = [
        _row(out, number, band, planes, is_missing=(number, band[1]) in missing)
        for number in range(table.num_rows)
        for band in bands
    ]
    write_manifest(places, rows)
    return out


def _row(out, number, band, planes, *, is_missing):
    survey, name, shape, scale, unit, zero_point = band
    ra, dec = 150.0 + number / 100, 2.0
    values = dict.fromkeys(MANIFEST_COLUMNS) | {
        "id_str": f"00{number}",
        "target": number,
        "ra": ra,
        "dec": dec,
        "survey": survey,
        "band": name,
        "status": "no_coverage" if is_missing else "done",
        "reason": "",
        "missing_reason": "outside_footprint" if is_missing else "",
    }
    if not is_missing:
        file_loc = f"cutouts/{survey}/{name}/0000/00{number}.fits"
        y, x = (shape[0] - 1) / 2 + 0.3, (shape[1] - 1) / 2 - 0.2
        with StampFolder(out) as folder:
            folder.write(file_loc, _stamp(number, band, (x, y), (ra, dec), planes))
        values |= {
            "file_loc": file_loc,
            "coverage": 1 - number / 100,
            "x": x,
            "y": y,
            "nx": shape[1],
            "ny": shape[0],
            "pixel_scale": scale,
            "unit": unit,
            "zero_point": zero_point,
            "to_njy": 10 ** (0.4 * (31.4 - zero_point)),
        }
    return number, tuple(values.values())


def _stamp(number, band, centre, position, planes):
    _, name, shape, scale, unit, _ = band
    rng = np.random.default_rng([number, len(name)])
    rows, columns = np.indices(shape)
    distance = np.hypot(columns - centre[0], rows - centre[1]) * scale
    flux = 50 * np.exp(-((distance / 1.5) ** 2)) + rng.normal(size=shape)
    flux[0, 0] = np.nan
    mask = np.ones(shape, np.uint8)
    mask[0, 0] = 4
    psf = np.exp(-((np.indices((5, 5)) - 2) ** 2).sum(axis=0) / 2)
    every = {
        "ivar": np.where(np.isfinite(flux), 1, 0).astype(np.float32),
        "mask": mask,
        "psf": (psf / psf.sum()).astype(np.float32),
    }
    further = [Extension(plane.upper(), every[plane]) for plane in planes]
    cards = [*_wcs(position, centre, scale), ("BUNIT", unit, "unit of the pixels")]
    return to_fits(flux.astype(np.float32), [], to_cards(cards), further)


def _wcs(position, centre, scale):
    step = scale / 3600
    return [
        ("WCSAXES", 2, ""),
        ("CTYPE1", "RA---TAN", ""),
        ("CTYPE2", "DEC--TAN", ""),
        ("CRVAL1", position[0], ""),
        ("CRVAL2", position[1], ""),
        ("CRPIX1", centre[0] + 1, ""),
        ("CRPIX2", centre[1] + 1, ""),
        ("CD1_1", -step, ""),
        ("CD1_2", 0.0, ""),
        ("CD2_1", 0.0, ""),
        ("CD2_2", step, ""),
    ]
