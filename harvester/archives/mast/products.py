"""The names of combined images, where the row of an observation does not tell them.

Products come for many observations at once, and each should name the observation that
it was asked for. MAST is known to leave that out, and to give up on long lists: the
list is halved then, and what came is not asked for again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ...errors import PermanentError, TransientError
from ..batches import chunks
from .queries import TOO_MUCH

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .mission import Mission
    from .queries import MastQueries, Row

__all__ = ["ProductNames"]

_log = logging.getLogger(__name__)

#: Observations of one query, at first and where it left some out; and how many of
#: these are asked for again, in all. The join on the server is slow.
_BATCHES = ((200, 10**9), (20, 200), (1, 20))

#: What stands for the observation that was asked for where MAST has lost it.
_NO_PARENT = frozenset({"", "0", "None", "--"})


class ProductNames:
    """Finds the combined image of observations."""

    def __init__(self, queries: MastQueries, mission: Mission) -> None:
        self._queries = queries
        self._mission = mission
        #: Combined images by observation; an observation without one is in it too.
        self._known: dict[str, str] = {}

    async def find(self, observations: Mapping[str, str]) -> dict[str, str]:
        """Give the files of observations, empty for those that have none.

        Parameters
        ----------
        observations
            The archive's numbers, ``obsid``, with their names, ``obs_id``.

        Returns
        -------
        dict
            What MAST does not tell is not in it, although it was asked again.
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
            if len(obsids) == 1 or error.reason not in TOO_MUCH:
                raise
            _log.warning("the files of fewer observations are asked for: %s", error)
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
        # The exposures of an image may have such files too: its own comes first.
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
    """Tell which of the observations that were asked for a product belongs to."""
    # Its own number before its parent's, which is known to be lost or wrong at times;
    # files of the exposures that an image was made of have other numbers.
    own, parent = str(row.get("obsID")), str(row.get("parent_obsid"))
    if own in asked:
        return own
    if parent in asked:
        return parent
    if name := by_name.get(str(row.get("obs_id"))):
        return name
    # Nothing else was asked for.
    is_only = len(asked) == 1 and parent in _NO_PARENT
    return next(iter(asked)) if is_only else ""
