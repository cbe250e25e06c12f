"""Posts JSON to an address that the user has set, which is none of an archive.

It has a session of its own: no throttle, no token and no User-Agent with a contact. It
never raises, so that a message that cannot be sent does not stop a harvest. No log gets
the address, which often is a secret itself: only its host.
"""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiohttp
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Webhook"]

_log = logging.getLogger(__name__)

#: Seconds that one try may take, and the pauses before the further tries.
_TRY_S = 10.0
_PAUSES_S = (1.0, 5.0)

#: Refusals that may pass; others say that the address is wrong.
_NOT_NOW = frozenset({408, 425, 429})


class Webhook:
    """An address to which messages are posted as JSON."""

    def __init__(
        self,
        url: str,
        *,
        try_s: float = _TRY_S,
        pauses_s: Sequence[float] = _PAUSES_S,
    ) -> None:
        self._url = URL(url)
        self._try_s = try_s
        self._pauses_s = pauses_s

    async def post(self, message: Mapping[str, Any]) -> bool:
        """Send a message; tell whether it was taken. Only cancelling it raises."""
        problem = ""
        for pause_s in (0.0, *self._pauses_s):
            await asyncio.sleep(pause_s)
            problem, is_final = await self._try(message)
            if is_final:
                break
        if problem:
            host = self._url.host
            _log.warning("a message to the webhook at %s is lost: %s", host, problem)
        return not problem

    async def _try(self, message: Mapping[str, Any]) -> tuple[str, bool]:
        """Give what went wrong, empty if nothing did, and whether that is final."""
        try:
            async with asyncio.timeout(self._try_s):
                status = await self._send(message)
        except TimeoutError:
            return f"no answer within {self._try_s:g} s", False
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # Its text may repeat the address.
            return type(error).__name__, False
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return "", True
        is_final = status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _NOT_NOW
        return f"it answered {status}", is_final

    async def _send(self, message: Mapping[str, Any]) -> int:
        async with (
            aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
            ) as session,
            session.post(self._url, json=message, allow_redirects=False) as reply,
        ):
            return reply.status
