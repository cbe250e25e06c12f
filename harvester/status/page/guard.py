"""What every answer of the page has in common: its headers, and who may ask."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from aiohttp import web

from ...errors import HarvesterError
from .address import is_own_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]

__all__ = ["HEADERS", "guard"]

_log = logging.getLogger(__name__)

#: Nothing from elsewhere, no frame around it, no script in the text. There is no header
#: that lets pages of other sites read the answers (CORS), so browsers refuse them.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@web.middleware
async def guard(request: web.Request, handler: Answering) -> web.StreamResponse:
    """Refuse requests that name another machine; turn errors into short answers."""
    if not is_own_name(request.headers.get("Host", "")):
        msg = (
            "This page is only served under an IP address or the name of the machine. "
            "A reverse proxy has to send one of these as Host."
        )
        return web.Response(status=421, text=msg)
    try:
        return await handler(request)
    except web.HTTPException:
        raise
    except HarvesterError as error:
        return web.json_response({"error": str(error)}, status=503)
    except Exception:  # noqa: BLE001 - it must not end the page
        _log.exception("the status page failed at %s", request.path)
        return web.json_response({"error": "A bug: the log tells more."}, status=500)


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Give an answer the headers that all have."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
