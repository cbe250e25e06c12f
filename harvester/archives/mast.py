"""MAST: which HST images hold a galaxy.

A survey is asked for once, all over the sky; the footprints of what it offers are
matched here. A request for each galaxy would be tens of thousands.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
from collections import defaultdict
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ..cameras import assumed_radius_deg
from ..errors import OutageError, TransientError
from ..footprints import FootprintIndex, parse_s_region
from ..importing import IMPORTING
from ..ledger.listing import Offer
from ..models import Finding, Product
from ..selection import Candidate, choose
from ..transport.address import shown
from .bridge import Bridge, json_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
    from typing import Literal

    from ..ledger.ledger import Ledger
    from ..models import Ask, StampSize, Survey
    from ..transport.transport import Reply, Transport

    _Row = Mapping[str, Any]

__all__ = ["Mast", "check_mast"]

_log = logging.getLogger(__name__)

#: Rows of one page, and on average of one query. A row has 1.3 kB and the longest
#: footprints some more, so that a page stays well below what the transport takes for
#: an answer (64 MiB), and the table that astroquery makes of a query fits into memory.
_PAGE = 20_000

#: Observations of one product query; the join on the server is slow.
_PRODUCTS = 200

#: Findings that are handed on at once.
_BATCH = 2000

#: Stands for the exposure of an image whose footprint is only assumed: such a one is
#: the last to be tried.
_ASSUMED = 0.0

#: Coarsest pixels of the HST cameras, arcsec: turns pixels into a margin on the sky.
_PIXEL_ARCSEC = 0.13

_URI = re.compile(r"mast:HST/product/([A-Za-z0-9_.-]+_dr[zc]\.fits)")


def check_mast(reply: Reply) -> None:
    """Refuse what MAST sends with status 200 although it is no answer.

    Raises
    ------
    OutageError
        A page instead of JSON.
    TransientError
        An error of the server's own, or JSON that came damaged.
    """
    start = reply.body[:100].lstrip()[:1]
    if start not in {b"{", b"["}:
        words = reply.body[:200].decode("utf-8", "replace")
        msg = f"{shown(reply.url)} answered with a page, not with JSON: {words}"
        raise OutageError("html", msg)
    if b'"ERROR"' in reply.body[:200]:
        _check_status(reply)


def _check_status(reply: Reply) -> None:
    answer = json_of(reply)
    if answer.get("status") == "ERROR":
        msg = f"MAST says: {answer.get('msg', 'ERROR')!s:.300}"
        raise TransientError("mast_error", msg)


class Mast:
    """Finds the drizzled images of HST."""

    name = "hst"
    #: Its answers are footprints: a second look would say the same.
    may_relocate = False

    def __init__(
        self,
        transport: Transport,
        ledger: Ledger,
        *,
        bases: Mapping[str, str],
        size: StampSize,
        observations: Literal["best", "all"],
    ) -> None:
        """Take the official addresses of ``mast`` and ``s3``."""
        self._bridge = Bridge(transport, check_mast)
        self._ledger = ledger
        self._bases = bases
        self._margin = size.arcsec(_PIXEL_ARCSEC) / math.sqrt(2)
        self._observations = observations
        self._known: dict[Survey, tuple[list[Offer], FootprintIndex]] = {}

    async def recognise(
        self, survey: Survey, asks: Sequence[Ask]
    ) -> AsyncIterator[Sequence[Finding]]:
        """Give findings if what MAST lists for the survey is known already."""
        if survey in self._known or await self._ledger.offers(survey) is not None:
            async for findings in self.locate(survey, asks):
                yield findings

    async def locate(
        self, survey: Survey, asks: Sequence[Ask]
    ) -> AsyncIterator[Sequence[Finding]]:
        """Give findings: the survey's footprints that hold each target."""
        offers, index = await self._offers(survey)
        for start in range(0, len(asks), _BATCH):
            batch = asks[start : start + _BATCH]
            yield await asyncio.to_thread(self._match, batch, offers, index)

    def _match(
        self, asks: Sequence[Ask], offers: list[Offer], index: FootprintIndex
    ) -> list[Finding]:
        ra = np.array([ask.target.ra for ask in asks])
        dec = np.array([ask.target.dec for ask in asks])
        candidates: dict[int, list[Candidate]] = defaultdict(list)
        closed: set[int] = set()
        pairs = zip(*index.match(ra, dec, self._margin), strict=True)
        for target, region, whole in pairs:
            offer = offers[region]
            if not offer.product.url:
                closed.add(target)
                continue
            candidates[target].append(
                Candidate(
                    offer.product,
                    offer.exposure_s,
                    bool(whole) and offer.exposure_s > _ASSUMED,
                )
            )
        return [
            Finding(
                ask.target,
                self._chosen(candidates.get(number, [])),
                reason="proprietary" if number in closed - candidates.keys() else "",
            )
            for number, ask in enumerate(asks)
        ]

    def _chosen(self, candidates: list[Candidate]) -> dict[str, list[Product]]:
        by_band: dict[str, list[Candidate]] = defaultdict(list)
        for candidate in candidates:
            by_band[candidate.product.band].append(candidate)
        return {
            band: [one.product for one in choose(some, self._observations)]
            for band, some in by_band.items()
        }

    async def _offers(self, survey: Survey) -> tuple[list[Offer], FootprintIndex]:
        if survey not in self._known:
            offers = await self._ledger.offers(survey)
            if offers is None:
                offers = await self._bridge.ask(lambda: self._listing(survey))
                await self._ledger.keep_listing(survey, offers)
            regions = [offer.region for offer in offers]
            index = await asyncio.to_thread(FootprintIndex, regions)
            if index.unknown:
                lost = len(index.unknown)
                _log.warning("%s: nobody knows where %d images are", survey, lost)
            self._known[survey] = offers, index
        return self._known[survey]

    # -- in astroquery's thread ------------------------------------------------

    def _listing(self, survey: Survey) -> list[Offer]:
        # An image at the edge of two slices may come twice.
        offers = {
            (offer.product.name, offer.product.band): offer
            for rows in self._observations_of(survey)
            for offer in self._read(survey, rows)
        }
        return list(offers.values())

    def _observations_of(self, survey: Survey) -> Iterator[list[_Row]]:
        client = self._client()
        criteria = {
            "obs_collection": "HST",
            "project": "HST",
            "instrument_name": survey.instrument,
            "filters": list(survey.bands),
            "dataproduct_type": "image",
            "intentType": "science",
            "calib_level": [3],
        }
        count = int(client.query_criteria_count(**criteria))
        slices = _slices(count)
        seen: set[object] = set()
        for part in slices:
            table = client.query_criteria(**criteria, **part, pagesize=_PAGE)
            rows = list(_rows(table))
            seen.update(row["obsid"] for row in rows)
            yield rows
        if len(slices) > 1 and len(seen) < count:
            # One without a right ascension lies in no slice.
            yield list(_rows(client.query_criteria(**criteria, pagesize=_PAGE)))

    def _read(self, survey: Survey, listed: Iterable[_Row]) -> Iterator[Offer]:
        rows = []
        for row in listed:
            if row["dataRights"] in {"PUBLIC", None}:
                rows.append(row)
            elif band := _band(survey, row["filters"]):
                # Nobody may fetch it, so that it needs neither its name nor an address.
                closed = Product("hst", f"not public: {row['obsid']}", band, "")
                yield _offer(closed, row, survey.instrument)
        named = {row["obsid"]: row["dataURL"] for row in rows}
        lacking = [obsid for obsid, uri in named.items() if not _is_drizzled(uri)]
        named.update(self._product_uris(lacking))
        for row in rows:
            match = _URI.fullmatch(named[row["obsid"]] or "")
            band = _band(survey, row["filters"])
            if match and band:
                product = self._product(match, band, row["obs_id"] or "")
                yield _offer(product, row, survey.instrument)

    def _product_uris(self, obsids: list[str]) -> dict[str, str]:
        # The row of an observation names its drizzled file nearly always.
        uris: dict[str, str] = {}
        for start in range(0, len(obsids), _PRODUCTS):
            table = self._client().get_product_list(obsids[start : start + _PRODUCTS])
            for row in _rows(table):
                if row["obs_collection"] == "HST" and _is_drizzled(row["dataURI"]):
                    uris.setdefault(row["parent_obsid"], row["dataURI"])
        return uris

    def _product(self, match: re.Match[str], band: str, obs_id: str) -> Product:
        url = f"{self._bases['mast']}/api/v0.1/Download/file?uri={match[0]}"
        return Product("hst", match[1], band, url, self._mirrors(match[1], obs_id))

    def _mirrors(self, name: str, obs_id: str) -> tuple[str, ...]:
        # The public bucket knows pipeline products by their observation; skycell
        # and visit products of the HAP lie elsewhere and are not guessed.
        if not re.fullmatch(r"[a-z0-9]{9}", obs_id):
            return ()
        folder = f"{self._bases['s3']}/stpubdata/hst/public"
        return (f"{folder}/{obs_id[:4]}/{obs_id}/{name}",)

    @cache  # noqa: B019 - one client for the life of its one archive
    def _client(self) -> Any:  # noqa: ANN401 - astroquery has no types
        with IMPORTING:
            from astroquery import cache_conf  # noqa: PLC0415 - a second of import
            from astroquery.mast import ObservationsClass  # noqa: PLC0415

        cache_conf.cache_active = False
        client = ObservationsClass()
        portal = client._portal_api_connection  # noqa: SLF001 - its second door
        self._bridge.mount(client._session, portal._session)  # noqa: SLF001 - and first
        return client


