"""A probe of one known product: what an archive sends, compared with our notes.

The notes are in the folder of each archive, as data: which product is known, and how
its services send it. ``harvester doctor`` runs the probes and tells what differs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import NotFoundError, PermanentError, TransientError
from ..transport.call import Waits
from ..transport.transport import RangeRefusedError

if TYPE_CHECKING:
    from collections.abc import (
        Awaitable,
        Callable,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )
    from pathlib import Path

    from ..transport.transport import ByteRange, Reply, Transport

__all__ = [
    "SEND_IN",
    "Beginning",
    "Difference",
    "FileNotes",
    "ProbeInputs",
    "ProbeStep",
    "compared",
    "look_at_file",
    "reach_steps",
]

#: What to do about an archive that answers in another way than expected.
SEND_IN = "Send in the evidence file: harvester may need a change."


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that an archive does in another way than our notes say."""

    #: What was compared, such as ``size``.
    what: str
    #: What our notes say, and what came.
    notes: str
    came: str
    #: Whether a harvest may fail because of it. Otherwise it is good to know.
    matters: bool = True
    advice: str = SEND_IN


@dataclass(frozen=True, slots=True)
class FileNotes:
    """What our notes say about a file, and how a service sends it."""

    #: The first bytes.
    start: bytes
    #: Bytes of the whole file, at least and at most.
    least: int
    most: int
    #: Bytes of it when the notes were made; 0: not known. An archive may make its files
    #: again, so that another length is only told.
    known: int = 0
    #: The length is a multiple of this.
    multiple: int = 1
    #: Whether the service sends byte ranges, and entity tags. None: not known.
    gives_ranges: bool | None = None
    has_etag: bool | None = None
    #: Regular expressions of headers of the reply, by name in lower case.
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProbeInputs:
    """What `ArchiveKind.probe` gets."""

    transport: Transport
    #: The archive's section of the settings.
    section: Any
    #: Official addresses of the services, by name.
    official: Mapping[str, str]
    #: Gives the headers of the latest reply, by name in lower case.
    latest_headers: Callable[[], Mapping[str, str]]
    #: A folder for files that are fetched; it is removed afterwards.
    scratch: Path

    def is_official(self, service: str) -> bool:
        """Whether requests for a service really go to the archive.

        A stand-in or a mirror may lack the known product.
        """
        return (
            self.transport.to_actual(self.official[service]) == self.official[service]
        )


@dataclass(frozen=True, slots=True)
class ProbeStep:
    """One thing that is looked at; steps of one probe are taken in their order.

    ``look`` gives what differs. It raises `TransientError`, `PermanentError` or
    `InputError` if the service does not answer; later steps are taken all the same.
    """

    service: str
    #: What is asked for.
    what: str
    look: Callable[[], Awaitable[Sequence[Difference]]]


