"""Takes commands on a Unix socket that only the owner of the harvest may use.

Only the owner can open the folder of the socket. The kernel tells the user of each
caller: commands of others than the owner and root are refused.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from ...errors import HarvesterError, InputError
from ...events import Note
from ...importing import IMPORTING
from ...status.control.private_folder import make_private, socket_paths
from .envelope import Caller, opened, verb_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiohttp import web

    from ...places import Places
    from ...status.run_watch import RunWatch
    from .harvest_control import HarvestControl

__all__ = ["ControlServer", "taking_commands"]

_log = logging.getLogger(__name__)

#: Seconds after which the socket is opened: the first requests of a harvest go first.
_LATER_S = 0.5

#: What the kernel tells of the other end: process, user and group.
_PEER = struct.Struct("3i")

#: Bytes of a command at most.
_LONGEST = 2**20


class ControlServer:
    """Reads commands from a socket, and has those of the right users done."""

    def __init__(
        self, control: HarvestControl, allowed: frozenset[int] | None = None
    ) -> None:
        self._control = control
        self._allowed = allowed or frozenset({0, os.geteuid()})

    def application(self) -> web.Application:
        """Return the application; it has one address for each command."""
        from aiohttp import web

        app = web.Application(client_max_size=_LONGEST)
        app.router.add_post("/v1/{verb}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.Response:
        from aiohttp import web

        word, uid = request.match_info["verb"], _peer(request)
        if uid not in self._allowed:
            caller = Caller(uid, "socket")
            msg = f"this harvest hears only its own user and root, not {caller.words}"
            self._control.tell(word[:20], msg, caller, is_refused=True)
            return web.json_response({"error": msg}, status=403)
        try:
            return web.json_response(await self._done(word, await request.read(), uid))
        except InputError as error:
            return web.json_response({"error": str(error)}, status=400)
        except HarvesterError as error:
            return web.json_response({"error": str(error)}, status=503)

    async def _done(self, word: str, body: bytes, uid: int) -> dict[str, Any]:
        verb = verb_of(word)
        via, details = opened(verb, body)
        text = await self._control.do(verb, details, Caller(uid, via))
        return {"words": text, "pid": os.getpid(), **self._control.facts()}


def _peer(request: web.Request) -> int:
    """Give the number of the user at the other end, by the kernel."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:  # not Linux: there the folder alone keeps others out
        return os.geteuid()
    transport = request.transport
    assert transport is not None
    end = transport.get_extra_info("socket")
    told = end.getsockopt(socket.SOL_SOCKET, option, _PEER.size)
    return int(_PEER.unpack(told)[1])


@asynccontextmanager
async def taking_commands(
    control: HarvestControl, watch: RunWatch, places: Places
) -> AsyncIterator[None]:
    """Take commands while the block runs; the harvest goes on if that is impossible."""

    async def serve() -> None:
        await asyncio.sleep(_LATER_S)
        await asyncio.to_thread(_load)
        try:
            async with _opened_socket(ControlServer(control), places) as path:
                watch.control = str(path)
                watch.sign()
                await asyncio.Event().wait()
        except Exception as error:  # noqa: BLE001 - the harvest must go on
            if not isinstance(error, OSError):
                _log.exception("the socket for commands failed")
            words = (
                f"this harvest takes no commands (harvester ctl): {error}. It goes on"
            )
            watch.listener(Note(words, is_warning=True))

    async with asyncio.TaskGroup() as group:
        serving = group.create_task(serve(), name="control")
        try:
            yield
        finally:
            serving.cancel()


def _load() -> None:
    with IMPORTING:
        import aiohttp.web  # noqa: F401 - only imported


@asynccontextmanager
async def _opened_socket(server: ControlServer, places: Places) -> AsyncIterator[Path]:
    from aiohttp import web

    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        path = await _bind(runner, places)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)
    finally:
        await runner.cleanup()
        with suppress(OSError):  # a token may be in it, or it was never made
            places.control.rmdir()


async def _bind(runner: web.AppRunner, places: Places) -> Path:
    """Open the socket at the first place where it can be.

    Raises
    ------
    OSError
        There is none; what was wrong with the last one.
    """
    from aiohttp import web

    problem = OSError("no folder is left for its socket: every path is too long")
    for path in socket_paths(places):
        try:
            make_private(path.parent)
            # What a harvest that was killed left behind is replaced. It is no other
            # harvest's: this process owns the run.
            await web.UnixSite(runner, str(path)).start()
            path.chmod(0o600)
        except OSError as error:
            _log.info("no socket at %s: %s", path, error)
            problem = error
        else:
            return path
    raise problem
