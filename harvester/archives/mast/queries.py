"""The queries to MAST, each made by one call of astroquery."""

from __future__ import annotations

import asyncio
import math
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ...errors import HarvesterError
from ...importing import IMPORTING
from ...transport.call import Waits
from ..bridge import Bridge
from .reply import check_mast

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from ...transport.transport import Transport

    Row = Mapping[str, Any]
    Criteria = Mapping[str, Any]

__all__ = ["TOO_LARGE", "MastQueries"]

T = TypeVar("T")

#: Official address of MAST.
_MAST = "https://mast.stsci.edu/"

#: Reasons of errors that a query may cause because it is too large for MAST: a smaller
#: one may succeed.
TOO_LARGE = frozenset(
    {
        *("bad_answer", "endless", "http_400", "http_413", "http_414", "http_500"),
        *("http_504", "mast_error", "never_ready", "query_refused", "reset"),
        *("stalled", "too_large", "too_slow", "truncated"),
    }
)

#: Of these, the reasons that look like an outage. A query that can be divided does not
#: wait for the end of an outage.
_AT_ONCE = frozenset({"http_504", "stalled"})

#: Requests allowed beyond the expected ones: for the description of the columns, and
#: for pages that were added meanwhile.
_SPARE = 8

#: Rows of a sample: enough to include every filter of a camera that is in use.
_SAMPLE = 1000


class MastQueries:
    """Sends queries to MAST; a failed one does not change astroquery's state."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._bridge = Bridge(transport, check_mast)

    @cached_property
    def is_official(self) -> bool:
        """Whether requests go to MAST itself, not to a mirror or the sandbox."""
        return self._transport.to_actual(_MAST) == _MAST

    async def load(self) -> None:
        """Import astroquery, which the first query needs."""
        await asyncio.to_thread(self._client)

    async def count(self, criteria: Criteria) -> int:
        """Count the observations that meet some criteria."""
        return await self._ask(
            lambda: int(self._client().query_criteria_count(**criteria))
        )

    async def observations(
        self, criteria: Criteria, *, page: int, expected: int, is_divisible: bool
    ) -> list[Row]:
        """List the observations that meet some criteria, in pages of ``page`` rows.

        Parameters
        ----------
        expected
            Expected number of rows; limits the number of requests.
        is_divisible
            Whether the caller will ask for parts if this query fails. Then it does not
            wait for the end of an outage.
        """
        return await self._ask(
            lambda: list(
                _rows(self._client().query_criteria(**criteria, pagesize=page))
            ),
            most=math.ceil(expected / page) + _SPARE,
            at_once=_AT_ONCE if is_divisible else (),
        )

    async def sample(
        self,
        criteria: Criteria,
        *,
        most: int = _SAMPLE,
        waits: Waits = Waits.LONG,
    ) -> list[Row]:
        """List at most so many of the observations that meet some criteria.

        ``waits``: which outages are waited for.
        """
        return await self._ask(
            lambda: list(
                _rows(self._client().query_criteria(**criteria, pagesize=most, page=1))
            ),
            waits=waits,
        )

    async def products(self, obsids: list[str]) -> list[Row]:
        """List the files of some observations."""
        return await self._ask(
            lambda: list(_rows(self._client().get_product_list(obsids))),
            at_once=_AT_ONCE if len(obsids) > 1 else (),
        )

    async def _ask(
        self,
        call: Callable[[], T],
        *,
        most: int = _SPARE,
        at_once: Collection[str] = (),
        waits: Waits = Waits.LONG,
    ) -> T:
        try:
            return await self._bridge.ask(call, most=most, at_once=at_once, waits=waits)
        except HarvesterError:
            self._client()._portal_api_connection._column_configs.clear()  # noqa: SLF001 - the cached columns may be the cause
            raise

    @cache  # noqa: B019 - one client for the life of its one archive
    def _client(self) -> Any:  # noqa: ANN401 - astroquery has no types
        with IMPORTING:
            from astroquery import cache_conf
            from astroquery.mast import ObservationsClass

        cache_conf.cache_active = False
        client = ObservationsClass()
        # astroquery 0.4.12 and later would fetch from the bucket past our transport.
        client.disable_cloud_dataset()
        portal = client._portal_api_connection  # noqa: SLF001 - its other session
        # The cache of columns belongs to the class; give this client its own, so that a
        # wrong reply does not stay for other clients.
        portal._column_configs = {}  # noqa: SLF001 - as above
        # Switch off astroquery's timeout, which would include waiting for the end of an
        # outage. The bridge and the transport have their own limits.
        portal.TIMEOUT = math.inf
        self._bridge.mount(client._session, portal._session)  # noqa: SLF001 - as above
        return client


def _rows(table: Any) -> Iterator[Row]:  # noqa: ANN401 - an astropy table
    names = table.colnames
    for row in table.iterrows():
        yield {
            name: None if value is np.ma.masked else value
            for name, value in zip(names, row, strict=True)
        }
