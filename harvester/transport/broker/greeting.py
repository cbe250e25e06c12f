"""How a connection begins: both ends prove that they know the secret.

::

    broker   {"harvester-broker": 1, "nonce": "..."}
    client   {"harvester-broker": 1, "nonce": "..."}
    client   <signed> {"client": ..., "machine": ..., "pid": ..., "run": ...}
    broker   <signed> {"lease_s": 30.0}        or {"error": "..."} and the end

The secret is not sent. The keys of the signatures are made of it and both nonces: only
an end that knows the secret can sign a line of this connection.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ...errors import InputError
from .signed_lines import (
    LONGEST,
    BrokenLineError,
    NoBrokerError,
    SignedLines,
    as_object,
    new_nonce,
    read_line,
)

if TYPE_CHECKING:
    from .address import BrokerAddress

__all__ = ["GREETING_S", "PROTOCOL", "ClientFacts", "greet_broker", "greet_client"]

#: Changes with the messages.
PROTOCOL = 1

#: Seconds in which a connection must be made and both ends have proved themselves.
GREETING_S = 10.0

_NAME = "harvester-broker"

#: Characters of what a client says of itself.
_LONGEST_NAME = 300

#: The number of a client, which stands in the accounts.
_CLIENT = re.compile(r"[0-9a-f]{32}")

_REFUSED = (
    "the secret is not that of the broker. Use the address file that the broker writes "
    "(harvester broker --address-file), or give both the same HARVESTER_BROKER_SECRET"
)


@dataclass(frozen=True, slots=True)
class ClientFacts:
    """Who asks: shown by the broker, but for the number that tells it from others."""

    #: A random number of this client, the same after a broken connection.
    client: str
    machine: str
    pid: int
    #: The folder of its harvest; empty: it has none.
    run: str = ""

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> ClientFacts:
        """Read them from a message.

        Raises
        ------
        NoBrokerError
            Something is missing.
        """
        try:
            client, machine, run = (
                str(body[key])[:_LONGEST_NAME] for key in ("client", "machine", "run")
            )
            if not _CLIENT.fullmatch(client):
                msg = "the client has no number"
                raise NoBrokerError(msg)
            return cls(client, machine, int(body["pid"]), run)
        except (KeyError, TypeError, ValueError) as error:
            msg = "the client does not say who it is"
            raise NoBrokerError(msg) from error

    @property
    def words(self) -> str:
        """Name it in a message."""
        run = f", {self.run}" if self.run else ""
        return f"{self.machine} (pid {self.pid}{run})"


async def greet_broker(
    address: BrokerAddress, facts: ClientFacts
) -> tuple[SignedLines, float]:
    """Connect to a broker; give the connection and the seconds of a lease.

    Raises
    ------
    NoBrokerError
        It cannot be reached, or is no broker.
    InputError
        It refuses the secret, or is of another version.
    """
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(GREETING_S):
            reader, writer = await asyncio.open_connection(
                address.host, address.port, limit=LONGEST
            )
            return await _introduce(reader, writer, address.secret, facts)
    except BaseException as error:
        if writer is not None:
            writer.transport.abort()
        if isinstance(error, TimeoutError):
            msg = "it does not answer"
            raise NoBrokerError(msg) from error
        if isinstance(error, OSError):
            msg = _short(error)
            raise NoBrokerError(msg) from error
        raise


async def _introduce(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    secret: str,
    facts: ClientFacts,
) -> tuple[SignedLines, float]:
    theirs = _protocol(await _plain(reader), "broker")
    nonce = new_nonce()
    _say(writer, {_NAME: PROTOCOL, "nonce": nonce})
    lines = SignedLines(
        *(reader, writer, secret), mine="client", other="broker", nonces=theirs + nonce
    )
    lines.send(asdict(facts))
    try:
        welcome = await lines.receive()
        return lines, float(welcome["lease_s"])
    except BrokenLineError as error:
        # It has refused the secret, or does not know it itself.
        raise InputError(_REFUSED) from error
    except (KeyError, TypeError, ValueError) as error:
        msg = "it does not tell its leases"
        raise NoBrokerError(msg) from error


async def greet_client(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    secret: str,
    lease_s: float,
) -> tuple[SignedLines, ClientFacts]:
    """Find out who has connected, at the broker.

    Raises
    ------
    NoBrokerError
        It does not know the secret, speaks another version, or is no client.
    """
    nonce = new_nonce()
    _say(writer, {_NAME: PROTOCOL, "nonce": nonce})
    try:
        async with asyncio.timeout(GREETING_S):
            theirs = _protocol(await _plain(reader), "client")
            lines = SignedLines(
                *(reader, writer, secret),
                mine="broker",
                other="client",
                nonces=nonce + theirs,
            )
            facts = ClientFacts.from_json(await lines.receive())
    except TimeoutError as error:
        msg = "it does not say who it is"
        raise NoBrokerError(msg) from error
    except BrokenLineError as error:
        _say(writer, {"error": _REFUSED})
        msg = "it does not know the secret"
        raise NoBrokerError(msg) from error
    except InputError as error:
        _say(writer, {"error": str(error)})
        msg = str(error)
        raise NoBrokerError(msg) from error
    lines.send({"lease_s": lease_s})
    return lines, facts


def _say(writer: asyncio.StreamWriter, body: dict[str, Any]) -> None:
    writer.write(json.dumps(body).encode() + b"\n")


async def _plain(reader: asyncio.StreamReader) -> dict[str, Any]:
    try:
        return as_object(await read_line(reader))
    except NoBrokerError as error:
        msg = f"it is no broker of the harvester: {error}"
        raise NoBrokerError(msg) from error


def _protocol(body: dict[str, Any], end: str) -> str:
    """Check the first line of the other end; give its nonce."""
    version, nonce = body.get(_NAME), body.get("nonce")
    if version is None or not isinstance(nonce, str):
        msg = "it is no broker of the harvester"
        raise NoBrokerError(msg)
    if version != PROTOCOL:
        msg = (
            f"the {end} speaks version {version!s:.20} of the broker's protocol, and "
            f"this program version {PROTOCOL}: use one version of the harvester on "
            "all machines"
        )
        raise InputError(msg)
    return nonce


def _short(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    return error.strerror or str(error)
