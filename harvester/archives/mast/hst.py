"""HST at MAST: its cameras, its drizzled files, and where their copies are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .cameras import field_arcsec
from .mission import Mission
from .names import DAILY, FILTERS

if TYPE_CHECKING:
    from .mission import Row

__all__ = ["HST"]

#: An observation of the pipeline. The bucket has its files under its name; products
#: of skycells and visits lie elsewhere, and no rule tells where.
_PIPELINE = re.compile(r"[a-z0-9]{9}")


def _bands(filters: str) -> set[str]:
    return {name.strip() for name in filters.split(";")}


def _spellings(instrument: str) -> list[str]:
    return [instrument]


def _is_file(_row: Row, _obs_id: str) -> bool:
    # Names of drizzled files and of observations differ in many ways.
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
    daily=DAILY,
)
