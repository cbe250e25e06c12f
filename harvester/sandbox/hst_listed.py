"""The HST observations that MAST knows so far: some may appear while it is served."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .pointings import Observation

__all__ = ["HstListed"]


class HstListed:
    """The observations that are listed, and whose files are there.

    Parameters
    ----------
    later
        How many of the last ones do not exist yet; each call of `observe` makes the
        next of them appear.

    Raises
    ------
    ValueError
        There are not so many.
    """

    def __init__(self, observations: Sequence[Observation], later: int = 0) -> None:
        if later > len(observations):
            msg = f"there are {len(observations)} HST images, fewer than {later}"
            raise ValueError(msg)
        self._all = observations
        self._count = len(observations) - later
        self._known = {str(obs.obsid): obs for obs in self.now}

    @property
    def now(self) -> Sequence[Observation]:
        """The observations of this moment."""
        return self._all[: self._count]

    def find(self, obsid: str) -> Observation | None:
        """Give the observation with a number; None if there is none yet."""
        return self._known.get(obsid)

    async def observe(self, _request: web.Request) -> web.Response:
        """Make the next observation appear; answer with its number and file."""
        if self._count == len(self._all):
            return web.json_response({"problem": "all are there"}, status=409)
        obs = self._all[self._count]
        self._count += 1
        self._known[str(obs.obsid)] = obs
        return web.json_response({"obsid": obs.obsid, "file": obs.filename})
