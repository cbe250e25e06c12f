"""The stars of SDSS fields: many faint ones, and a few that fill the wells of CCDs."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from . import sersic
from .camera import seeing_of
from .scans import COLUMNS, FIELD_STEP, ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from .scans import FieldKey, ScanField
    from .sky import Galaxy, Sky

__all__ = ["flux_of", "places_of", "stars_in"]

#: Stars of a field: how many are faint and bright at most, and their magnitudes. The
#: brightest have more light than the pixels in their middle can hold.
_FAINT, _FAINT_MAGS = 70, (20.5, 22.5)
_BRIGHT, _BRIGHT_MAGS = 10, (12.2, 17.5)
#: Bright stars are not so near to the edges, so that their light stays in one field,
#: and not so near to a galaxy, whose light could not be measured.
_FROM_EDGE, _FROM_GALAXY = 60, 90.0
#: Streams of random numbers.
_STREAM, _BRIGHT_STREAM = 4, 9


def flux_of(magnitude: float) -> float:
    """Give the nanomaggies of an AB magnitude."""
    return float(10.0 ** (0.4 * (22.5 - magnitude)))


def places_of(
    galaxies: list[Galaxy], field: ScanField, band: str = "r"
) -> NDArray[np.float64]:
    """Give the pixels of galaxies in a frame: ``(n, 2)``, x and y."""
    where = [g.ra for g in galaxies], [g.dec for g in galaxies]
    return np.stack(field.tangent(band).to_pixel(*where), axis=-1).reshape(-1, 2)


def stars_in(sky: Sky, field: ScanField, band: str) -> Iterator[sersic.Blob]:
    """Give the light of all stars of a field, in nanomaggies."""
    # The light of stars near a row edge reaches into the neighbouring fields.
    for step in (-1, 0, 1):
        key = field.key._replace(field=field.key.field + step)
        rng = np.random.default_rng([sky.seed, _STREAM, *key])
        xs, ys = rng.uniform(0, COLUMNS, _FAINT), rng.uniform(0, FIELD_STEP, _FAINT)
        mags = rng.uniform(*_FAINT_MAGS, _FAINT)
        stars = np.stack([xs, ys + FIELD_STEP * step, mags], axis=1)
        yield from _blobs(stars, key, band)
    yield from _blobs(_bright(sky, field), field.key, band)


def _bright(sky: Sky, field: ScanField) -> NDArray[np.float64]:
    """Give x, y and magnitude of the bright stars of a field, the same in each band."""
    rng = np.random.default_rng([sky.seed, _BRIGHT_STREAM, *field.key])
    shared = ROWS - FIELD_STEP + _FROM_EDGE
    low = _FROM_EDGE, shared, _BRIGHT_MAGS[0]
    high = COLUMNS - _FROM_EDGE, ROWS - shared, _BRIGHT_MAGS[1]
    stars = rng.uniform(low, high, (_BRIGHT, 3))
    galaxies = places_of(sky.galaxies_in_field(field.key), field)
    apart = np.linalg.norm(stars[:, None, :2] - galaxies, axis=-1)
    alone: NDArray[np.bool_] = (apart > _FROM_GALAXY).all(axis=1)
    return np.compress(alone, stars, axis=0)


def _blobs(
    stars: NDArray[np.float64], key: FieldKey, band: str
) -> Iterator[sersic.Blob]:
    for (x, y, mag), (part, sigma) in product(
        stars.tolist(), seeing_of(key, band).parts
    ):
        yield sersic.star(x, y, part * flux_of(mag), sigma)
