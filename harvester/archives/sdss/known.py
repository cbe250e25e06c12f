"""The frame that is known to exist, and what our notes say about it.

The notes are those of docs/archives.md. The field is one of the landmarks of
`FieldTable`; the length is that of a copy of the frame from data release 17.
"""

from __future__ import annotations

import bz2
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ...transport.call import Waits
from ..probe import (
    Difference,
    FileNotes,
    ProbeInputs,
    ProbeStep,
    compared,
    look_at_file,
)
from .field_query import ASKED, to_rows
from .fields import FieldTable
from .names import Field, frame
from .skyserver import SkyServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["SdssProbe"]

_KNOWN = Field(1043, 5, 25)
_BAND = "r"

#: Real frames have 2.8 to 3.9 MB; a stand-in may pack them worse. Whether the server
#: sends byte ranges and entity tags is in no document.
_NOTES = FileNotes(
    b"BZh9",
    least=1_000_000,
    most=8_000_000,
    known=3_586_544,
    headers={"content-length": r"\d+"},
)

#: Bytes that hold the first block of bzip2, bytes that it has unpacked at the most, and
#: bytes of the header in it. Its checksum is compared only at its end.
_FIRST, _BLOCK, _HEADER = 300_000, 1_000_000, 14_400

_CARD = re.compile(rb"(BITPIX|NAXIS1|NAXIS2|RUN|CAMCOL|FRAME|FILTER) *= *'?([\w-]+)")

#: Pixels were rounded to ten binary digits; the proof of blocks needs that.
_ROUNDED = b"FLOATCOMPRESS"


class SdssProbe:
    """Asks SkyServer for a known field, and the file server for its frame."""

    def __init__(self, inputs: ProbeInputs) -> None:
        self._inputs = inputs
        self._skyserver = SkyServer(inputs.transport, release=inputs.section.release)
        self._field = _KNOWN
        #: Whether the file server must have the frame of that field.
        self._must_be = inputs.is_official("sdss-sky")

    def steps(self) -> Sequence[ProbeStep]:
        """Give the steps of the probe."""
        run, camcol, field, _ = _KNOWN
        return (
            ProbeStep(
                "sdss-sky",
                f"run {run} camcol {camcol} field {field} of table Frame",
                self._look_at_field,
            ),
            ProbeStep(
                "sdss-sas", f"frame of that field in {_BAND}", self._look_at_frame
            ),
        )

    async def _look_at_field(self) -> Sequence[Difference]:
        run, camcol, field, _ = _KNOWN
        where = f"run={run} AND camcol={camcol} AND field={field}"
        rows = await self._rows(f"zoom=0 AND {where}")
        if not len(rows) and not self._inputs.is_official("sdss-sky"):
            rows = await self._rows("zoom=0")
            return self._take(rows)
        self._must_be = True
        table = FieldTable(rows)
        if len(rows) != 1 or not table.matches_landmarks():
            known = "one row, with the geometry of its frame"
            return [Difference("known field", known, f"{len(rows)} rows: {rows}")]
        return []

    async def _rows(self, where: str) -> NDArray[np.void]:
        query = f"SELECT TOP 1 {','.join(ASKED)} FROM Frame WHERE {where}"  # noqa: S608 - numbers of ours
        return to_rows(await self._skyserver.select(query, ASKED, waits=Waits.NEVER))

    def _take(self, rows: NDArray[np.void]) -> Sequence[Difference]:
        """Go on with another field: this is a stand-in without the known one."""
        if not len(rows):
            return [Difference("table Frame", "fields of SDSS", "no field")]
        run, camcol, field = (int(rows[0][n]) for n in ("run", "camcol", "field"))
        self._field, self._must_be = Field(run, camcol, field), True
        came = f"another address, which has {_words(self._field)}"
        return [
            Difference("known field", _words(_KNOWN), came, matters=False, advice="")
        ]

    async def _look_at_frame(self) -> Sequence[Difference]:
        inputs = self._inputs
        base, release = inputs.official["sdss-sas"], inputs.section.release
        url = frame(base, release, _BAND, self._field).url
        notes = _NOTES if self._field == _KNOWN else replace(_NOTES, known=0)
        found, body = await look_at_file(
            inputs, url, notes, _FIRST, must_be=self._must_be
        )
        return [*found, *(self._of_header(body) if body else ())]

    def _of_header(self, body: bytes) -> Iterator[Difference]:
        try:
            header = bz2.BZ2Decompressor().decompress(body, _BLOCK)[:_HEADER]
        except OSError as error:
            yield Difference("bzip2", "a sound first block", str(error))
            return
        if len(header) < _HEADER:
            whole = f"a sound first block in {_FIRST:,} bytes"
            came = f"{len(header):,} bytes could be unpacked"
            yield Difference("bzip2", whole, came)
            return
        yield from compared("card", _cards(self._field), _read_cards(header))
        if _ROUNDED not in header:
            came = f"not in the first {len(header):,} bytes"
            yield Difference("rounded pixels", "FLOATCOMPRESS", came, matters=False)


def _words(field: Field) -> str:
    return f"run {field.run} camcol {field.camcol} field {field.field}"


def _cards(field: Field) -> Mapping[str, str]:
    return {
        "BITPIX": "-32",
        "NAXIS1": "2048",
        "NAXIS2": "1489",
        "RUN": f"{field.run}",
        "CAMCOL": f"{field.camcol}",
        "FRAME": f"{field.field}",
        "FILTER": _BAND,
    }


def _read_cards(header: bytes) -> Mapping[str, str]:
    cards = (header[at : at + 80] for at in range(0, len(header), 80))
    found = (_CARD.match(card) for card in cards)
    return {m[1].decode("ascii"): m[2].decode("ascii") for m in found if m}
