"""Fetches a frame from its mirrors first, then from its archive.

While other frames can be fetched, the frames of an archive with an outage are left for
later. If no others are left, the harvester waits for the end of the outage, and tries
the archive and the mirrors in turn.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Protocol, TypeVar

from yarl import URL

from ..errors import OutageError, PermanentError, TransientError
from ..transport.transport import Waits
from .mirrors import Mirrors

if TYPE_CHECKING:
    from ..models import Product
    from ..transport.transport import Transport

__all__ = ["Sources"]

#: Longest pause in seconds between two attempts if archive and mirrors are all down.
_LOOK_S = 60

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class FetchFrom(Protocol[T_co]):
    """A function that fetches from an address."""

    async def __call__(
        self, url: str, /, *, is_mirror: bool = False, waits: Waits = Waits.LONG
    ) -> T_co:
        """Fetch from this address."""


class Sources:
    """Fetches products from their mirrors and archives.

    Parameters
    ----------
    patience_s
        How long to wait for the end of an outage of an archive and its mirrors.
    """

    def __init__(self, transport: Transport, *, patience_s: float = math.inf) -> None:
        self._transport = transport
        self._patience_s = patience_s
        self.mirrors = Mirrors(transport)
        #: Hosts of archives whose outage was too long once: no further waiting.
        self._given_up: set[str] = set()

    def with_mirrors(self, product: Product) -> Product:
        """Add the mirrors that the user has set to the copies of a product.

        The mirrors of an address come before it. Copies come before the archive and its
        mirrors, because they may serve ranges that the archive does not.
        """
        with suppress(PermanentError):  # an invalid address: `fetch` raises the error
            places = (*product.mirrors, product.url)
            copies = [
                one for at in places for one in (*self._transport.mirrors(at), at)
            ]
            return replace(product, mirrors=tuple(copies[:-1]))
        return product

    def has_mirrors(self, product: Product) -> bool:
        """Whether hosts other than the archive's own may have the file."""
        return bool(self.with_mirrors(product).mirrors)

    def refuse_copies(self, product: Product) -> None:
        """Fetch this product from the archive itself from now on."""
        self.mirrors.refuse(self.with_mirrors(product).mirrors)

    async def fetch(
        self, product: Product, fetch: FetchFrom[T], *, sits_out: bool = True
    ) -> T:
        """Fetch from one of the product's mirrors, or else from the archive.

        ``sits_out``: whether to wait for the end of an outage.
        """
        got = await self._from_mirror(product, fetch)
        if got is not None:
            return got
        if not sits_out:
            return await self._from_archive(product, fetch, Waits.WHILE_UP)
        try:
            return await self._wait_for_either(product, fetch)
        except OutageError:
            self._given_up.add(_host(product))
            raise

    def are_down(self, product: Product) -> bool:
        """Whether neither a mirror nor the archive can be tried now."""
        with suppress(PermanentError):  # an invalid address: `fetch` raises the error
            is_down = self._transport.is_down(product.url)
            return is_down and not self.mirrors.can_serve(self.with_mirrors(product))
        return False

    def is_archive_down(self, product: Product) -> bool:
        """Whether the archive counts as down, even if a probe is due."""
        with suppress(PermanentError):  # as above
            return self._transport.down_s(product.url) > 0
        return False

    async def _wait_for_either(self, product: Product, fetch: FetchFrom[T]) -> T:
        """Wait until the archive or a mirror serves the product."""
        if not product.mirrors:
            return await self._from_archive(product, fetch, Waits.LONG)
        began = self._transport.awake_s(product.url)
        for failed in count(1):
            try:
                return await self._from_archive(product, fetch, Waits.WHILE_UP)
            except OutageError as error:
                lasts_s = self._transport.awake_s(product.url) - began
                is_over = lasts_s >= self._patience_s or error.reason == "refuses"
                if self._is_given_up(product) or is_over:
                    raise
            await asyncio.sleep(min(failed, _LOOK_S))
            got = await self._from_mirror(product, fetch)
            if got is not None:
                return got
        raise AssertionError  # mypy does not know that `count` never ends

    async def _from_mirror(self, product: Product, fetch: FetchFrom[T]) -> T | None:
        return await self.mirrors.ask(product, partial(fetch, is_mirror=True))

    async def _from_archive(
        self, product: Product, fetch: FetchFrom[T], waits: Waits
    ) -> T:
        """Fetch from the archive itself; do not wait if it was given up before."""
        was_given_up = self._is_given_up(product)
        try:
            got = await fetch(product.url, waits=Waits.NEVER if was_given_up else waits)
        except OutageError:
            raise
        except TransientError as error:
            if not was_given_up:
                raise
            # The host is still ill. Raise an outage, so that no galaxy loses a try.
            raise OutageError(error.reason, str(error)) from error
        self._given_up.discard(_host(product))
        return got

    def _is_given_up(self, product: Product) -> bool:
        return _host(product) in self._given_up


def _host(product: Product) -> str:
    return URL(product.url).host or ""
