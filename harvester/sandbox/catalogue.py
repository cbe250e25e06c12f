"""Write the catalogue of a synthetic sky in the layout of Schawinski et al. (2010)."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits

from . import hdus

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from .sky import Sky

__all__ = ["write_catalogue"]


def write_catalogue(sky: Sky, path: Path) -> None:
    """Write a binary table of one row, each column a vector over all galaxies.

    A name that ends in ``.gz`` is compressed; the same sky gives the same bytes.
    """
    columns = [_vector(name, values) for name, values in _columns(sky).items()]
    content = hdus.primary({}) + hdus.table(columns)
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    path.write_bytes(content)


def _vector(name: str, values: NDArray[np.generic]) -> fits.Column:
    letter = {"int64": "K", "int32": "J", "float64": "D", "float32": "E"}
    form = f"{len(values)}{letter[values.dtype.name]}"
    return fits.Column(name, form, array=values[None])


def _columns(sky: Sky) -> dict[str, NDArray[np.generic]]:
    galaxies = sky.galaxies
    rng = np.random.default_rng([sky.seed, 7])
    n = len(galaxies)
    r = np.array([g.mag_r for g in galaxies], np.float32)
    red = np.array([g.morphology == 1 for g in galaxies])
    sigma = rng.uniform(60.0, 260.0, n)
    return {
        "OBJID": np.array([g.objid for g in galaxies], np.int64),
        "RA": np.array([g.ra for g in galaxies], np.float64),
        "DEC": np.array([g.dec for g in galaxies], np.float64),
        "REDSHIFT": np.array([g.redshift for g in galaxies], np.float32),
        "GZ1_MORPHOLOGY": np.array([g.morphology for g in galaxies], np.int32),
        "BPT_CLASS": np.array([g.bpt for g in galaxies], np.int32),
        "U": r + np.where(red, 2.65, 1.75).astype(np.float32),
        "G": r + np.where(red, 0.85, 0.55).astype(np.float32),
        "R": r,
        "I": r - np.where(red, 0.40, 0.28).astype(np.float32),
        "Z": r - np.where(red, 0.70, 0.46).astype(np.float32),
        "SIGMA": sigma.astype(np.float32),
        "SIGMA_ERR": (0.06 * sigma).astype(np.float32),
        "LOG_MSTELLAR": rng.uniform(9.2, 11.3, n).astype(np.float32),
        "L_O3": rng.uniform(38.0, 41.5, n).astype(np.float32),
    }
