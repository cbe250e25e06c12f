"""The tables of a VOTable document, and the status that its server reports."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO

from ..errors import InputError
from ..importing import IMPORTING
from .arrays import from_astropy
from .sheets import CUT_AT_LIMIT, StatedFrame, unique_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .sheets import Sheet

__all__ = ["check_document", "frames_of", "parsed", "read_votable"]

#: Bytes at the end of a document, among which its last tag must be.
_TAIL = 512
#: A link to rows outside the document: astropy would download them or open that file.
_ELSEWHERE = re.compile(rb"""<(?:\w+:)?STREAM\b[^>]*\shref\s*=\s*["']([^"']*)""")
#: An equatorial frame. Only such a frame is assumed for columns that reference none.
_EQUATORIAL = re.compile(r"FK[45]|ICRS|^$", re.IGNORECASE)
_ENCODING = re.compile(r"""\sencoding=["'][^"']*["']""")


def read_votable(file: BinaryIO, encoding: str) -> list[Sheet]:
    """Read every table of the document.

    Raises
    ------
    InputError
        The document is an error of a server, or has no table.
    EOFError
        The document ends too early.
    """
    if encoding.startswith("utf-16"):
        text = file.read().decode(encoding)
        file = io.BytesIO(_ENCODING.sub("", text, count=1).encode())
    check_document(file.read())
    file.seek(0)
    document = parsed(file)
    _check_status(document)
    sheets = [
        _sheet(document, resource, table)
        for resource in _resources(document)
        for table in resource.tables
        if table.fields
    ]
    if not sheets:
        msg = "it is a VOTable document, but it has no table"
        raise InputError(msg)
    return sheets


def check_document(content: bytes) -> None:
    """Refuse a document that ends too early, or whose rows are in another file."""
    if b"VOTABLE>" not in content[-_TAIL:]:
        msg = "the VOTable ends too early"
        raise EOFError(msg)
    elsewhere = _ELSEWHERE.search(content)
    if elsewhere:
        msg = (
            "the rows of this VOTable are in another file, "
            f"{elsewhere[1].decode('utf-8', 'replace')}: read that one instead"
        )
        raise InputError(msg)


def parsed(file: BinaryIO) -> Any:
    """Parse a document, and ignore violations of the standard."""
    with IMPORTING:
        from astropy.io import votable
    return votable.parse(file, verify="ignore")


def _resources(within: Any) -> Iterator[Any]:
    for resource in within.resources:
        yield resource
        yield from _resources(resource)


def _check_status(document: Any) -> None:
    has_rows = any(len(table.array) for table in document.iter_tables())
    for said in _statements(document):
        is_status = (said.name, said.value) == ("QUERY_STATUS", "ERROR")
        # Cone searches report an error as an INFO or PARAM named "Error".
        is_error = str(said.name or said.ID).lower() == "error" and not has_rows
        if is_status or is_error:
            known = (getattr(said, "content", None), said.value, said.name)
            words = next(str(each) for each in known if each)
            msg = (
                "it is an error message of a server, not a table. The server says: "
                f"{' '.join(words.split())}"
            )
            raise InputError(msg)


def _statements(document: Any) -> Iterator[Any]:
    yield from document.infos
    for resource in _resources(document):
        yield from resource.infos
        yield from resource.params
        for table in resource.tables:
            yield from table.infos


def _sheet(document: Any, resource: Any, table: Any) -> Sheet:
    rows = table.to_table(use_names_over_ids=True)
    own = unique_names([str(field.name or field.ID or "") for field in table.fields])
    rows.rename_columns(rows.colnames, own)
    units = {
        name: str(field.unit).strip("\"' ")
        for name, field in zip(own, table.fields, strict=True)
        if field.unit is not None and str(field.unit).strip("\"' ")
    }
    frames, frame = frames_of(document, table, own)
    return replace(
        from_astropy(rows, units),
        frames=frames,
        frame=frame,
        format="VOTable",
        name=str(table.name or table.ID or resource.name or resource.ID or ""),
        notes=list(_limit_notes(document, resource, table)),
    )


def _limit_notes(document: Any, resource: Any, table: Any) -> Iterable[str]:
    stated = (*document.infos, *resource.infos, *table.infos)
    if any((i.name, i.value) == ("QUERY_STATUS", "OVERFLOW") for i in stated):
        yield CUT_AT_LIMIT


def frames_of(
    document: Any,
    table: Any,
    names: list[str],
) -> tuple[dict[str, StatedFrame], StatedFrame | None]:
    """Return the frames that columns reference, and the frame of the whole table."""
    systems = {each.ID: _stated(each) for each in document.iter_coosys()}
    refs = [field.ref for field in table.fields]
    for group in table.iter_groups():
        for member in group.entries:
            place = _place(table, member)
            if place is not None and group.ref in systems:
                refs[place] = group.ref
    frames = {
        name: systems[ref]
        for name, ref in zip(names, refs, strict=True)
        if ref in systems
    }
    if table.ref in systems:
        return frames, systems[table.ref]
    alone = list(systems.values())
    is_meant = len(alone) == 1 and not frames and _EQUATORIAL.search(alone[0].system)
    return frames, alone[0] if is_meant else None


def _place(table: Any, member: Any) -> int | None:
    """Return the index of the column that a ``FIELDref`` of a group references."""
    wanted = getattr(member, "ref", None)
    places = (n for n, each in enumerate(table.fields) if wanted and wanted == each.ID)
    return next(places, None)


def _stated(system: Any) -> StatedFrame:
    return StatedFrame(
        str(system.system or ""), str(system.equinox or ""), str(system.epoch or "")
    )
