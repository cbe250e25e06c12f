"""The probe of a mission: what MAST and its bucket send, compared with our notes.

The notes are those of docs/archives.md: observations with these columns, files of
whole FITS records, byte ranges and entity tags from the bucket.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...sky.footprints import parse_s_region
from ...transport.call import Waits
from ..probe import Difference, FileNotes, ProbeInputs, ProbeStep, look_at_file
from .queries import MastQueries
from .services import BUCKET

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .mission import KnownImage, Mission
    from .queries import Row

__all__ = ["MissionProbe"]

#: Files have whole FITS records; the largest mosaics have 8 GB.
_NOTES = FileNotes(b"SIMPLE  =", least=1_000_000, most=10_000_000_000, multiple=2880)

#: Headers of a part of a file. The bucket is of Amazon S3, which sends more.
_HEADERS = {"content-length": r"\d+", "content-range": r"bytes 0-\d+/\d+"}
_S3_HEADERS = {
    **_HEADERS,
    "accept-ranges": "bytes",
    "etag": r'"[0-9a-f]{32}(-\d+)?"',
    "last-modified": r"\w{3}, .* GMT",
}

#: Bytes that are fetched: one FITS record.
_FIRST = 2880

_RIGHTS = "PUBLIC"


class MissionProbe:
    """Asks MAST for a known observation, and MAST and the bucket for its file."""

    def __init__(
        self, mission: Mission, known: KnownImage, inputs: ProbeInputs
    ) -> None:
        self._mission = mission
        self._known = known
        self._inputs = inputs
        self._queries = MastQueries(inputs.transport)
        #: Name of the observation and of its file; other ones at a stand-in.
        self._obs_id, self._name = known.obs_id, known.name
        #: Whether the services must have that file.
        self._must_be = self._queries.is_official
        #: The first bytes of the copy in the bucket; empty if they did not come.
        self._copy = b""

    def steps(self) -> Sequence[ProbeStep]:
        """Give the steps of the probe."""
        known = self._known
        return (
            ProbeStep("mast", f"observation {known.obs_id}", self._look_at_row),
            ProbeStep("s3", "copy of its file in the bucket", self._look_at_copy),
            ProbeStep("mast", "its file at MAST", self._look_at_file),
        )

    async def _look_at_row(self) -> Sequence[Difference]:
        mission, known = self._mission, self._known
        criteria = {"obs_collection": mission.collection, "obs_id": known.obs_id}
        rows = await self._queries.sample(criteria, most=1, waits=Waits.NEVER)
        if rows:
            self._must_be = True
            return list(self._of_row(rows[0]))
        if self._queries.is_official:
            return [Difference("known observation", "it is listed", "no row")]
        criteria = mission.images(known.instrument, [known.band])
        rows = await self._queries.sample(criteria, most=1, waits=Waits.NEVER)
        return list(self._take(rows))

    def _take(self, rows: Sequence[Row]) -> Iterator[Difference]:
        """Go on with another image: this is a stand-in without the known one."""
        name = self._file_in(rows[0]) if rows else ""
        if not name:
            came = str(rows[0].get("dataURL")) if rows else "no row"
            yield Difference("dataURL", "an image with its combined file", came)
            return
        self._obs_id, self._name = str(rows[0]["obs_id"]), name
        self._must_be = True
        came = f"another address, which has {self._obs_id}"
        known = self._known.obs_id
        yield Difference("known observation", known, came, matters=False, advice="")
        yield from self._of_row(rows[0])

    def _file_in(self, row: Row) -> str:
        match = self._mission.file.fullmatch(str(row.get("dataURL") or ""))
        return match[1] if match else ""

    def _of_row(self, row: Row) -> Iterator[Difference]:
        name = self._file_in(row)
        if name != self._name:
            yield Difference("dataURL", self._name, str(row.get("dataURL")))
        if row.get("dataRights") != _RIGHTS:
            yield Difference("dataRights", _RIGHTS, str(row.get("dataRights")))
        region = str(row.get("s_region") or "")
        if not parse_s_region(region):
            yield Difference("s_region", "a polygon or a circle", region[:200])

    async def _look_at_copy(self) -> Sequence[Difference]:
        key = self._mission.key(self._name, self._obs_id)
        url = f"{self._inputs.official['s3']}/{BUCKET}/{key}"
        notes = replace(_NOTES, gives_ranges=True, has_etag=True, headers=_S3_HEADERS)
        found, self._copy = await self._look(url, notes)
        return found

    async def _look_at_file(self) -> Sequence[Difference]:
        uri = f"mast:{self._mission.collection}/product/{self._name}"
        url = f"{self._inputs.official['mast']}/api/v0.1/Download/file?uri={uri}"
        gives_ranges = self._known.archive_gives_ranges
        notes = replace(_NOTES, gives_ranges=gives_ranges, headers=_HEADERS)
        found, body = await self._look(url, notes)
        if self._copy and body and self._copy != body:
            same = "the bytes of the copy in the bucket"
            found.append(Difference("first bytes", same, "other bytes"))
        return found

    async def _look(self, url: str, notes: FileNotes) -> tuple[list[Difference], bytes]:
        size = self._known.size if self._name == self._known.name else 0
        notes = replace(notes, known=size)
        return await look_at_file(
            self._inputs, url, notes, _FIRST, must_be=self._must_be
        )
