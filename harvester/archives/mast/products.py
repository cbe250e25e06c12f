"""Finds the files of observations whose rows do not name them.

One query lists the products of many observations. Each product should name its
observation, but MAST sometimes leaves that out. It may also fail on long lists: then
the list is halved, and observations that were answered are not asked for again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ...errors import PermanentError, TransientError
from ..batches import chunks
from .queries import TOO_LARGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .mission import Mission
    from .queries import MastQueries, Row

__all__ = ["ProductNames"]

_log = logging.getLogger(__name__)

#: Rounds of queries: observations in one query, and most observations in the round.
#: Each round asks for those that the rounds before left out. The server's join is slow.
_BATCHES = ((200, 10**9), (20, 200), (1, 20))

#: Values of ``parent_obsid`` in products whose observation MAST has lost.
_NO_PARENT = frozenset({"", "0", "None", "--"})


class ProductNames:
    """Finds the combined files of observations."""

    def __init__(self, queries: MastQueries, mission: Mission) -> None:
        self._queries = queries
        self._mission = mission
        #: URIs of combined files by ``obsid``; empty for observations without one.
        self._known: dict[str, str] = {}

    async def find(self, observations: Mapping[str, str]) -> dict[str, str]:
        """Give the files of observations.

        Parameters
        ----------
        observations
            Names (``obs_id``) by number (``obsid``).

        Returns
        -------
        dict
            URIs by ``obsid``, empty for observations without a combined file.
            Observations that MAST leaves out in every round are not in it.
        """
        for size, most in _BATCHES:
            left = [obsid for obsid in observations if obsid not in self._known][:most]
            for some in chunks(left, size):
                await self._ask(some, observations)
        return {
            obsid: self._known[obsid] for obsid in observations if obsid in self._known
        }

    async def _ask(self, obsids: Sequence[str], names: Mapping[str, str]) -> None:
        try:
            rows = await self._queries.products(list(obsids))
        except (TransientError, PermanentError) as error:
            if len(obsids) == 1 or error.reason not in TOO_LARGE:
                raise
            _log.warning(
                "a query for the files of %d observations failed; it is sent again in "
                "two parts: %s",
                len(obsids),
                error,
            )
            middle = len(obsids) // 2
            await self._ask(obsids[:middle], names)
            await self._ask(obsids[middle:], names)
            return
        self._read(rows, {obsid: names[obsid] for obsid in obsids})

    def _read(self, rows: Iterable[Row], asked: Mapping[str, str]) -> None:
        by_name = {name: obsid for obsid, name in asked.items() if name}
        files: dict[str, list[Row]] = {}
        for row in rows:
            obsid = _observation(row, asked, by_name)
            if obsid:
                files.setdefault(obsid, []).append(row)
        for obsid, some in files.items():
            self._known[obsid] = self._combined(some, obsid, asked[obsid])

    def _combined(self, rows: Sequence[Row], obsid: str, obs_id: str) -> str:
        # Exposures may have drizzled files too; that of the observation comes first.
        ordered = sorted(rows, key=lambda row: str(row.get("obsID")) != obsid)
        return next(
            (
                str(row["dataURI"])
                for row in ordered
                if row["obs_collection"] == self._mission.collection
                and self._mission.file.fullmatch(str(row["dataURI"] or ""))
                and self._mission.is_file(row, obs_id)
            ),
            "",
        )


def _observation(row: Row, asked: Mapping[str, str], by_name: Mapping[str, str]) -> str:
    """Give the ``obsid`` of the observation of a product; empty if unknown."""
    # Check the product's own number before its parent's, which is sometimes lost or
    # wrong. Files of single exposures have other numbers of their own.
    own, parent = str(row.get("obsID")), str(row.get("parent_obsid"))
    if own in asked:
        return own
    if parent in asked:
        return parent
    if name := by_name.get(str(row.get("obs_id"))):
        return name
    # Only one observation was requested, so the product must be its own.
    is_only = len(asked) == 1 and parent in _NO_PARENT
    return next(iter(asked)) if is_only else ""
