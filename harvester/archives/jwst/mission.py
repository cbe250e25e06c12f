"""JWST at MAST: which rows and files are mosaics, and their keys in the bucket."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from ..mast.mission import Mission
from .instruments import COMMON, FILTERS, band_of, field_arcsec, spellings

if TYPE_CHECKING:
    from ...sky.selection import Candidate
    from ..mast.mission import Row

__all__ = ["JWST"]

#: A combined image: of one observation (``o``), of several that were planned together
#: (``c``), or of all that overlap (``a``).
_NAME = re.compile(
    r"(jw(?P<program>\d{5})-(?P<set>[oca])(?P<number>\d{3,4})_t\d+_[a-z0-9]+_[a-z0-9_-]+)"
    r"_i2d\.fits"
)

#: Which set is taken if several show the same sky in one band, best first: ``c`` and
#: ``a`` contain the exposures of ``o``, and are deeper.
_SETS = "cao"

#: Calibration level of combined images.
_COMBINED = 3


def _is_file(row: Row, obs_id: str) -> bool:
    """Whether a product is the mosaic of its observation, not a single exposure.

    A list of products also has hundreds of images of single detectors, whose names
    end with ``_i2d.fits`` too.
    """
    name = str(row["dataURI"]).rpartition("/")[2]
    return name.startswith(f"{obs_id}_") and row.get("calib_level") == _COMBINED


def _key(name: str, _obs_id: str) -> str:
    # This rule was only seen for single observations; MAST is asked for other keys.
    match = _NAME.fullmatch(name)
    if not match or match["set"] != "o":
        return ""
    return f"jwst/public/jw{match['program']}/L3/t/o{match['number']}/{name}"


def _distinct(candidates: list[Candidate]) -> list[Candidate]:
    """Keep one set of exposures for each program: the others show the same sky."""
    by_program: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        match = _NAME.fullmatch(candidate.product.name)
        by_program[match["program"] if match else ""].append(candidate)
    return [one for some in by_program.values() for one in _best_set(some)]


def _best_set(candidates: list[Candidate]) -> list[Candidate]:
    ranks = [_rank(candidate) for candidate in candidates]
    # A set that covers the whole stamp comes before one that covers a part of it.
    whole = [
        rank for rank, one in zip(ranks, candidates, strict=True) if one.holds_whole
    ]
    best = min(whole or ranks)
    return [one for rank, one in zip(ranks, candidates, strict=True) if rank == best]


def _rank(candidate: Candidate) -> int:
    match = _NAME.fullmatch(candidate.product.name)
    return _SETS.index(match["set"]) if match else len(_SETS)


JWST = Mission(
    archive="jwst",
    collection="JWST",
    criteria={},
    spellings=spellings,
    bands_of=band_of,
    file=re.compile(rf"mast:JWST/product/({_NAME.pattern})"),
    is_file=_is_file,
    key=_key,
    coarsest_arcsec=0.11,
    field_arcsec=field_arcsec,
    filters=FILTERS,
    common=COMMON,
    distinct=_distinct,
)
