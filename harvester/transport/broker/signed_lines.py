"""Lines of JSON over a connection, each signed with a key that is never sent.

::

    <HMAC-SHA256 of the number of the line and the JSON, in hex> <JSON>

Each direction of a connection has a key of its own and counts its lines, so that no
line can be forged, replayed, left out or put elsewhere. Nothing is encrypted: a line
tells hosts and counts, and no secret.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
from contextlib import suppress
from typing import Any

from ...errors import OutageError

__all__ = ["LONGEST", "BrokenLineError", "NoBrokerError", "SignedLines", "new_nonce"]

#: Bytes of a line at most.
LONGEST = 2**16

#: Bytes that wait to be sent at most: the other end does not read any more.
_MOST_UNSENT = 2**20

#: Seconds for which a connection that is closed may still send.
_CLOSING_S = 2.0

_NONCE_BYTES = 32


class NoBrokerError(OutageError):
    """The other end cannot be reached, or says what it should not."""

    def __init__(self, message: str) -> None:
        super().__init__("no_broker", message)


class BrokenLineError(NoBrokerError):
    """A line is not signed with the common secret."""


def new_nonce() -> str:
    """Give a text that no connection has had before."""
    return secrets.token_hex(_NONCE_BYTES)


class SignedLines:
    """A connection over which both ends send signed lines.

    Parameters
    ----------
    secret
        What both ends know.
    mine, other
        The names of this end and of the other one, so that a line cannot be sent back.
    nonces
        What both ends have made up for this connection.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        secret: str,
        *,
        mine: str,
        other: str,
        nonces: str,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._key = _key(secret, mine, nonces)
        self._other_key = _key(secret, other, nonces)
        self._sent = 0
        self._received = 0

    def send(self, body: dict[str, Any]) -> None:
        """Send a line; it never waits.

        Raises
        ------
        NoBrokerError
            The connection is closed, or the other end does not read.
        """
        transport = self._writer.transport
        if transport.is_closing() or transport.get_write_buffer_size() > _MOST_UNSENT:
            msg = "the connection broke"
            raise NoBrokerError(msg)
        text = json.dumps(body, separators=(",", ":"), allow_nan=False).encode()
        mark = _mark(self._key, self._sent, text)
        self._sent += 1
        self._writer.write(b"%s %s\n" % (mark, text))

    async def receive(self) -> dict[str, Any]:
        """Give the next line.

        Raises
        ------
        BrokenLineError
            It is not signed by the other end, or not the next one.
        NoBrokerError
            The connection has ended.
        """
        line = await read_line(self._reader)
        mark, _, text = line.partition(b" ")
        if not hmac.compare_digest(mark, _mark(self._other_key, self._received, text)):
            msg = "a line is not signed with the common secret"
            raise BrokenLineError(msg)
        self._received += 1
        return as_object(text)

    async def aclose(self) -> None:
        """Close the connection; what was sent before still goes, for a while."""
        self._writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_CLOSING_S):
                await self._writer.wait_closed()

    def abort(self) -> None:
        """Close the connection at once."""
        self._writer.transport.abort()


async def read_line(reader: asyncio.StreamReader) -> bytes:
    """Read a line without its end.

    Raises
    ------
    NoBrokerError
        The connection has ended, or the line is too long.
    """
    try:
        line = await reader.readuntil(b"\n")
    except EOFError as error:
        msg = "the connection was closed"
        raise NoBrokerError(msg) from error
    except OSError as error:
        msg = f"the connection broke ({error.strerror or error})"
        raise NoBrokerError(msg) from error
    except asyncio.LimitOverrunError as error:
        msg = "a line is too long"
        raise NoBrokerError(msg) from error
    return line[:-1]


def as_object(text: bytes) -> dict[str, Any]:
    """Read an object of JSON.

    Raises
    ------
    NoBrokerError
        It is none.
    """
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        msg = "a line is not JSON"
        raise NoBrokerError(msg) from error
    if not isinstance(body, dict):
        msg = "a line is not an object of JSON"
        raise NoBrokerError(msg)
    return body


def _key(secret: str, end: str, nonces: str) -> bytes:
    return hmac.digest(secret.encode(), f"{end} {nonces}".encode(), "sha256")


def _mark(key: bytes, number: int, text: bytes) -> bytes:
    return hmac.digest(key, b"%d %s" % (number, text), "sha256").hex().encode()
