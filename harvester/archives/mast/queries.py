"""The questions that MAST is asked, each by one call of astroquery."""

from __future__ import annotations

import math
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ...errors import HarvesterError
from ...importing import IMPORTING
from ..bridge import Bridge
from .reply import check_mast

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from ...transport.transport import Transport

    Row = Mapping[str, Any]
    Criteria = Mapping[str, Any]

__all__ = ["TOO_MUCH", "MastQueries"]

T = TypeVar("T")

#: Where MAST is.
_MAST = "https://mast.stsci.edu/"

#: Reasons for which a query may be more than MAST can do at once: asked for less, it
#: may answer.
TOO_MUCH = frozenset(
    {
        *("bad_answer", "endless", "http_400", "http_413", "http_414", "http_500"),
        *("http_504", "mast_error", "never_ready", "query_refused", "reset"),
        *("stalled", "too_large", "too_slow", "truncated"),
    }
)

#: Those of them that look like an outage, which would be waited for.
_AT_ONCE = frozenset({"http_504", "stalled"})

#: Requests beyond those that are expected: the description of the columns, and pages
#: that were added meanwhile.
_SPARE = 8

#: Rows of a sample: enough to hold every filter of a camera that is used at all.
_SAMPLE = 1000


class MastQueries:
    """Asks MAST; an answer that is none leaves nothing behind in astroquery."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._bridge = Bridge(transport, check_mast)

    @cached_property
    def is_official(self) -> bool:
        """Whether MAST itself is asked, of which more is known than of a mirror."""
        return self._transport.to_actual(_MAST) == _MAST

    async def count(self, criteria: Criteria) -> int:
        """Count the observations that meet some criteria."""
        return await self._ask(
            lambda: int(self._client().query_criteria_count(**criteria))
        )

    async def observations(
        self, criteria: Criteria, *, page: int, expected: int, is_divisible: bool
    ) -> list[Row]:
        """List the observations that meet some criteria, in pages of so many rows.

        Parameters
        ----------
        expected
            Rows that there may be: bounds the pages that are asked for.
        is_divisible
            The caller will ask for parts if this is too much for MAST, so that what
            looks like an outage is not waited for.
        """
        return await self._ask(
            lambda: list(
                _rows(self._client().query_criteria(**criteria, pagesize=page))
            ),
            most=math.ceil(expected / page) + _SPARE,
            at_once=_AT_ONCE if is_divisible else (),
        )

    async def sample(self, criteria: Criteria) -> list[Row]:
        """List some of the observations that meet some criteria."""
        return await self._ask(
            lambda: list(
                _rows(
                    self._client().query_criteria(**criteria, pagesize=_SAMPLE, page=1)
                )
            )
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
    ) -> T:
        try:
            return await self._bridge.ask(call, most=most, at_once=at_once)
        except HarvesterError:
            self._client()._portal_api_connection._column_configs.clear()  # noqa: SLF001 - what it keeps may be what was wrong
            raise

    @cache  # noqa: B019 - one client for the life of its one archive
    def _client(self) -> Any:  # noqa: ANN401 - astroquery has no types
        with IMPORTING:
            from astroquery import cache_conf  # noqa: PLC0415 - a second of import
            from astroquery.mast import ObservationsClass  # noqa: PLC0415

        cache_conf.cache_active = False
        client = ObservationsClass()
        # From 0.4.12 on it would go to the bucket by itself, past the transport.
        client.disable_cloud_dataset()
        portal = client._portal_api_connection  # noqa: SLF001 - its second door
        # Else it is the class's, and outlives this client and its bad answers.
        portal._column_configs = {}  # noqa: SLF001 - as above
        # It counts from the first request on, waits for an outage's end included: the
        # bridge and the transport set the limits.
        portal.TIMEOUT = math.inf
        self._bridge.mount(client._session, portal._session)  # noqa: SLF001 - and first
        return client


def _rows(table: Any) -> Iterator[Row]:  # noqa: ANN401 - an astropy table
    names = table.colnames
    for row in table.iterrows():
        yield {
            name: None if value is np.ma.masked else value
            for name, value in zip(names, row, strict=True)
        }
