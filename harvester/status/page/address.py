"""The address on which the page is served, and the names by which it may be called."""

from __future__ import annotations

import ipaddress
import socket
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from ...errors import InputError

__all__ = ["ListenAddress", "is_own_name"]

#: The largest number of a port.
_LAST_PORT = 65_535


class ListenAddress(NamedTuple):
    """An IP address of this machine and a port; port 0 takes a free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``127.0.0.1:8765``, ``[::1]:8765``, ``localhost:8765`` or ``:8765``.

        Raises
        ------
        InputError
            It is no address with a port.
        """
        host, colon, port = text.strip().rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        host = {"": "127.0.0.1", "localhost": "127.0.0.1"}.get(host, host)
        is_port = port.isascii() and port.isdigit() and int(port) <= _LAST_PORT
        if not colon or not is_port or not _is_ip(host):
            msg = (
                f"--listen {text!r} is no address with a port. Write it as "
                "127.0.0.1:8765; 0.0.0.0:8765 for all addresses of this machine"
            )
            raise InputError(msg)
        return cls(host, int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only programs on this machine can reach it."""
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def url(self) -> str:
        """The address that a browser on this machine opens."""
        address = ipaddress.ip_address(self.host)
        host = "127.0.0.1" if address.is_unspecified else self.host
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{self.port}/"

    def warning(self, *, controls: bool = False) -> str:
        """Tell who else can read the page; empty for a loopback address.

        ``controls``: whether the page may control harvests, with a token.
        """
        if self.is_loopback:
            return ""
        token = " The token is sent in clear text." if controls else ""
        return (
            f"The status page on {self.host}:{self.port} has no password and no "
            f"encryption: everyone who can reach this machine can read it.{token} For "
            "yourself alone, listen on 127.0.0.1 and use "
            f"`ssh -L {self.port}:127.0.0.1:{self.port} THIS-MACHINE`."
        )


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_own_name(header: str) -> bool:
    """Tell whether a ``Host`` header names this machine.

    A page of another site can give its own name the address of this machine ("DNS
    rebinding"), and so read what is served here. Such a request names that site: only
    IP addresses and the names of this machine are accepted.
    """
    try:
        name = urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return False
    own = {"localhost", socket.gethostname().lower()}
    return name in own or _is_ip(name)
