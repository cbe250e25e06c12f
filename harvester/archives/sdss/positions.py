"""Looks up the positions of SDSS identifiers, for catalogues without positions.

Identifiers of DR8 and later are in ``PhotoObjAll``. Those of DR7 are in
``PhotoObjDR7``, with the position that DR7 measured. That table only has objects that a
later release found within 1 arcsec in the same run, camera column and field, so it
lacks a few objects of DR7.
"""

from __future__ import annotations

import logging
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

from ...errors import OutageError, PermanentError, TransientError
from ...events import Note
from ..batches import chunks
from .names import decode
from .skyserver import TOO_LONG, SkyServer, numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...events import Listener
    from ...transport.transport import Transport

__all__ = ["IDS", "look_up_positions"]

_log = logging.getLogger(__name__)

#: Identifiers in one query. The query is part of the URL, of which the server reads
#: 8,192 characters. An identifier and an escaped comma have 22, so 350 would fit.
IDS = 320

#: Queries that may fail in a row, parts of failed queries included.
_MOST_FAILED = 12

_DR7 = 1

Places = dict[str, tuple[float, float]]


class _Source(NamedTuple):
    """The table of a release, and its column of identifiers."""

    table: str
    column: str
    #: Query for one of its objects.
    example: str


_SOURCES = {
    True: _Source("PhotoObjDR7", "dr7objid", "SELECT TOP 1 dr7objid FROM PhotoObjDR7"),
    False: _Source("PhotoObjAll", "objID", "SELECT TOP 1 objID FROM PhotoObjAll"),
}


async def look_up_positions(
    transport: Transport, ids: Sequence[str], *, release: int, listener: Listener
) -> Places:
    """Look up the positions of SDSS identifiers.

    Parameters
    ----------
    ids
        Identifiers in decimal digits, of DR7 or later. Those that do not name an
        observed field are not sent.

    Returns
    -------
    dict
        Right ascension and declination by identifier, ICRS degrees. Identifiers that
        SkyServer does not know are left out. These are asked for twice, the second
        time together with a known one.

    Raises
    ------
    OutageError
        SkyServer has an outage, or its answer lacks the known identifier.
    QueryRefusedError
        SkyServer refuses the query.
    """
    named = [one for one in dict.fromkeys(ids) if decode(one)]
    skyserver = SkyServer(transport, release=release)
    places: Places = {}
    for is_dr7, source in _SOURCES.items():
        some = [one for one in named if (int(one) >> 59 == _DR7) == is_dr7]
        if some:
            queries = -(-len(some) // IDS)
            words = f"looking up {len(some):,} identifier(s) in {source.table}"
            listener(Note(f"sdss: {words}, queries: {queries}"))
            places |= await _Lookup(skyserver, source).find(some)
    return places


class _Lookup:
    """Looks up identifiers in one table."""

    def __init__(self, skyserver: SkyServer, source: _Source) -> None:
        self._skyserver = skyserver
        self._source = source
        self._failed = 0

    async def find(self, ids: Sequence[str]) -> Places:
        """Give the positions of the identifiers that are in the table."""
        places: Places = {}
        for chunk in chunks(ids, IDS):
            places |= await self._ask(chunk)
        left = [one for one in ids if one not in places]
        if not left:
            return places
        # A lost row looks like an unknown object. So each query also asks for a known
        # one: an answer without it is cut short.
        known = next(iter(places), None) or await self._example()
        for chunk in chunks(left, IDS - 1):
            again = await self._ask([*chunk, known])
            if known not in again:
                msg = (
                    f"SkyServer's answer about {len(chunk)} identifiers is cut short: "
                    "it lacks one that SkyServer itself has named"
                )
                raise OutageError("cut_short", msg)
            places |= {one: again[one] for one in chunk if one in again}
        return places

    async def _example(self) -> str:
        table = await self._skyserver.select(
            self._source.example, (self._source.column,)
        )
        for value in table[self._source.column].tolist():
            return str(value)
        msg = f"SkyServer says that its table {self._source.table} is empty"
        raise OutageError("no_objects", msg)

    async def _ask(self, ids: Sequence[str]) -> Places:
        """Ask for identifiers, in smaller parts if that fails."""
        try:
            places = await self._select(ids)
        except (TransientError, PermanentError) as error:
            self._failed += 1
            is_outage = isinstance(error, OutageError) and error.reason not in TOO_LONG
            if len(ids) == 1 or is_outage or self._failed >= _MOST_FAILED:
                raise
            _log.warning(
                "a query for %d identifiers failed; it is sent again in two parts: %s",
                len(ids),
                error,
            )
            middle = len(ids) // 2
            first = await self._ask(ids[:middle])
            return first | await self._ask(ids[middle:])
        self._failed = 0
        return places

    async def _select(self, ids: Sequence[str]) -> Places:
        table, column, _ = self._source
        listed = ",".join(ids)
        query = f"SELECT {column}, ra, dec FROM {table} WHERE {column} IN ({listed})"  # noqa: S608 - digits, and names of ours
        found = await self._skyserver.select(
            query, (column, "ra", "dec"), at_once=TOO_LONG if len(ids) > 1 else ()
        )
        asked = set(ids)
        rows = zip(
            map(str, found[column].tolist()),
            numbers(found["ra"]).tolist(),
            numbers(found["dec"]).tolist(),
            strict=True,
        )
        return {
            one: (ra, dec)
            for one, ra, dec in rows
            if one in asked and isfinite(ra) and isfinite(dec)
        }
