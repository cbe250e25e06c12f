"""The locator of MAST: which images of a mission show a galaxy.

All images of a survey are listed once, on the whole sky, and their footprints are
matched with the galaxies here. A query for each galaxy would take tens of thousands.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...errors import OutageError
from ...ledger.listing import Offer
from ...models import Finding, Product
from ...sky.footprints import FootprintIndex, parse_s_region
from ...sky.selection import Candidate, choose
from ...sky.trees import load_trees
from ..batches import chunks
from .listing import list_images
from .products import ProductNames
from .queries import MastQueries
from .reply import check_mast
from .services import BUCKET

if TYPE_CHECKING:
    import re
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
    from typing import Literal

    from ...ledger.ledger import Ledger
    from ...models import Ask, NoChoices, StampSize, Survey
    from ...transport.transport import Transport
    from .mission import Mission
    from .queries import Row

__all__ = ["Mast", "check_mast"]

_log = logging.getLogger(__name__)

#: Findings in one batch.
_BATCH = 2000

#: Stands for an unknown or implausible exposure time in the list of a run.
_UNKNOWN_S = 0.0

#: Plausible exposure times in seconds; those of some associations are wrong.
_SHORTEST_S, _LONGEST_S = 1.0, 100_000.0

#: Prefixes of names in the list of a run, for images that cannot be cut: they are not
#: public; they follow a planet or comet, and show galaxies as trails; or MAST did not
#: name their file.
_PRIVATE, _MOVING, _UNNAMED = "not public: ", "moving target: ", "unnamed: "

#: Beginning of a footprint that is assumed because MAST has none.
_ASSUMED = "CIRCLE assumed"


class Mast:
    """Locates galaxies in the combined images of a mission."""

    def __init__(
        self,
        transport: Transport,
        ledger: Ledger,
        mission: Mission,
        *,
        bases: Mapping[str, str],
        size: StampSize,
        observations: Literal["best", "all"],
    ) -> None:
        """Take as ``bases`` the official addresses of ``mast`` and ``s3``."""
        self.name = mission.archive
        self._mission = mission
        self._queries = MastQueries(transport)
        self._names = ProductNames(self._queries, mission)
        self._ledger = ledger
        self._bases = bases
        self._margin = size.arcsec(mission.coarsest_arcsec) / math.sqrt(2)
        self._observations = observations
        self._known: dict[Survey, _Sky] = {}

    async def recognise(
        self, survey: Survey, asks: Sequence[Ask]
    ) -> AsyncIterator[Sequence[Finding]]:
        """Give findings if the survey's list of images is known already."""
        if survey in self._known or await self._ledger.offers(survey) is not None:
            sky = await self._sky(survey)
            for batch in chunks(asks, _BATCH):
                yield (await asyncio.to_thread(self._match, batch, sky)).findings

    async def locate(
        self, survey: Survey, asks: Sequence[Ask]
    ) -> AsyncIterator[Sequence[Finding]]:
        """Give findings: the images whose footprints contain each target.

        Raises
        ------
        OutageError
            Some targets are only in images whose files MAST does not name.
        """
        sky = await self._sky(survey)
        waiting: list[Ask] = []
        lacking: set[int] = set()
        for batch in chunks(asks, _BATCH):
            matched = await asyncio.to_thread(self._match, batch, sky)
            yield matched.findings
            waiting += matched.waiting
            lacking |= matched.lacking
        if waiting:
            await self._name_files(sky, lacking)
            matched = await asyncio.to_thread(self._match, waiting, sky)
            yield matched.findings
            _refuse_unnamed(survey, matched)

    async def describe(
        self,
        survey: Survey,
        products: Sequence[Product],
    ) -> Mapping[str, str]:
        """Give nothing: the files tell all that stamps need."""
        return {}

    def may_relocate(self, identifier: str) -> bool:
        """Never: footprints decide, and a second look would give the same ones."""
        return False

    def _match(self, asks: Sequence[Ask], sky: _Sky) -> _Matched:
        ra = np.array([ask.target.ra for ask in asks])
        dec = np.array([ask.target.dec for ask in asks])
        found: dict[int, list[tuple[int, bool]]] = defaultdict(list)
        for target, region, whole in zip(
            *sky.footprints.match(ra, dec, self._margin), strict=True
        ):
            found[target].append((region, bool(whole)))
        matched = _Matched()
        for number, ask in enumerate(asks):
            self._choose(ask, found.get(number, []), sky, matched)
        return matched

    def _choose(
        self, ask: Ask, found: list[tuple[int, bool]], sky: _Sky, matched: _Matched
    ) -> None:
        """Choose among the images of a target, and add the result to ``matched``."""
        candidates = [
            _candidate(sky.offers[n], whole=whole)
            for n, whole in found
            if sky.offers[n].product.url
        ]
        names = {n: sky.offers[n].product.name for n, _ in found}
        unnamed = {n for n, name in names.items() if name.startswith(_UNNAMED)}
        if unnamed and not candidates:
            matched.waiting.append(ask)
            matched.lacking |= unnamed
            return
        reason = "" if candidates else _reason(names.values())
        choices = self._best(candidates)
        matched.findings.append(Finding(ask.target, choices, reason=reason))

    def _best(self, candidates: list[Candidate]) -> dict[str, list[Product]]:
        by_band: dict[str, list[Candidate]] = defaultdict(list)
        for candidate in candidates:
            by_band[candidate.product.band].append(candidate)
        return {
            band: [
                one.product
                for one in choose(self._mission.distinct(some), self._observations)
            ]
            for band, some in by_band.items()
        }

    async def _sky(self, survey: Survey) -> _Sky:
        if survey not in self._known:
            offers = await self._ledger.offers(survey)
            if offers is None:
                offers = await self._listed(survey)
                await self._ledger.keep_listing(survey, offers)
            regions = [offer.region for offer in offers]
            index = await asyncio.to_thread(FootprintIndex, regions)
            if index.unknown:
                _log.warning(
                    "%s: MAST gives no position for %d image(s); these are not cut",
                    survey,
                    len(index.unknown),
                )
            self._known[survey] = _Sky(offers, index)
        return self._known[survey]

    async def _listed(self, survey: Survey) -> list[Offer]:
        """List the images; while MAST is asked, import what matches them."""
        await self._queries.load()
        importing = asyncio.create_task(asyncio.to_thread(load_trees))
        try:
            return await self._listing(survey)
        finally:
            await importing

    async def _listing(self, survey: Survey) -> list[Offer]:
        rows = await list_images(self._queries, survey, self._mission)
        lacking = {
            str(row["obsid"]): str(row["obs_id"] or "")
            for row in rows
            if _is_open(row) and not self._mission.file.fullmatch(row["dataURL"] or "")
        }
        names = await self._names.find(lacking) if lacking else {}
        if nothing := sum(not uri for uri in names.values()):
            _log.warning(
                "%s: MAST has no combined file for %d image(s); these are not cut",
                survey,
                nothing,
            )
        return await asyncio.to_thread(self._offers, survey, rows, names)

    def _offers(
        self, survey: Survey, rows: Sequence[Row], names: Mapping[str, str]
    ) -> list[Offer]:
        # Several rows may name the same file.
        offers = {
            (offer.product.name, offer.product.band): offer
            for row in rows
            for offer in self._offer(survey, row, names)
        }
        return list(offers.values())

    def _offer(
        self, survey: Survey, row: Row, names: Mapping[str, str]
    ) -> Iterator[Offer]:
        used = self._mission.bands_of(row["filters"] or "")
        band = next((band for band in survey.bands if band in used), "")
        obsid, obs_id = str(row["obsid"]), str(row["obs_id"] or "")
        if not band:
            return
        uri = str(row["dataURL"] or "")
        if not self._mission.file.fullmatch(uri):
            uri = names.get(obsid, "")
        if not _is_public(row):
            product = Product(self.name, f"{_PRIVATE}{obsid}", band, "")
        elif _is_moving(row):
            product = Product(self.name, f"{_MOVING}{obsid}", band, "")
        elif match := self._mission.file.fullmatch(uri):
            product = self._product(match, band, obs_id)
        elif obsid in names:
            return
        else:
            product = Product(self.name, f"{_UNNAMED}{obsid} {obs_id}", band, "")
        radius_deg = math.hypot(*self._mission.field_arcsec(survey.instrument)) / 3600
        yield Offer(product, *_place(row, radius_deg))

    async def _name_files(self, sky: _Sky, lacking: set[int]) -> None:
        """Ask again for the files of images that have none so far."""
        unnamed = {
            number: sky.offers[number].product.name.removeprefix(_UNNAMED).split(" ")
            for number in sorted(lacking)
        }
        names = await self._names.find({one[0]: one[-1] for one in unnamed.values()})
        for number, (obsid, name) in unnamed.items():
            offer = sky.offers[number]
            product = Product(self.name, f"no file: {obsid}", offer.product.band, "")
            if match := self._mission.file.fullmatch(names.get(obsid, "")):
                product = self._product(match, offer.product.band, name)
            if obsid in names:
                sky.offers[number] = offer._replace(product=product)

    def _product(self, match: re.Match[str], band: str, obs_id: str) -> Product:
        url = f"{self._bases['mast']}/api/v0.1/Download/file?uri={match[0]}"
        return Product(self.name, match[1], band, url, self._mirrors(match[1], obs_id))

    def _mirrors(self, name: str, obs_id: str) -> tuple[str, ...]:
        key = self._mission.key(name, obs_id)
        return (f"{self._bases['s3']}/{BUCKET}/{key}",) if key else ()


