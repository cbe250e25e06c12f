"""Align some galaxies: write their new stamps, and give their rows of the manifest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ...cutouts.stamp_file import Extension, StampFolder, to_cards, to_fits
from ...errors import InputError
from ...models.planes import Bit
from ..align import align
from ..opened.galaxies import Galaxies

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..opened.band_names import Band
    from ..opened.galaxy import HarvestedGalaxy
    from ..opened.stamp import HarvestedStamp

__all__ = ["Work", "aligned_rows", "lacking_reason"]

#: What the bits of the mask mean.
_BIT_CARDS = to_cards(
    [(f"BIT{bit.bit_length() - 1}", str(bit.name), f"value {bit:d}") for bit in Bit]
)

#: Cards that the writer of stamps makes itself.
_STRUCTURE = re.compile(rb"SIMPLE|BITPIX|NAXIS\d*|EXTEND|END")


@dataclass(frozen=True, slots=True)
class Work:
    """Some galaxies to align."""

    #: Place in the order of all pieces, from 0.
    number: int
    #: The folders of the run and of the aligned stamps.
    source: Path
    out: Path
    #: Rows of the manifest.
    rows: pa.Table
    #: Of the rows of the new manifest.
    schema: pa.Schema
    #: The arguments of `harvester.dataset.align.align`.
    options: Mapping[str, Any]
    #: The targets whose stamps are wanted; None: all.
    only: frozenset[int] | None = None


def lacking_reason(to: str) -> str:
    """Give the reason of galaxies without a stamp in the band to align to."""
    return f"no stamp in {to} to align to"


def aligned_rows(work: Work) -> pa.Table:
    """Write the aligned stamps of some galaxies; give the rows of the new manifest."""
    records: list[dict[str, Any]] = []
    with StampFolder(work.out) as folder:
        for galaxy in Galaxies(work.source, work.rows):
            records += _records(galaxy, work, folder)
    return pa.Table.from_pylist(records, work.schema)


def _records(
    galaxy: HarvestedGalaxy, work: Work, folder: StampFolder
) -> list[dict[str, Any]]:
    """Write the stamps of a galaxy; give its rows."""
    if work.only is not None and galaxy.records[0]["target"] not in work.only:
        return [{**one, "file_loc": None, "sha256": None} for one in galaxy.records]
    stamps, to = _keyed(galaxy), work.options["to"]
    if _lacks(stamps, to):
        return [_left_out(one, to) for one in galaxy.records]
    try:
        new = align(stamps, **work.options)
    except InputError as error:
        msg = f"galaxy {galaxy.id}: {error}"
        raise InputError(msg) from error
    written = {one.record["file_loc"]: _write(folder, one) for one in new.values()}
    return [written.get(one["file_loc"], one) for one in galaxy.records]


def _keyed(galaxy: HarvestedGalaxy) -> dict[Band, HarvestedStamp]:
    """Give all stamps by survey and band; further ones of a band have marks."""
    stamps: dict[Band, HarvestedStamp] = {}
    for stamp in galaxy.stamps:
        survey, band = stamp.record["survey"], stamp.record["band"]
        while (survey, band) in stamps:
            band += "@"
        stamps[survey, band] = stamp
    return stamps


def _lacks(stamps: Mapping[Band, HarvestedStamp], to: str) -> bool:
    is_band = to not in ("north", "grid")
    return bool(stamps) and is_band and tuple(to.split(":")) not in stamps


def _left_out(record: Mapping[str, Any], to: str) -> dict[str, Any]:
    if not record["file_loc"]:
        return dict(record)
    return {
        **record,
        "status": "failed",
        "reason": lacking_reason(to),
        "missing_reason": "failed_qc",
        "file_loc": None,
        "sha256": None,
        "coverage": None,
    }


def _write(folder: StampFolder, stamp: HarvestedStamp) -> dict[str, Any]:
    """Write a stamp; give its row of the manifest."""
    planes = stamp.planes
    further = [
        Extension(name, plane, cards)
        for name, plane, cards in (
            ("IVAR", planes.ivar, b""),
            ("MASK", planes.mask, _BIT_CARDS),
            ("PSF", planes.psf, b""),
        )
        if plane is not None
    ]
    content = to_fits(planes.flux, [], _further_cards(planes.cards), further)
    written = folder.write(stamp.record["file_loc"], content)
    return {**stamp.record, "sha256": written.sha256}


def _further_cards(cards: bytes) -> bytes:
    every = (cards[start : start + 80] for start in range(0, len(cards), 80))
    return b"".join(
        card for card in every if not _STRUCTURE.fullmatch(card[:8].rstrip())
    )
