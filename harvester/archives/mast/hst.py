"""HST at MAST: its cameras, its drizzled files, and their keys in the bucket."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .cameras import field_arcsec
from .mission import Mission
from .names import COMMON, FILTERS

if TYPE_CHECKING:
    from .mission import Row

__all__ = ["HST"]

#: Name of an observation of the pipeline; the bucket has a folder of that name. There
#: is no known rule for the products of skycells and visits.
_PIPELINE = re.compile(r"[a-z0-9]{9}")


def _bands(filters: str) -> set[str]:
    return {name.strip() for name in filters.split(";")}


def _spellings(instrument: str) -> list[str]:
    return [instrument]


def _is_file(_row: Row, _obs_id: str) -> bool:
    # Names of drizzled files do not follow from those of observations.
    return True


def _key(name: str, obs_id: str) -> str:
    if not _PIPELINE.fullmatch(obs_id):
        return ""
    return f"hst/public/{obs_id[:4]}/{obs_id}/{name}"


HST = Mission(
    archive="hst",
    collection="HST",
    criteria={"project": "HST", "intentType": "science"},
    spellings=_spellings,
    bands_of=_bands,
    file=re.compile(r"mast:HST/product/([A-Za-z0-9_.-]+_dr[zc]\.fits)"),
    is_file=_is_file,
    key=_key,
    coarsest_arcsec=0.13,
    field_arcsec=field_arcsec,
    filters=FILTERS,
    common=COMMON,
)