def _slices(count: int) -> list[dict[str, list[float]]]:
    """Give the parts of the sky that so many observations are asked for in."""
    number = math.ceil(count / _PAGE)
    if number <= 1:
        return [{}] * number
    inner = (360 * n / number for n in range(1, number))
    # Right ascensions may be negative, as in footprints.
    edges = [-360.0, *inner, 720.0]
    return [{"s_ra": [low, high]} for low, high in pairwise(edges)]


def _rows(table: Any) -> Iterable[_Row]:  # noqa: ANN401 - an astropy table
    names = table.colnames
    for row in table.iterrows():
        yield {
            name: None if value is np.ma.masked else value
            for name, value in zip(names, row, strict=True)
        }


def _is_drizzled(uri: str | None) -> bool:
    return bool(_URI.fullmatch(uri or ""))


def _band(survey: Survey, filters: str) -> str:
    used = {name.strip() for name in (filters or "").split(";")}
    return next((band for band in survey.bands if band in used), "")


def _offer(product: Product, row: _Row, instrument: str) -> Offer:
    region = str(row["s_region"] or "")
    if parse_s_region(region):
        return Offer(product, region, _number(row["t_exptime"]) or _ASSUMED)
    ra, dec = _number(row["s_ra"]), _number(row["s_dec"])
    if ra is None or dec is None:
        return Offer(product, None, _ASSUMED)
    radius = assumed_radius_deg(instrument)
    return Offer(product, f"CIRCLE {ra} {dec} {radius}", _ASSUMED)


def _number(value: Any) -> float | None:  # noqa: ANN401 - whatever an archive sends
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
