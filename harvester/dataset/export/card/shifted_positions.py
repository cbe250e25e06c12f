"""How often a match by position is false, measured with shifted positions.

An archive may choose an object near a galaxy's position, and some choices are of
another object that happens to be there. A position that is shifted by an arcminute has
no object of its own: what is found there is found by chance, as often as at the true
position.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["ShiftedMatches", "shifted_matches"]

#: Length of the shifts, arcsec: more than a galaxy's size, less than a cluster's.
_SHIFT_ARCSEC = 60.0
#: Least radius that is searched, arcsec: with exact positions nothing else is found.
_LEAST_ARCSEC = 1.0
#: Directions of the shifts, evenly around the position.
_DIRECTIONS = 8


@dataclass(frozen=True, slots=True)
class ShiftedMatches:
    """How many shifted positions have an object of the run within the match radius."""

    #: Galaxies that the archive matched by position.
    matched: int
    #: Of these, how many had more than one object to choose from.
    ambiguous: int
    #: Radius that was searched, arcsec: the largest separation of a match, at least 1.
    radius_arcsec: float
    #: Length of the shifts, arcsec.
    shift_arcsec: float
    #: Shifted positions, and how many of them have an object within the radius.
    tried: int
    found: int

    @property
    def rate(self) -> float:
        """The fraction of the shifted positions at which an object is found."""
        return self.found / self.tried if self.tried else 0.0


def shifted_matches(manifest: pa.Table) -> ShiftedMatches | None:
    """Shift the matched positions, and count those that would still be matched.

    Only objects that the run knows can be found: the galaxies of its catalogue. So the
    rate is a lower limit where the archive has more objects than the catalogue.

    Returns
    -------
    ShiftedMatches or None
        None if the archive matched no position of these galaxies to an object.
    """
    if "sep_arcsec" not in manifest.column_names:
        return None
    rows = manifest.filter(pc.is_valid(manifest["sep_arcsec"]))
    if not rows.num_rows:
        return None
    keys = ["id_str", "ra", "dec"]
    whole = manifest.group_by(keys, use_threads=False).aggregate([])
    some = rows.group_by(keys, use_threads=False).aggregate(
        [("sep_arcsec", "max"), ("match_ambiguous", "max")]
    )
    radius = max(_LEAST_ARCSEC, float(np.max(np.asarray(some["sep_arcsec_max"]))))
    tried, found = _count(_positions(whole), _positions(some), radius)
    ambiguous = pc.sum(pc.fill_null(some["match_ambiguous_max"], False)).as_py()
    return ShiftedMatches(
        some.num_rows, int(ambiguous or 0), radius, _SHIFT_ARCSEC, tried, found
    )


def _positions(rows: pa.Table) -> NDArray[np.float64]:
    """Give right ascension and declination, ICRS degrees, in rows of two."""
    return np.column_stack([np.asarray(rows["ra"]), np.asarray(rows["dec"])])


def _count(
    known: NDArray[np.float64], matched: NDArray[np.float64], radius: float
) -> tuple[int, int]:
    from scipy.spatial import cKDTree

    tree = cKDTree(_vectors(known))
    # The chord of an angle; for arcseconds it is the angle in radians.
    chord = 2 * np.sin(np.radians(radius / 3600) / 2)
    found = 0
    for angle in np.arange(_DIRECTIONS) * 2 * np.pi / _DIRECTIONS:
        distance, _ = tree.query(_vectors(_shifted(matched, angle)))
        found += int((distance <= chord).sum())
    return _DIRECTIONS * len(matched), found


def _shifted(position: NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    """Shift positions by `_SHIFT_ARCSEC`; ``angle`` is radians east of north."""
    step = np.radians(_SHIFT_ARCSEC / 3600)
    ra, dec = np.radians(position.T)
    new_dec = np.arcsin(
        np.sin(dec) * np.cos(step) + np.cos(dec) * np.sin(step) * np.cos(angle)
    )
    new_ra = ra + np.arctan2(
        np.sin(angle) * np.sin(step) * np.cos(dec),
        np.cos(step) - np.sin(dec) * np.sin(new_dec),
    )
    shifted: NDArray[np.float64] = np.degrees(np.column_stack([new_ra, new_dec]))
    return shifted


def _vectors(position: NDArray[np.float64]) -> NDArray[np.float64]:
    ra, dec = np.radians(position.T)
    x, y = np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra)
    vectors: NDArray[np.float64] = np.column_stack([x, y, np.sin(dec)])
    return vectors
