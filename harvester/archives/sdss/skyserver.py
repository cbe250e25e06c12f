"""The queries to SkyServer, each made by one call of astroquery."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...errors import OutageError
from ...importing import IMPORTING
from ...transport.call import Waits
from .skyserver_reply import check_skyserver

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from numpy.typing import NDArray

    from ...transport.transport import Transport
    from ..bridge import Bridge

__all__ = [
    "MAYBE_OUTAGE",
    "TOO_LONG",
    "Match",
    "SkyServer",
    "is_unreachable",
    "numbers",
]

#: Reasons of errors that may be an outage of SkyServer or concern this query only. If
#: the caller has another query to try, it does not wait for the end of an outage.
MAYBE_OUTAGE = frozenset(
    {"html", "http_502", "http_503", "http_504", "no_database", "reset", "stalled"}
)

#: Of these, the reasons for which a smaller query may succeed.
TOO_LONG = frozenset({"http_504", "reset", "stalled"})

#: Reasons of outages that affect every query.
_UNREACHABLE = frozenset(
    {
        *("blocked_address", "connect_timeout", "dns", "network", "outage"),
        *("refused", "tls", "too_many_queries"),
    }
)

#: Columns of an object that CrossID is asked for.
_PHOTO = ("ra", "dec", "run", "rerun", "camcol", "field")

#: Columns of its answer: the server adds the first two, astroquery asks for the last.
_MATCHED = ("name", "objID", *_PHOTO, "type")


class Match(NamedTuple):
    """An object near an uploaded position; numbers that cannot be read are NaN."""

    name: str
    ra: float
    dec: float
    run: float
    camcol: float
    field: float


class SkyServer:
    """Sends queries to SkyServer without changing the state of astroquery."""

    def __init__(self, transport: Transport, *, release: int) -> None:
        self._transport = transport
        self._release = release
        #: Opened by the first query.
        self._bridge: Bridge | None = None

    async def select(
        self,
        query: str,
        columns: Sequence[str],
        *,
        at_once: Collection[str] = (),
        waits: Waits = Waits.LONG,
    ) -> dict[str, NDArray[Any]]:
        """Run a query and give the named columns; empty cells are masked."""
        bridge = await self._open_bridge()
        return await bridge.ask(
            lambda: self._selected(bridge, query, columns),
            check=partial(check_skyserver, header=columns),
            at_once=at_once,
            waits=waits,
        )

    def _selected(
        self, bridge: Bridge, query: str, columns: Sequence[str]
    ) -> dict[str, NDArray[Any]]:
        client = self._client(bridge)
        table = client.query_sql(query, data_release=self._release, cache=False)
        if table is None:
            return {name: np.empty(0) for name in columns}
        # The server may change the case of column names.
        own = {name.lower(): name for name in table.colnames}
        return {name: np.ma.asarray(table[own[name.lower()]]) for name in columns}

    async def match(
        self,
        names: Sequence[str],
        places: Sequence[tuple[float, float]],
        *,
        radius_arcsec: float,
        at_once: Collection[str] = (),
    ) -> list[Match]:
        """Upload named positions, ICRS degrees; give the nearest objects.

        A position without an object has no row. The order of rows is not defined.
        """
        bridge = await self._open_bridge()
        return await bridge.ask(
            lambda: self._matched(bridge, names, places, radius_arcsec),
            check=partial(check_skyserver, header=_MATCHED),
            at_once=at_once,
        )

    def _matched(
        self,
        bridge: Bridge,
        names: Sequence[str],
        places: Sequence[tuple[float, float]],
        radius_arcsec: float,
    ) -> list[Match]:
        client = self._client(bridge)
        from astropy.coordinates import SkyCoord  # astroquery has it

        ra, dec = np.array(places).T
        with _columns_known(client, self._release):
            table = client.query_crossid(
                SkyCoord(ra, dec, unit="deg"),
                radius=f"{radius_arcsec} arcsec",
                photoobj_fields=list(_PHOTO),
                obj_names=list(names),
                data_release=self._release,
                cache=False,
            )
        if table is None:
            return []
        wanted = [numbers(table[name]).tolist() for name in _PHOTO if name != "rerun"]
        return [
            Match(str(name), *row)
            for name, *row in zip(table["name"], *wanted, strict=True)
        ]

    async def _open_bridge(self) -> Bridge:
        # Most catalogues need no query, and the bridge is slow to import.
        opened = await asyncio.to_thread(_load_bridge)
        self._bridge = self._bridge or opened(self._transport, check_skyserver)
        return self._bridge

    @cache  # noqa: B019 - one client for the life of its one archive
    def _client(self, bridge: Bridge) -> Any:  # noqa: ANN401 - astroquery has no types
        with IMPORTING:
            from astroquery import cache_conf
            from astroquery.sdss import SDSSClass

        # astroquery's cache would keep error pages for ever.
        cache_conf.cache_active = False
        client = SDSSClass()
        bridge.mount(client._session)  # noqa: SLF001 - its only session
        return client


def _load_bridge() -> type[Bridge]:
    with IMPORTING:
        from ..bridge import Bridge
    return Bridge


@contextmanager
def _columns_known(client: Any, release: int) -> Iterator[None]:  # noqa: ANN401 - astroquery has no types
    """Save two requests in which astroquery would fetch the names of all columns.

    astroquery keeps these names in a module variable. It is restored afterwards,
    because other code in this process may need all names.
    """
    from astropy.table import Table  # astroquery has it
    from astroquery.sdss import field_names  # imported by the client

    kept = field_names._cached_table_fields  # noqa: SLF001 - there is no public way
    url = client._get_query_url(release)  # noqa: SLF001 - as above
    ours = {
        (table, url): Table({"name": _PHOTO})
        for table in ("PhotoObjAll", "SpecObjAll")
        if (table, url) not in kept
    }
    kept.update(ours)
    try:
        yield
    finally:
        for key, table in ours.items():
            if kept.get(key) is table:
                del kept[key]


def is_unreachable(error: Exception) -> bool:
    """Whether it is an outage that affects every query of SkyServer."""
    return isinstance(error, OutageError) and error.reason in _UNREACHABLE


def numbers(column: Any) -> NDArray[np.float64]:  # noqa: ANN401 - a column of a table
    """Read a column as numbers; cells that are empty or not numbers become NaN.

    A single such cell makes astroquery read the whole column as text.
    """
    cells = np.ma.asarray(column)
    if cells.dtype.kind in "iufb":
        read: NDArray[np.float64] = np.ma.filled(cells.astype(np.float64), np.nan)
        return read
    return np.array([_number(cell) for cell in cells], np.float64)


def _number(cell: object) -> float:
    try:
        return float(str(cell))
    except ValueError:
        return float("nan")
