"""What a broker grants, and to whom: asked by a client that sends nothing."""

from __future__ import annotations

import asyncio
import os
import socket
import uuid
from typing import TYPE_CHECKING, Any

from ...events import counted, duration_words
from .greeting import ClientFacts, greet_broker
from .signed_lines import NoBrokerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .address import BrokerAddress

__all__ = ["ask_overview", "overview_words"]

#: Seconds for the answer.
_ANSWER_S = 10.0


async def ask_overview(address: BrokerAddress) -> dict[str, Any]:
    """Ask a broker for its clients and hosts.

    Raises
    ------
    NoBrokerError
        It cannot be reached, or does not answer.
    InputError
        It refuses the secret, or is of another version.
    """
    name = socket.gethostname()
    facts = ClientFacts(uuid.uuid4().hex, name, os.getpid(), "harvester broker --show")
    lines, _ = await greet_broker(address, facts)
    try:
        async with asyncio.timeout(_ANSWER_S):
            lines.send({"do": "status", "id": 1})
            state = await lines.receive()
            lines.send({"do": "bye"})
    except TimeoutError as error:
        msg = "it does not answer"
        raise NoBrokerError(msg) from error
    finally:
        await lines.aclose()
    own = facts.client
    clients = [one for one in state["clients"] if one["client"] != own]
    return {"lease_s": state["lease_s"], "clients": clients, "hosts": state["hosts"]}


def overview_words(state: dict[str, Any]) -> str:
    """Say what `ask_overview` gave, in lines for a terminal."""
    return "\n".join([*_client_lines(state), *_host_lines(state)])


def _client_lines(state: dict[str, Any]) -> Iterator[str]:
    yield f"{counted(len(state['clients']), 'client')}:"
    for one in state["clients"]:
        held = [
            f"{number} {kind} at {host['host']}"
            for host in state["hosts"]
            for kind, number in host["by_client"].get(one["client"], {}).items()
            if number
        ]
        lost_s = one["lost_s"]
        lost = "" if lost_s is None else f", lost {duration_words(lost_s)} ago"
        holds = f"under way: {', '.join(held)}" if held else "nothing under way"
        since = duration_words(one["for_s"])
        yield f"  {one['machine']} pid {one['pid']}, here for {since}{lost}; {holds}"
        yield f"    {one['run']}"


def _host_lines(state: dict[str, Any]) -> Iterator[str]:
    for one in state["hosts"]:
        busy = ", ".join(f"{n} {kind}" for kind, n in one["under_way"].items() if n)
        cooling_s = one["cooling_s"]
        cools = f"; cooling down for {cooling_s:.0f} s" if cooling_s else ""
        yield (
            f"{one['host']}: {one['requests_per_s']:.2f} requests/s permitted in the "
            f"last minute, under way: {busy or 'nothing'}{cools}"
        )
