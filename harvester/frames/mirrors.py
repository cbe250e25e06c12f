"""Mirrors: hosts with copies of frames, used before the archive.

The archive has every file too, so the harvester never waits for a mirror. A mirror is
skipped while its host is down, and for a while if it has refused several files in a
row.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from yarl import URL

from ..errors import PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from ..models import Product
    from ..transport.transport import Transport

__all__ = ["Mirrors"]

_log = logging.getLogger(__name__)

#: Refusals in a row after which a mirror is skipped for a while.
_MOST_REFUSED = 5

#: Seconds until a skipped mirror is tried again. They double with each further refusal,
#: up to the longest.
_FIRST_S, _LONGEST_S = 10.0, 300.0

T = TypeVar("T")


@dataclass(slots=True)
class _Mirror:
    """State of one mirror host."""

    #: Addresses refused since it last served a file.
    refused: set[str] = field(default_factory=set)
    #: Time of the clock when it is tried again, and the pause after that.
    ask_at: float = 0.0
    pause_s: float = _FIRST_S

    @property
    def refuses_all(self) -> bool:
        """Whether it seems to refuse everything, not only to lack single files."""
        return len(self.refused) >= _MOST_REFUSED

    def wait(self, now: float) -> None:
        """Start the next pause, if it seems to refuse everything."""
        if self.refuses_all and now >= self.ask_at:
            self.ask_at = now + self.pause_s
            self.pause_s = min(2 * self.pause_s, _LONGEST_S)


class Mirrors:
    """Decides which copies to try, and fetches from them."""

    def __init__(
        self, transport: Transport, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._transport = transport
        self._clock = clock
        #: Addresses that refused the file, or gave a damaged frame.
        self._refused: set[str] = set()
        self._mirrors: defaultdict[str, _Mirror] = defaultdict(_Mirror)

    def refuse(self, urls: Iterable[str]) -> None:
        """Do not use these copies again."""
        self._refused.update(urls)

    def can_serve(self, product: Product) -> bool:
        """Whether some mirror of the file can be tried now."""
        return any(map(self._may_ask, product.mirrors))

    async def ask(
        self, product: Product, fetch: Callable[[str], Awaitable[T]]
    ) -> T | None:
        """Fetch from the first mirror that serves the file; None if none does.

        ``fetch`` gets the address of a copy. It should raise an outage at once, not
        wait for its end.
        """
        for url in product.mirrors:
            if not self._may_ask(url):
                continue
            mirror = self._mirrors[_host(url)]
            # This request tests a mirror that seems to refuse everything. Others skip
            # it meanwhile.
            mirror.wait(self._clock())
            try:
                got = await fetch(url)
            except PermanentError as error:
                self._note_refusal(mirror, url)
                _log.info(
                    "%s comes from the archive, not from a mirror: %s",
                    product.name,
                    error,
                )
            except TransientError as error:
                _log.info(
                    "%s cannot be fetched from this mirror now: %s", product.name, error
                )
            else:
                self._note_good(mirror)
                return got
        return None

    def _may_ask(self, url: str) -> bool:
        mirror = self._mirrors[_host(url)]
        if url in self._refused or (
            mirror.refuses_all and self._clock() < mirror.ask_at
        ):
            return False
        return not self._transport.is_down(url)

    def _note_refusal(self, mirror: _Mirror, url: str) -> None:
        self._refused.add(url)
        was_refusing = mirror.refuses_all
        mirror.refused.add(url)
        mirror.wait(self._clock())
        if mirror.refuses_all and not was_refusing:
            _log.warning(
                "%s refused %d files in a row and is skipped for now; files come "
                "from the archive itself",
                URL(self._transport.to_actual(url)).authority,
                _MOST_REFUSED,
            )

    def _note_good(self, mirror: _Mirror) -> None:
        if mirror.refuses_all:
            # It refused everything for a while, so it may have these files after all.
            self._refused -= mirror.refused
        mirror.refused.clear()
        mirror.pause_s = _FIRST_S


def _host(url: str) -> str:
    """Give host and port, because two mirrors may be on one machine."""
    return URL(url).host_port_subcomponent or url
