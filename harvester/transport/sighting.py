"""What was seen of one HTTP request: evidence of how a host really answers.

Only ``harvester doctor`` keeps it. The first bytes of a body are kept, not all of it.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from .address import shown
from .headers import without_personal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from aiohttp.connector import Connection
    from yarl import URL

    OnSeen = Callable[["Sighting"], None]

__all__ = ["FIRST_BYTES", "OnSeen", "Sighting", "TlsResponse", "watched"]

#: Bytes of a body that are kept: one record of a FITS file.
FIRST_BYTES = 2880


@dataclass(slots=True)
class Sighting:
    """One request, and what came."""

    method: str
    #: Without user, password, tokens and signatures.
    url: str
    #: Headers that were asked with, without secrets.
    asked: Mapping[str, str]
    #: Unix seconds at which it was sent.
    sent_at: float
    #: 0: no reply came.
    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    #: Unix seconds at which the headers came.
    came_at: float = 0.0
    #: Version of TLS and the end of the certificate; empty without TLS.
    tls: Mapping[str, str] = field(default_factory=dict)
    #: The first bytes of the body, decoded, and how many were read in all.
    start: bytearray = field(default_factory=bytearray)
    read: int = 0
    #: What went wrong; empty if nothing did.
    trouble: str = ""

    def answer(self, response: aiohttp.ClientResponse) -> None:
        """Note the head of the reply."""
        self.came_at = time.time()
        self.status = response.status
        self.headers = list(response.headers.items())
        self.tls = getattr(response, "tls", {})

    def add(self, chunk: bytes) -> None:
        """Note a piece of the body."""
        self.read += len(chunk)
        self.start += chunk[: FIRST_BYTES - len(self.start)]


class TlsResponse(aiohttp.ClientResponse):
    """A reply that remembers how its connection was protected.

    aiohttp gives the connection back as soon as a short reply is complete, which is
    before its caller sees the reply.
    """

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        """Note the connection, then read the head of the reply."""
        self.tls = _tls_of(connection)
        return await super().start(connection)


def _tls_of(connection: Connection) -> dict[str, str]:
    transport = connection.transport
    tls: Any = transport.get_extra_info("ssl_object") if transport else None
    if tls is None:
        return {}
    certificate = tls.getpeercert() or {}
    return {"version": tls.version() or "", "until": certificate.get("notAfter", "")}


@contextmanager
def watched(
    on_seen: OnSeen | None, method: str, url: URL, asked: Mapping[str, str]
) -> Iterator[Sighting]:
    """Give the sighting of a request; tell it when the request has ended."""
    sighting = Sighting(method, shown(url), without_personal(asked), time.time())
    try:
        yield sighting
    except Exception as error:
        # Not its text, which may repeat the address with its secrets.
        sighting.trouble = type(error).__name__
        raise
    finally:
        if on_seen:
            on_seen(sighting)
