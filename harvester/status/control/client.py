"""Sends a command to the harvest that works on a run, and gives its answer."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from ...errors import HarvesterError, InputError, LocalError
from ...ledger.file import is_owned, need_ledger, owner_of
from ...ledger.view import LedgerView
from ..running import Life, read_running, watching_words
from .private_folder import socket_paths

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...places import Places
    from ..running import Running
    from .verbs import Verb

__all__ = ["NotAtWorkError", "ask_harvest"]

#: Seconds that an answer may take: to retry a million jobs takes some.
_ANSWER_S = 60.0


class NotAtWorkError(HarvesterError):
    """No harvest works on the run, or the one that does takes no commands now."""

    exit_code = 5


async def ask_harvest(
    places: Places,
    verb: Verb,
    details: Mapping[str, Any] | None = None,
    *,
    via: str = "socket",
) -> dict[str, Any]:
    """Send a command to the harvest at work on a run; give its answer.

    Parameters
    ----------
    details
        As `Verb` says.
    via
        How the command came, for the log of the harvest.

    Raises
    ------
    InputError
        The command was refused: the message says what is wrong with it.
    NotAtWorkError
        No harvest is at work; the message says how one is begun.
    LocalError
        The harvest belongs to another user.
    """
    running = await asyncio.to_thread(_at_work, places)
    envelope = {"via": via, "details": dict(details or {})}
    for path in _candidates(places, running):
        try:
            status, answer = await _post(path, verb, envelope)
        except (FileNotFoundError, ConnectionRefusedError):
            # Left behind by a harvest that was killed, or not there at all.
            continue
        except PermissionError as error:
            msg = f"{path} belongs to another user: give the command as that user"
            raise LocalError(msg) from error
        return _checked(status, answer)
    raise NotAtWorkError(_unheard(places, running))


def _at_work(places: Places) -> Running:
    """Read which harvest is at work, from the ledger.

    Raises
    ------
    NotAtWorkError
        There is none.
    """
    if not places.ledger.exists() and is_owned(places.lock):
        msg = "the catalogue is still being read, and no request is sent: try again"
        raise NotAtWorkError(msg)
    need_ledger(places.ledger)
    now = time.time()
    with LedgerView.open(places.ledger) as view:
        running = read_running(view.facts(), owner_of(places.lock), now)
    if running is None or running.life is Life.DEAD:
        why = f" ({running.words(now)})" if running else ""
        msg = (
            f"no harvest is at work on {places.out}{why}. To go on with the run: "
            f"harvester resume {places.out}"
        )
        raise NotAtWorkError(msg)
    return running


def _candidates(places: Places, running: Running) -> Iterator[Path]:
    """Yield where its socket may be: where it says, or below our own path of the run.

    In a container a run has another path than outside of it.
    """
    told = [Path(running.control)] if running.control else []
    yield from dict.fromkeys([*told, *socket_paths(places)])


async def _post(
    path: Path, verb: Verb, envelope: Mapping[str, Any]
) -> tuple[int, dict[str, Any]]:
    connector = aiohttp.UnixConnector(path=str(path))
    timeout = aiohttp.ClientTimeout(total=_ANSWER_S)
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
            session.post(f"http://harvest/v1/{verb}", json=envelope) as reply,
        ):
            return reply.status, await reply.json()
    except aiohttp.ClientConnectorError as error:
        # What the system said: no such file, refused, not permitted.
        raise error.os_error from error
    except TimeoutError as error:
        msg = (
            f"the harvest has not answered for {_ANSWER_S:.0f} s: it may hang. Stop "
            "it, then resume"
        )
        raise NotAtWorkError(msg) from error
    except (aiohttp.ClientError, json.JSONDecodeError) as error:
        msg = f"the harvest broke off its answer ({error!r}): it may be ending"
        raise NotAtWorkError(msg) from error


def _checked(status: int, answer: Mapping[str, Any]) -> dict[str, Any]:
    problem = answer.get("error")
    if problem is None:
        return dict(answer)
    kinds: dict[int, type[HarvesterError]] = {400: InputError, 403: LocalError}
    raise kinds.get(status, NotAtWorkError)(problem)


def _unheard(places: Places, running: Running) -> str:
    words = f"process {running.pid} on {running.host} works on {places.out}"
    if running.life is Life.HUNG:
        return f"{words}, but hangs. Stop it, then: harvester resume {places.out}"
    if running.next_look_at:
        until = watching_words(running.next_look_at)
        return (
            f"{words}, but has nothing to do now ({until}), and takes commands only "
            "while it harvests. To retry now, stop it, retry, and resume"
        )
    if not running.control:
        return (
            f"{words}, but takes no commands yet. Try again in some seconds; if it "
            "never does, its log says why"
        )
    return (
        f"{words}, and takes commands on {running.control}, which cannot be reached "
        "from here. In a container, call `harvester ctl` inside it (docker exec)"
    )