class Beginning:
    """Ends a download after some bytes, and keeps them: see `Enough`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.body = bytearray()

    def restart(self) -> None:
        """Forget what came so far."""
        self.body.clear()

    def add(self, data: bytes) -> bool:
        """Take the next bytes; say whether they are enough."""
        self.body += data
        return len(self.body) >= self._most


async def look_at_file(
    inputs: ProbeInputs, url: str, notes: FileNotes, size: int, *, must_be: bool = True
) -> tuple[list[Difference], bytes]:
    """Fetch the first ``size`` bytes of a file, and compare how it is sent.

    If the service refuses byte ranges, the download is ended after so many bytes.
    ``must_be``: whether the file is known to be there; nothing comes if it is not.
    """
    ask = inputs.transport.fetch_range
    try:
        part = await ask(url, 0, size, waits=Waits.NEVER)
    except NotFoundError as error:
        if must_be:
            raise
        advice = "Repair the service of the queries first: it names the files."
        known = "it is known at the archive"
        differs = Difference("file", known, str(error), matters=False, advice=advice)
        return [differs], b""
    except RangeRefusedError as error:
        refused = _without_ranges(notes, error)
        body = await _beginning(inputs, url, size)
        return [*refused, *_of_start(notes, body)], body
    found = [*_of_headers(notes, inputs.latest_headers()), *_of_part(notes, part)]
    if notes.has_etag:
        # A service whose tags change would send every file as a new version.
        try:
            await ask(
                url, 0, len(notes.start), validator=part.validator, waits=Waits.NEVER
            )
        except RangeRefusedError as error:
            same = "the same version of a file for a second request"
            found.append(Difference("If-Range", same, str(error)))
    return found, part.body


async def _beginning(inputs: ProbeInputs, url: str, size: int) -> bytes:
    enough, path = Beginning(size), inputs.scratch / "beginning"
    await inputs.transport.download(url, path, enough=enough, waits=Waits.NEVER)
    return bytes(enough.body[:size])


def _without_ranges(notes: FileNotes, error: RangeRefusedError) -> list[Difference]:
    came = str(error)
    if error.is_wrong:
        return [Difference("ranges", "the bytes that were asked for", came)]
    if notes.gives_ranges is None:
        known = "nothing about byte ranges"
        advice = "Files are fetched as a whole, or from their beginning."
        return [Difference("ranges", known, came, matters=False, advice=advice)]
    return [Difference("ranges", "byte ranges are sent", came)]


def _of_headers(notes: FileNotes, came: Mapping[str, str]) -> Iterator[Difference]:
    for name, expected in notes.headers.items():
        text = came.get(name)
        if text is None or not re.fullmatch(expected, text):
            told = f"{name}: {text}" if text else f"no header {name}"
            like = f"{name} like {expected}"
            yield Difference("header", like, told, matters=False)


def _of_part(notes: FileNotes, part: ByteRange) -> Iterator[Difference]:
    if notes.gives_ranges is None:
        known, came = "nothing about byte ranges", "they are sent"
        yield Difference("ranges", known, came, matters=False, advice="")
    if not notes.least <= part.total <= notes.most:
        span = f"{notes.least:,} to {notes.most:,} bytes"
        yield Difference("size", span, f"{part.total:,} bytes")
    if notes.known and part.total != notes.known:
        known, came = f"{notes.known:,} bytes", f"{part.total:,} bytes"
        advice = "The archive has made this file again, which is no trouble."
        yield Difference("size", known, came, matters=False, advice=advice)
    if part.total % notes.multiple:
        what = f"a multiple of {notes.multiple:,} bytes"
        yield Difference("size", what, f"{part.total:,} bytes")
    yield from _of_start(notes, part.body)
    if notes.has_etag and not part.validator.startswith('"'):
        came = part.validator or "neither a tag nor a date"
        yield Difference("ETag", "a strong entity tag", came)


def _of_start(notes: FileNotes, body: bytes) -> Iterator[Difference]:
    if not body.startswith(notes.start):
        came = f"{body[: len(notes.start)]!r}"
        yield Difference("first bytes", f"{notes.start!r}", came)


def compared(
    what: str, notes: Mapping[str, object], came: Mapping[str, object]
) -> Iterator[Difference]:
    """Yield the entries of ``came`` that are not as our notes say."""
    for name, value in notes.items():
        if came.get(name) != value:
            yield Difference(f"{what} {name}", f"{value}", f"{came.get(name)}")


def reach_steps(inputs: ProbeInputs, services: Iterable[str]) -> list[ProbeStep]:
    """Give a step for each service that asks only whether it can be reached."""
    return [
        ProbeStep(name, "its address", partial(_reach, inputs, name))
        for name in services
    ]


async def _reach(inputs: ProbeInputs, service: str) -> list[Difference]:
    url = inputs.official[service]
    try:
        await inputs.transport.query(
            "GET", url, check=_take_anything, waits=Waits.NEVER
        )
    except PermanentError:
        pass  # an answer, though nothing is there
    except TransientError as error:
        if error.reason != "refuses":
            raise
    known = "no product that could be asked for"
    advice = "Only its services were asked: its package has no questions for this."
    return [Difference("probe", known, "an answer", matters=False, advice=advice)]


def _take_anything(_reply: Reply) -> None:
    """Accept any answer, also a web page: it shows that the service is reached."""
