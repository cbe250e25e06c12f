"""Commands from the page to a harvest at work: `harvester ctl` for a browser.

Only a page that was started with ``--allow-control`` has them. A command must be sent
by the page itself, not by another site (``Origin``), and with the token of the page.
"""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

from aiohttp import web
from yarl import URL

from ...errors import InputError
from ..control.client import ask_harvest
from ..control.verbs import Verb
from .answers import run_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .page_token import PageToken
    from .shown_run import ShownRun

__all__ = ["PageControls"]

_log = logging.getLogger(__name__)

#: Commands that the page may send.
_VERBS = frozenset({Verb.PAUSE, Verb.RESUME, Verb.RETRY, Verb.RATE})

#: Bytes of a command at most.
_LONGEST = 10_000

#: Seconds between two lines of the log about wrong tokens.
_LINE_EVERY_S = 60.0


class PageControls:
    """Checks who sends a command, and passes it on to the harvest of a run."""

    def __init__(self, runs: Sequence[ShownRun], token: PageToken) -> None:
        self._runs = runs
        self._token = token
        self._warned_at = float("-inf")

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a command with what the harvest says."""
        run = run_of(request, self._runs)
        if not _is_from_page(request):
            return _refused(403, "Commands are only taken from this page itself.")
        if not self._token.is_in(request.headers.get("Authorization", "")):
            self._warn(request)
            return _refused(401, "This is not the token of the page.")
        try:
            verb, details = await _read(request)
            via = f"page {request.remote}"
            return web.json_response(
                await ask_harvest(run.places, verb, details, via=via)
            )
        except InputError as error:
            return _refused(400, str(error))

    def _warn(self, request: web.Request) -> None:
        now = time.monotonic()
        if now - self._warned_at > _LINE_EVERY_S:
            self._warned_at = now
            _log.warning("a command with a wrong token came from %s", request.remote)


def _refused(status: int, words: str) -> web.Response:
    return web.json_response({"error": words}, status=status)


def _is_from_page(request: web.Request) -> bool:
    """Whether the browser says that this page sends the command.

    Browsers send ``Origin`` with each POST; `guard` has looked at ``Host``.
    """
    try:
        origin = URL(request.headers.get("Origin", ""))
    except ValueError:
        return False
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    is_same = (
        bool(origin.host) and origin.authority == URL(f"//{request.host}").authority
    )
    return is_same and site == "same-origin"


async def _read(request: web.Request) -> tuple[Verb, dict[str, Any]]:
    """Read the command and its details.

    Raises
    ------
    InputError
        It is none.
    """
    if request.content_type != "application/json":
        msg = "a command is sent as application/json"
        raise InputError(msg)
    try:
        told = json.loads((await request.content.read(_LONGEST)).decode())
        verb, details = Verb(told["verb"]), told.get("details", {})
        is_known = verb in _VERBS and isinstance(details, dict)
    except (ValueError, KeyError, TypeError, AttributeError):
        is_known = False
    if not is_known:
        msg = (
            f'a command is like {{"verb": "pause"}}; verbs: {", ".join(sorted(_VERBS))}'
        )
        raise InputError(msg)
    return verb, details
