"""Copies of frames elsewhere: asked before the archive, and never waited for.

Whatever a mirror says, or does not say, the archive has the file too. So a mirror that
is down is passed over, and looked at again when its host lets a probe through.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from .errors import PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from .models import Product
    from .transport.transport import Transport

__all__ = ["Mirrors"]

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Mirrors:
    """Knows which copies are worth asking for."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        #: Addresses that gave nothing and will not, or gave a frame that was damaged.
        self._refused: set[str] = set()

    def refuse(self, urls: Iterable[str]) -> None:
        """Ask for these copies no more."""
        self._refused.update(urls)

    def can_serve(self, product: Product) -> bool:
        """Whether a mirror may give the file now."""
        return any(
            url not in self._refused and not self._transport.is_down(url)
            for url in product.mirrors
        )

    async def ask(
        self, product: Product, fetch: Callable[[str], Awaitable[T]]
    ) -> T | None:
        """Fetch from the first mirror that serves the file; None if none does.

        ``fetch`` is called with the address of a copy; it should raise an outage at
        once instead of sitting it out.
        """
        for url in product.mirrors:
            if url in self._refused:
                continue
            try:
                if not self._transport.is_down(url):
                    return await fetch(url)
            except PermanentError as error:
                self._refused.add(url)
                _log.info("%s is asked for at its archive: %s", product.name, error)
            except TransientError as error:
                _log.info("%s is not had from a mirror now: %s", product.name, error)
        return None
