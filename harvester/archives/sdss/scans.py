"""The scans of SDSS on the sky: the position that run and field of an identifier imply.

A run scans along a great circle at constant speed. Its node is at RA 95 degrees, its
inclination is that of its stripe; stripes are 2.5 degrees apart. So run and field give
the longitude along the scan to a tenth of a degree.

``sdss_scans.csv`` has the inclination of each run and the longitude at which its field
0 begins, both in degrees. They were fitted to the positions of galaxies in published
catalogues, for runs with three or more of them.
``tests/archives/sdss/test_scans.py`` compares them with real frames and with the
mergers of Darg et al.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from ...sky.sphere import unit_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .names import Field

__all__ = ["have_known_scans", "lie_in_fields", "rows_in_scan"]

#: RA of the ascending node of every stripe, degrees.
_NODE = 95.0
#: Degrees along the scan from a field to the next: 1361 rows of 0.396 arcsec.
_STEP = 0.1497
#: Degrees a row along the scan; and rows by which fields begin earlier than the table
#: says: the middle of the rows of 2,995 mergers of Darg et al. would lie so far before
#: the middle of their fields.
_PIXEL, _EARLIER = 0.00011, 62.0
#: Tolerance in degrees along the scan, and across it (half the width of the six camera
#: columns). Equinox 1950 taken for 2000 moves most galaxies farther than this.
_ALONG, _ACROSS = 0.2, 1.35
#: Positions that are compared at a time: arrays of a million would take much memory.
_PART = 65_536
#: Number of run numbers that fit into an identifier.
_RUNS = 1 << 16


def have_known_scans(fields: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell for which fields, rows ``(n, 4)`` beginning with run, the scan is known."""
    return np.isfinite(_scans()[0][fields[:, 0]])


def lie_in_fields(
    fields: NDArray[np.int64], ra: NDArray[np.float64], dec: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Tell which positions lie in their fields; false if the scan is not known.

    Parameters
    ----------
    fields
        Rows ``(n, 4)`` of run, camcol, field and rerun.
    ra, dec
        ICRS degrees, shape ``(n,)``.
    """
    found = np.empty(len(fields), np.bool_)
    for begin in range(0, len(fields), _PART):
        part = slice(begin, begin + _PART)
        found[part] = _lie_there(fields[part], ra[part], dec[part])
    return found


def _lie_there(
    fields: NDArray[np.int64], ra: NDArray[np.float64], dec: NDArray[np.float64]
) -> NDArray[np.bool_]:
    inclination, start = (column[fields[:, 0]] for column in _scans())
    longitude, latitude = _along_scan(unit_vectors(ra, dec), inclination)
    off = longitude - (start + _STEP * (fields[:, 2] + 0.5))
    off = np.abs((off + 180) % 360 - 180)
    return np.asarray((off <= _ALONG) & (np.abs(latitude) <= _ACROSS))


def rows_in_scan(
    field: Field, directions: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Give the rows of directions, ``(n, 3)``, in a field; None if its scan is unknown.

    In ten real frames of four runs they are wrong by 1 to 20 rows, and in one of
    another run by 100.
    """
    inclination, start = (float(column[field.run]) for column in _scans())
    if not np.isfinite(start):
        return None
    longitude, _ = _along_scan(directions, np.asarray(inclination))
    off = longitude - (start + _STEP * field.field)
    return np.asarray(((off + 180) % 360 - 180) / _PIXEL + _EARLIER)


def _along_scan(
    directions: NDArray[np.float64], inclination: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give longitude and latitude, degrees, in scans of an inclination in degrees."""
    x, y, z = directions.T
    node, tilt = np.radians(_NODE), np.radians(inclination)
    ahead = x * np.cos(node) + y * np.sin(node)
    side = y * np.cos(node) - x * np.sin(node)
    along = side * np.cos(tilt) + z * np.sin(tilt)
    above = z * np.cos(tilt) - side * np.sin(tilt)
    longitude = np.degrees(np.arctan2(along, ahead)) + _NODE
    return longitude, np.degrees(np.arctan2(above, np.hypot(ahead, along)))


@cache
def _scans() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give inclination and start by run; NaN if they are not known."""
    text = files(__package__).joinpath("sdss_scans.csv").read_text("ascii")
    inclination, start = (np.full(_RUNS, np.nan) for _ in range(2))
    for row in csv.DictReader(text.splitlines()):
        run = int(row["run"])
        inclination[run], start[run] = float(row["inclination"]), float(row["start"])
    return inclination, start