class _Sky(NamedTuple):
    """The images of a survey, and their footprints."""

    offers: list[Offer]
    footprints: FootprintIndex


@dataclass(slots=True)
class _Matched:
    """Results of matching targets with images."""

    findings: list[Finding] = field(default_factory=list)
    #: Targets that are only in images whose files are not known.
    waiting: list[Ask] = field(default_factory=list)
    #: Indices of those images.
    lacking: set[int] = field(default_factory=set)


def _refuse_unnamed(survey: Survey, matched: _Matched) -> None:
    if matched.waiting:
        msg = (
            f"MAST does not tell which files belong to {len(matched.lacking)} image(s) "
            f"of {survey}; {len(matched.waiting)} galaxies stay pending. Run harvester "
            "resume later"
        )
        raise OutageError("unnamed_images", msg)


def _candidate(offer: Offer, *, whole: bool) -> Candidate:
    exposure = offer.exposure_s
    return Candidate(
        offer.product,
        math.nan if exposure == _UNKNOWN_S else exposure,
        whole,
        is_assumed=(offer.region or "").startswith(_ASSUMED),
    )


def _reason(images: Iterable[str]) -> NoChoices:
    """Give the reason why none of these images of a target can be cut."""
    names = list(images)
    if any(name.startswith(_PRIVATE) for name in names):
        return "proprietary"
    return "moving_target" if any(name.startswith(_MOVING) for name in names) else ""


def _is_open(row: Row) -> bool:
    return _is_public(row) and not _is_moving(row)


def _is_public(row: Row) -> bool:
    return row["dataRights"] in {"PUBLIC", None}


def _is_moving(row: Row) -> bool:
    # A boolean, as text or not; older replies lack the column.
    return str(row.get("mtFlag")).strip().lower() in {"true", "1", "t"}


def _place(row: Row, radius_deg: float) -> tuple[str | None, float]:
    """Give footprint and exposure of an image, with substitutes if unknown."""
    exposure = _number(row["t_exptime"])
    if exposure is None or not _SHORTEST_S <= exposure <= _LONGEST_S:
        exposure = _UNKNOWN_S
    region = str(row["s_region"] or "")
    if parse_s_region(region):
        return region, exposure
    ra, dec = _number(row["s_ra"]), _number(row["s_dec"])
    if ra is None or dec is None:
        return None, exposure
    return f"{_ASSUMED} {ra} {dec} {radius_deg}", exposure


def _number(value: Any) -> float | None:  # noqa: ANN401 - whatever an archive sends
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
