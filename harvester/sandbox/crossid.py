"""SkyServer's CrossID: an uploaded list of positions, joined to the nearest objects.

A position without a match has no row in the answer. The server rewrites the
client's query before it runs it: it adds the object's identifier at the front unless
``p.objid`` is selected, and before that the uploaded name if there is one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from .skyserver_columns import PHOTO_COLUMNS
from .skyserver_sql import (
    Item,
    Parser,
    Relation,
    SqlColumn,
    SqlError,
    Table,
    apply_function,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .photo import PhotoCatalogue, PhotoObject

__all__ = [
    "CrossIdError",
    "CrossIdRequest",
    "Position",
    "UploadLimits",
    "parse_upload",
    "rewrite",
]


class CrossIdError(Exception):
    """The request is invalid; the error page shows the message."""


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """Limits of one upload."""

    #: Positions.
    rows: int = 1000
    #: Characters of a name.
    name: int = 32
    #: Search radius, arcmin.
    radius: float = 3.0


class Position(NamedTuple):
    """A line of the upload."""

    name: str
    ra: float
    dec: float


class _Match(NamedTuple):
    number: int
    position: Position
    found: PhotoObject


_UPLOAD_COLUMNS: dict[str, SqlColumn[_Match]] = {
    "up_id": SqlColumn("int", lambda m: m.number),
    "up_name": SqlColumn("varchar", lambda m: m.position.name),
    "up_ra": SqlColumn("float", lambda m: m.position.ra),
    "up_dec": SqlColumn("float", lambda m: m.position.dec),
}
_MATCH_COLUMNS: dict[str, SqlColumn[_Match]] = {
    "up_id": SqlColumn("int", lambda m: m.number),
    "objID": SqlColumn("bigint", lambda m: m.found.objid),
}


def parse_upload(text: str, first_column: int, limits: UploadLimits) -> list[Position]:
    """Parse a header line and one position per line, split at blanks or commas."""
    lines = [_words(line) for line in text.splitlines() if line.strip()]
    header = [word.lower() for word in lines[0]] if lines else []
    if header[first_column : first_column + 2] != ["ra", "dec"]:
        msg = "The first line must name the columns ra and dec."
        raise CrossIdError(msg)
    if len(lines) - 1 > limits.rows:
        msg = f"The upload has more than {limits.rows} rows."
        raise CrossIdError(msg)
    return [_position(words, first_column, limits) for words in lines[1:]]


def _words(line: str) -> list[str]:
    return re.split(r"[\s,]+", line.strip())


def _position(words: list[str], first_column: int, limits: UploadLimits) -> Position:
    try:
        ra, dec = map(float, words[first_column : first_column + 2])
    except ValueError:
        msg = f"Not able to parse the line '{' '.join(words)}'."
        raise CrossIdError(msg) from None
    name = words[0] if first_column else ""
    if len(name) > limits.name:
        msg = f"String or binary data would be truncated: '{name}'."
        raise CrossIdError(msg)
    return Position(name, ra, dec)


def rewrite(query: str, first_column: int) -> str:
    """Insert the additional columns after *every* SELECT, as the server does."""
    if not re.search(r"p\.objid\s*,", query, re.IGNORECASE):
        query = _after_select(query, "x.objID")
    if first_column > 0:
        query = _after_select(query, "u.up_name as [name]")
    return query


def _after_select(query: str, column: str) -> str:
    return re.sub(r"\bselect\b", f"SELECT {column},", query, flags=re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CrossIdRequest:
    """One request."""

    positions: list[Position]
    #: Arcmin.
    radius: float
    #: ``nearprim`` or ``allobj``.
    scope: str
    query: str

    @classmethod
    def of(
        cls, form: Mapping[str, str], upload: str, limits: UploadLimits
    ) -> CrossIdRequest:
        """Read the parameters (names in lower case), or raise `CrossIdError`."""
        radius = _radius(form.get("radius", ""), limits)
        first_column = _first_column(form.get("firstcol", "0"))
        return cls(
            positions=parse_upload(upload, first_column, limits),
            radius=radius,
            scope=form.get("photoscope", "nearprim").lower(),
            query=rewrite(form.get("uquery", ""), first_column),
        )

    def answer(self, photo: PhotoCatalogue) -> Table:
        """Look the positions up; raise `SqlError` if the columns are unknown."""
        columns = [(item.label, _column(item)) for item in _items(self.query)]
        rows = [
            tuple(column.value(match) for _, column in columns)
            for match in self._matches(photo)
        ]
        return Table(
            tuple(label for label, _ in columns),
            tuple(column.type for _, column in columns),
            rows,
        )

    def _matches(self, photo: PhotoCatalogue) -> Iterator[_Match]:
        degrees = self.radius / 60.0
        for number, position in enumerate(self.positions, 1):
            _, ra, dec = position
            if self.scope == "allobj":
                for found in photo.within(ra, dec, degrees):
                    yield _Match(number, position, found)
            elif nearest := photo.nearest(ra, dec, degrees):
                yield _Match(number, position, nearest)


def _radius(text: str, limits: UploadLimits) -> float:
    try:
        radius = float(text)
    except ValueError:
        msg = f"Radius: '{text}' is not a number."
        raise CrossIdError(msg) from None
    if not 0 < radius <= limits.radius:
        msg = f"Radius must be between 0 and {limits.radius:g} arcmin."
        raise CrossIdError(msg)
    return radius


def _first_column(text: str) -> int:
    if not text.isdigit():
        msg = f"firstcol: '{text}' is not a number."
        raise CrossIdError(msg)
    return int(text)


def _items(query: str) -> tuple[Item, ...]:
    parser = Parser(query)
    parser.expect("SELECT")
    items = parser.items()
    # The rest always joins #upload, #x and the objects.
    parser.expect("FROM")
    return items


def _column(item: Item) -> SqlColumn[_Match]:
    if item.owner in {"u", "x"}:
        own = _UPLOAD_COLUMNS if item.owner == "u" else _MATCH_COLUMNS
        return Relation(own, ()).column(item.key)[1]
    if item.owner != "p":
        msg = f"The table '{item.owner}' of '{item.name}' is not joined here."
        raise SqlError(msg)
    _, column = Relation(PHOTO_COLUMNS, ()).column(item.key)
    of_object = apply_function(item, column)
    return SqlColumn(of_object.type, lambda match: of_object.value(match.found))
