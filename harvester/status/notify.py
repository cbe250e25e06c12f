"""Tells a webhook how a harvest goes: when it ends, stalls, or a host goes down.

Messages wait in a short queue and are sent by a task of their own, so that a slow
webhook never holds up the harvest.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..errors import HarvesterError, first_of
from ..events import HostChanged, Stalled, counted
from .report import failures, unsettled

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterator,
        Awaitable,
        Callable,
        Collection,
        Iterator,
        Mapping,
        Sequence,
    )

    from ..events import Event
    from ..places import Places
    from .report import Report

    Post = Callable[[Mapping[str, Any]], Awaitable[bool]]

__all__ = ["Notifier", "Occasion", "notifying"]

_log = logging.getLogger(__name__)

#: Messages that wait; if there are more, new ones are lost.
_WAITING = 20

#: Seconds that the last messages may take when the harvest ends.
_LAST_S = 3.0

#: States of a host in which only probes are sent to it.
_DOWN = frozenset({"down", "refuses everything"})


#: Entries of a report that the message about the end has.
_COUNTS = ("surveys", "cutouts", "failures")


class Occasion(StrEnum):
    """What a message is about; the field ``event`` of its JSON."""

    #: The harvest has ended, in whatever way.
    FINISH = "finish"
    #: Nothing has moved for some time, or it moves again.
    STALL = "stall"
    #: The circuit breaker of a host has opened or closed.
    BREAKER = "breaker"


class Notifier:
    """Makes messages of events; `notifying` sends them."""

    def __init__(self, places: Places, wanted: Collection[str]) -> None:
        self._folder = str(places.out.absolute())
        self._wanted = frozenset(wanted)
        #: Hosts that were told to be down.
        self._down: set[str] = set()
        self.queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(_WAITING)

    def listener(self, event: Event) -> None:
        """Take an event; those of other sorts are ignored."""
        match event:
            case Stalled(text, seconds, is_over):
                more = {"seconds": round(seconds), "is_over": is_over}
                self._tell(Occasion.STALL, text, more)
            case HostChanged(host, kind, text):
                self._host_changed(host, kind, text)

    @contextmanager
    def telling_end(self) -> Iterator[Callable[[Report, Sequence[str], str], None]]:
        """Tell how the block ended; it is given a function for its report.

        The function takes the report of the run, why services were given up, and the
        path of the report as a file; empty: there is none.
        """
        told: list[tuple[Report, Sequence[str], str]] = []
        try:
            yield lambda *ended: told.append(ended)
        except asyncio.CancelledError:
            self.finished("stopped", "the harvest was stopped")
            raise
        except BaseException as error:
            words = _error_words(error)
            self.finished("error", f"the harvest has ended with an error: {words}")
            raise
        for report, troubles, file in told:
            self.finished(*_end_of(report, troubles), report, file)

    def finished(
        self, outcome: str, text: str, report: Report | None = None, file: str = ""
    ) -> None:
        """Tell that the harvest has ended.

        ``outcome``: ``settled``, ``unsettled``, ``stopped`` or ``error``; ``file``: the
        path of the report.
        """
        more = {name: report[name] for name in _COUNTS if report}
        if file:
            more["report"] = file
        self._tell(Occasion.FINISH, text, {"outcome": outcome, **more})

    def _host_changed(self, host: str, kind: str, text: str) -> None:
        is_down = kind in _DOWN
        if is_down == (host in self._down):
            return
        self._down ^= {host}
        more = {"host": host, "kind": kind, "is_over": not is_down}
        self._tell(Occasion.BREAKER, text, more)

    def _tell(self, occasion: Occasion, text: str, more: Mapping[str, Any]) -> None:
        if occasion not in self._wanted:
            return
        message = {
            "event": str(occasion),
            "text": f"harvester {self._folder}: {text}",
            "folder": self._folder,
            "machine": socket.gethostname(),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "version": __version__,
            **more,
        }
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            _log.warning("a message to the webhook is lost: too many wait")


def _error_words(error: BaseException) -> str:
    first = first_of(error) if isinstance(error, BaseExceptionGroup) else error
    # The text of an unexpected error may hold anything.
    return str(first) if isinstance(first, HarvesterError) else type(first).__name__


def _end_of(report: Report, troubles: Sequence[str]) -> tuple[str, str]:
    left, failed = unsettled(report), failures(report)
    if troubles or left:
        why = "; ".join(troubles)
        words = f"the harvest has ended, {counted(left, 'job')} left: {why}"
        return "unsettled", words.removesuffix(": ")
    ends = f", {counted(failed, 'job')} failed" if failed else ""
    return "settled", f"the harvest is done{ends}"


@asynccontextmanager
async def notifying(
    places: Places, post: Post | None, wanted: Collection[str]
) -> AsyncIterator[Notifier]:
    """Send messages while the block runs; the last ones get a few seconds.

    Parameters
    ----------
    post
        Sends a message, and never raises; None: nothing is sent.
    wanted
        Occasions of which messages are sent.
    """
    notifier = Notifier(places, wanted if post else ())

    async def send_forever() -> None:
        assert post is not None
        while True:
            await post(await notifier.queue.get())
            notifier.queue.task_done()

    async with asyncio.TaskGroup() as group:
        if post is None:
            yield notifier
            return
        sending = group.create_task(send_forever(), name="webhook")
        try:
            yield notifier
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_S):
                    await notifier.queue.join()
            sending.cancel()
