"""All images of a survey, as MAST lists them: as many as it counts, or no answer.

A list that lacks rows looks like a shorter list, and its galaxies like galaxies
without an image. So the list is compared with the archive's own count, asked for
again in other parts where it is too short, and never believed when it stays so.
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
from .queries import TOO_MUCH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...models import Survey
    from .mission import Mission
    from .queries import Criteria, MastQueries, Row

    #: Right ascensions from and to, degrees; None for the whole sky.
    Part = tuple[float, float] | None

__all__ = ["list_images"]

_log = logging.getLogger(__name__)

#: Rows of one page, and on average of one query. A row has 1.3 kB and the longest
#: footprints some more, so that a page stays well below what the transport takes for
#: an answer (64 MiB), and the table that astroquery makes of a query fits into memory.
_PAGE = 20_000

#: How often a part that is too much for MAST is halved.
_HALVINGS = 4

#: Right ascensions may be negative, as in footprints, or beyond the circle.
_LEFT, _RIGHT = -360.0, 720.0


async def list_images(
    queries: MastQueries, survey: Survey, mission: Mission
) -> list[Row]:
    """List all images of a survey, each once.

    Raises
    ------
    OutageError
        MAST counts more than it lists, or none where there must be some.
    UnknownNameError
        There is no such instrument or filter.
    """
    criteria = mission.images(survey.instrument, survey.bands)
    rows = await _Listing(queries, survey, criteria).complete()
    found = {band for row in rows for band in _bands(mission, row)}
    for band in survey.bands:
        if band not in found:
            await _doubt(queries, survey, band, mission)
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
        #: Why the last way to ask did not come to its end.
        self._trouble: TransientError | None = None

    async def complete(self) -> list[Row]:
        # A count of 0 is not believed before the list is as empty.
        queries, criteria = self._queries, self._criteria
        self._count = await queries.count(criteria)
        for parts in _ways(self._count):
            await self._take_all(parts)
            if len(self._found) >= self._count and self._trouble is None:
                return list(self._found.values())
            _log.warning("%s: %s", self._survey, self._trouble or self._shortage())
        if self._trouble and self._trouble.reason == "bad_answer":
            # Each way was tried several times: it is not the answer that came damaged.
            msg = f"MAST's list of {self._survey} stays wrong: {self._trouble}"
            raise OutageError("bad_answer", msg)
        if self._trouble:
            raise self._trouble
        # Some may have been withdrawn meanwhile.
        self._count = await queries.count(criteria)
        if not self._count or len(self._found) < self._count:
            raise OutageError("incomplete_list", self._shortage())
        return list(self._found.values())

    async def _take_all(self, parts: list[Part]) -> None:
        """Take all parts; one that is answered with nonsense ends it."""
        self._trouble = None
        for part in parts:
            try:
                await self._take(part, _HALVINGS)
            except OutageError:
                raise
            except TransientError as error:
                self._trouble = error
                return

    def _shortage(self) -> str:
        return (
            f"MAST counts {self._count} images of {self._survey} and lists "
            f"{len(self._found)}, so the list is not believed"
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
            # Nonsense does not become sense by halves.
            if not halvings or error.reason not in TOO_MUCH - {"bad_answer"}:
                raise
            _log.warning("%s is asked for in smaller parts: %s", self._survey, error)
            for half in _halves(part):
                await self._take(half, halvings - 1)
            return
        self._found.update((str(row["obsid"]), row) for row in rows)


def _ways(count: int) -> Iterator[list[Part]]:
    """Give the ways to ask for so many images, each in one or more parts."""
    number = max(1, math.ceil(count / _PAGE))
    if number > 1:
        yield _slices(number)
    # All at once holds those without a right ascension too, which lie in no slice.
    yield [None]
    yield _slices(2 * number)


def _slices(number: int) -> list[Part]:
    inner = (360 * n / number for n in range(1, number))
    return list(pairwise([_LEFT, *inner, _RIGHT]))


def _halves(part: Part) -> list[Part]:
    low, high = part or (_LEFT, _RIGHT)
    middle = (max(low, 0.0) + min(high, 360.0)) / 2
    return [(low, middle), (middle, high)]


async def _doubt(
    queries: MastQueries, survey: Survey, band: str, mission: Mission
) -> None:
    """Tell a filter of which there is no image from a typing error, and from silence.

    MAST has no query that lists its filters: some of the camera's images do.
    """
    camera, name = survey.instrument, f"{survey.instrument}:{band}"
    # A mirror or a rehearsal may well have none.
    if queries.is_official and mission.is_used(camera, band):
        msg = (
            f"MAST lists no image of {name}, of which there are many, so the list is "
            "not believed"
        )
        raise OutageError("no_images", msg)
    some = await queries.sample(mission.images(camera))
    if not some and camera not in mission.filters:
        await _doubt_camera(queries, camera, mission)
    listed = {used for row in some for used in _bands(mission, row)} - {""}
    if band in listed:
        msg = f"MAST lists no image of {name}, and lists some when it is asked for all"
        raise OutageError("no_images", msg)
    known = {*mission.filters.get(camera, ()), *listed}
    if band not in known:
        raise UnknownNameError(_unknown(name, band, known))
    _log.warning("MAST has no combined image of %s", name)


async def _doubt_camera(queries: MastQueries, camera: str, mission: Mission) -> None:
    some = await queries.sample(mission.images())
    listed = {str(row["instrument_name"]) for row in some}
    if camera in listed:
        msg = (
            f"MAST lists no image of {camera}, and lists some among all of "
            f"{mission.collection}"
        )
        raise OutageError("no_images", msg)
    raise UnknownNameError(_unknown(camera, camera, {*mission.filters, *listed}))


def _unknown(what: str, name: str, known: set[str]) -> str:
    like = nearest(name, known)
    question = f" Did you mean {' or '.join(like)}?" if like else ""
    return f"MAST has no image of {what}.{question} It has {', '.join(sorted(known))}."
