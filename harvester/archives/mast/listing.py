"""Lists all images of a survey at MAST, and checks that the list is complete.

A list that lacks rows looks like a shorter list, and its galaxies would seem to have no
image. So the list is compared with the archive's own count. If it is too short, it is
requested again in other parts. If it stays too short, it is an error.
"""

from __future__ import annotations

import logging
import math
from itertools import pairwise
from typing import TYPE_CHECKING

from ...errors import (
    OutageError,
    PermanentError,
    TransientError,
    UnknownNameError,
)
from .names import nearest
from .queries import TOO_LARGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...models import Survey
    from .mission import Mission
    from .queries import Criteria, MastQueries, Row

    #: Right ascensions from and to, degrees; None for the whole sky.
    Part = tuple[float, float] | None

__all__ = ["list_images"]

_log = logging.getLogger(__name__)

#: Rows in one page, and on average in one query. A row has 1.3 kB, or more with a long
#: footprint. So a page stays well below the largest reply that the transport accepts
#: (64 MiB), and astroquery's table of a query fits into memory.
_PAGE = 20_000

#: How often a part that is too large for MAST is halved.
_HALVINGS = 4

#: Limits in degrees of the outer slices: right ascensions may be negative or above 360.
_LEFT, _RIGHT = -360.0, 720.0


async def list_images(
    queries: MastQueries, survey: Survey, mission: Mission
) -> list[Row]:
    """List all images of a survey, each once.

    Raises
    ------
    OutageError
        MAST counts more images than it lists, or lists none for a common filter.
    UnknownNameError
        There is no such instrument or filter.
    """
    criteria = mission.images(survey.instrument, survey.bands)
    rows = await _Listing(queries, survey, criteria).complete()
    found = {band for row in rows for band in _bands(mission, row)}
    for band in survey.bands:
        if band not in found:
            await _check_filter(queries, survey, band, mission)
    return rows


def _bands(mission: Mission, row: Row) -> set[str]:
    return mission.bands_of(row["filters"] or "")


class _Listing:
    def __init__(
        self, queries: MastQueries, survey: Survey, criteria: Criteria
    ) -> None:
        self._queries = queries
        self._survey = survey
        self._criteria = dict(criteria)
        self._count = 0
        self._found: dict[str, Row] = {}
        #: Error that ended the last attempt; None if it ended well.
        self._error: TransientError | None = None

    async def complete(self) -> list[Row]:
        # Even if the count is 0 the list is requested, because the count may be wrong.
        queries, criteria = self._queries, self._criteria
        self._count = await queries.count(criteria)
        for parts in _partitions(self._count):
            await self._take_all(parts)
            if len(self._found) >= self._count and self._error is None:
                return list(self._found.values())
            _log.warning("%s: %s", self._survey, self._error or self._shortage())
        if self._error and self._error.reason == "bad_answer":
            # Each attempt had retries, so this is not a transfer that was damaged once.
            msg = f"MAST's list of {self._survey} stays invalid: {self._error}"
            raise OutageError("bad_answer", msg)
        if self._error:
            raise self._error
        # MAST may have withdrawn some images meanwhile.
        self._count = await queries.count(criteria)
        if not self._count or len(self._found) < self._count:
            raise OutageError("incomplete_list", self._shortage())
        return list(self._found.values())

    async def _take_all(self, parts: list[Part]) -> None:
        """Request all parts; the first error that is not an outage ends the attempt."""
        self._error = None
        for part in parts:
            try:
                await self._take(part, _HALVINGS)
            except OutageError:
                raise
            except TransientError as error:
                self._error = error
                return

    def _shortage(self) -> str:
        return (
            f"MAST counts {self._count} images of {self._survey} but lists "
            f"{len(self._found)}, so the list is not used"
        )

    async def _take(self, part: Part, halvings: int) -> None:
        criteria = self._criteria | ({} if part is None else {"s_ra": list(part)})
        try:
            rows = await self._queries.observations(
                criteria,
                page=_PAGE,
                expected=self._count,
                is_divisible=halvings > 0,
            )
        except (TransientError, PermanentError) as error:
            # Smaller parts do not help against an invalid reply.
            if not halvings or error.reason not in TOO_LARGE - {"bad_answer"}:
                raise
            _log.warning(
                "%s: the list is requested again in two parts: %s", self._survey, error
            )
            for half in _halves(part):
                await self._take(half, halvings - 1)
            return
        self._found.update((str(row["obsid"]), row) for row in rows)


def _partitions(count: int) -> Iterator[list[Part]]:
    """Give partitions of the sky to try in turn, for a list of ``count`` images."""
    number = max(1, math.ceil(count / _PAGE))
    if number > 1:
        yield _slices(number)
    # The whole sky includes images without a right ascension, which no slice has.
    yield [None]
    yield _slices(2 * number)


def _slices(number: int) -> list[Part]:
    inner = (360 * n / number for n in range(1, number))
    return list(pairwise([_LEFT, *inner, _RIGHT]))


def _halves(part: Part) -> list[Part]:
    low, high = part or (_LEFT, _RIGHT)
    middle = (max(low, 0.0) + min(high, 360.0)) / 2
    return [(low, middle), (middle, high)]


async def _check_filter(
    queries: MastQueries, survey: Survey, band: str, mission: Mission
) -> None:
    """Find out why the list has no image in a filter, and raise unless it may be so.

    MAST has no query that lists its filters, so a sample of the camera's images is
    used.

    Raises
    ------
    OutageError
        There must be images: the filter is common, or is in the sample.
    UnknownNameError
        There is no such filter, or no such camera.
    """
    camera, name = survey.instrument, f"{survey.instrument}:{band}"
    # The sandbox or a mirror may have no images even in a common filter.
    if queries.is_official and mission.is_common(camera, band):
        msg = (
            f"MAST lists no image of {name}, although many are known, so the list is "
            "not used"
        )
        raise OutageError("no_images", msg)
    some = await queries.sample(mission.images(camera))
    if not some and camera not in mission.filters:
        await _check_camera(queries, camera, mission)
    listed = {used for row in some for used in _bands(mission, row)} - {""}
    if band in listed:
        msg = (
            f"MAST lists no image of {name}, but has some in its list of all images of "
            f"{camera}, so the list is not used"
        )
        raise OutageError("no_images", msg)
    known = {*mission.filters.get(camera, ()), *listed}
    if band not in known:
        raise UnknownNameError(_unknown(name, band, known))
    _log.warning("MAST has no combined image of %s", name)


async def _check_camera(queries: MastQueries, camera: str, mission: Mission) -> None:
    some = await queries.sample(mission.images())
    listed = {str(row["instrument_name"]) for row in some}
    if camera in listed:
        msg = (
            f"MAST lists no image of {camera}, but has some in its list of all images "
            f"of {mission.collection}, so the list is not used"
        )
        raise OutageError("no_images", msg)
    raise UnknownNameError(_unknown(camera, camera, {*mission.filters, *listed}))


def _unknown(what: str, name: str, known: set[str]) -> str:
    like = nearest(name, known)
    question = f" Did you mean {' or '.join(like)}?" if like else ""
    return f"MAST has no image of {what}.{question} It has {', '.join(sorted(known))}."
