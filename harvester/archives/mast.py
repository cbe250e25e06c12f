"""MAST: which HST images hold a galaxy.

A survey is asked for once, all over the sky; the footprints of what it offers are
matched here. A request for each galaxy would be tens of thousands.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import OutageError, TransientError
from ..footprints import FootprintIndex
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

__all__ = ["Mast", "check_mast"]

#: Rows of one query at most: MAST serves up to half a million, but slowly.
_SLICE = 50_000

#: Observations of one product query; the join on the server is slow.
_PRODUCTS = 200

#: Findings that are handed on at once.
_BATCH = 2000

#: Radius in degrees that a WFC3/IR field surely lies in, for rows whose footprint
#: is missing.
_FIELD_RADIUS_DEG = 0.03

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
    start = reply.body[:1].lstrip()
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
        pairs = zip(*index.match(ra, dec, self._margin), strict=True)
        for target, region, whole in pairs:
            offer = offers[region]
            candidates[target].append(
                Candidate(
                    offer.product,
                    offer.exposure_s,
                    bool(whole) and offer.exposure_s > _ASSUMED,
                )
            )
        return [
            Finding(ask.target, self._chosen(candidates.get(number, [])))
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
            self._known[survey] = offers, index
        return self._known[survey]

    # -- in astroquery's thread ------------------------------------------------

    def _listing(self, survey: Survey) -> list[Offer]:
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
        offers: dict[tuple[str, str], Offer] = {}
        for one in _slices(count):
            table = client.query_criteria(**criteria, **one)
            for offer in self._read(survey, table):
                offers[offer.product.name, offer.product.band] = offer
        return list(offers.values())

    def _read(self, survey: Survey, table: Any) -> Iterator[Offer]:  # noqa: ANN401 - an astropy table
        rows = [row for row in _rows(table) if row["dataRights"] in {"PUBLIC", None}]
        named = {row["obsid"]: row["dataURL"] for row in rows}
        lacking = [obsid for obsid, uri in named.items() if not _is_drizzled(uri)]
        named.update(self._product_uris(lacking))
        for row in rows:
            match = _URI.fullmatch(named[row["obsid"]] or "")
            band = _band(survey, row["filters"])
            if match and band:
                product = self._product(match, band, row["obs_id"])
                yield _offer(product, row)

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
    if not count:
        return []
    if count <= _SLICE:
        return [{}]
    # Half of a slice to spare: the sky is not covered evenly.
    number = math.ceil(2 * count / _SLICE)
    edges = np.linspace(0, 360, number + 1)
    return [{"s_ra": [float(low), float(high)]} for low, high in zip(edges, edges[1:])]  # noqa: B905, RUF007 - one shorter


def _rows(table: Any) -> Iterable[dict[str, Any]]:  # noqa: ANN401 - an astropy table
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


def _offer(product: Product, row: Mapping[str, Any]) -> Offer:
    if row["s_region"]:
        return Offer(product, str(row["s_region"]), row["t_exptime"] or _ASSUMED)
    if row["s_ra"] is None or row["s_dec"] is None:
        return Offer(product, None, _ASSUMED)
    circle = f"CIRCLE {row['s_ra']} {row['s_dec']} {_FIELD_RADIUS_DEG}"
    return Offer(product, circle, _ASSUMED)
