"""Copies of frames elsewhere: asked before the archive, and never waited for.

Whatever a mirror says, or does not say, the archive has the file too. So a mirror that
is down is passed over, and looked at again when its host lets a probe through; and so
is one that has refused several files in a row and given none.
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

#: Files that a mirror refuses in a row before it is passed over.
_HANDFUL = 5

#: Seconds until a mirror that is passed over is asked again. Each refusal more doubles
#: them, up to the longest.
_FIRST_S, _LONGEST_S = 10.0, 300.0

T = TypeVar("T")


@dataclass(slots=True)
class _Mirror:
    """What a host of copies has refused since it gave one."""

    refused: set[str] = field(default_factory=set)
    #: When it is asked again, on the clock, and how long it is left alone after that.
    ask_at: float = 0.0
    pause_s: float = _FIRST_S

    @property
    def is_doubted(self) -> bool:
        """Whether it may refuse everything, and not only lack these files."""
        return len(self.refused) >= _HANDFUL

    def wait(self, now: float) -> None:
        """Leave it alone for a while if it is doubted."""
        if self.is_doubted and now >= self.ask_at:
            self.ask_at = now + self.pause_s
            self.pause_s = min(2 * self.pause_s, _LONGEST_S)


class Mirrors:
    """Knows which copies are worth asking for."""

    def __init__(
        self, transport: Transport, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._transport = transport
        self._clock = clock
        #: Addresses that gave nothing and will not, or gave a frame that was damaged.
        self._refused: set[str] = set()
        self._mirrors: defaultdict[str, _Mirror] = defaultdict(_Mirror)

    def refuse(self, urls: Iterable[str]) -> None:
        """Ask for these copies no more."""
        self._refused.update(urls)

    def can_serve(self, product: Product) -> bool:
        """Whether a mirror may give the file now."""
        return any(map(self._may_ask, product.mirrors))

    async def ask(
        self, product: Product, fetch: Callable[[str], Awaitable[T]]
    ) -> T | None:
        """Fetch from the first mirror that serves the file; None if none does.

        ``fetch`` is called with the address of a copy; it should raise an outage at
        once instead of sitting it out.
        """
        for url in product.mirrors:
            if not self._may_ask(url):
                continue
            mirror = self._mirrors[_host(url)]
            # One request finds out how a doubted mirror is; others pass it over.
            mirror.wait(self._clock())
            try:
                got = await fetch(url)
            except PermanentError as error:
                self._note_refusal(mirror, url)
                _log.info("%s is asked for at its archive: %s", product.name, error)
            except TransientError as error:
                _log.info("%s is not had from a mirror now: %s", product.name, error)
            else:
                self._note_good(mirror)
                return got
        return None

    def _may_ask(self, url: str) -> bool:
        mirror = self._mirrors[_host(url)]
        if url in self._refused or (
            mirror.is_doubted and self._clock() < mirror.ask_at
        ):
            return False
        return not self._transport.is_down(url)

    def _note_refusal(self, mirror: _Mirror, url: str) -> None:
        self._refused.add(url)
        was_doubted = mirror.is_doubted
        mirror.refused.add(url)
        mirror.wait(self._clock())
        if mirror.is_doubted and not was_doubted:
            _log.warning(
                "%s refused %d files in a row and is not asked for now: files come "
                "from the archive",
                URL(self._transport.to_actual(url)).authority,
                _HANDFUL,
            )

    def _note_good(self, mirror: _Mirror) -> None:
        if mirror.is_doubted:
            # It refused everything for a while: these files may be there after all.
            self._refused -= mirror.refused
        mirror.refused.clear()
        mirror.pause_s = _FIRST_S


def _host(url: str) -> str:
    """Give host and port: two mirrors may listen on one machine."""
    return URL(url).host_port_subcomponent or url
