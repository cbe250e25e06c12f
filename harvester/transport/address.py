"""Where a request may go: which hosts, over which scheme, at which addresses.

A harvester in a data centre is next to hosts that an archive must not be able to make
it ask: metadata services, databases, routers. So there are three checks, each of which
sees what the others cannot: the address that an archive redirects to, the answer of the
name server, and the socket just before it connects (a numeric address never reaches the
name server).
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp.abc import AbstractResolver
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from ..errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp.abc import ResolveResult

__all__ = [
    "BlockedAddressError",
    "Guard",
    "GuardedResolver",
    "Official",
    "is_public",
    "shown",
    "to_url",
]

#: Host of every bucket: under the other names of this domain anybody may own one.
_ALL_BUCKETS = "s3.amazonaws.com"

_TLS_PORT = 443

#: Such an address is sent as it is written; any other is percent-encoded first.
_WRITTEN_OUT = re.compile(r"[!-~]+")
_SECRET = re.compile(r"token|key|secret|password|signature|credential", re.IGNORECASE)
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f\\]")
#: These contain IPv4 addresses, which may be private.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")

_IPv6 = ipaddress.IPv6Address
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_AddressInfo = tuple[
    int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]
]


class BlockedAddressError(OSError):
    """A host has an address in a private network, where no archive is."""

    def __init__(self, host: str, address: str) -> None:
        super().__init__(
            f"{host} has the address {address}, which is private: the name server "
            "or the network here is not what it should be"
        )


def to_url(text: str) -> URL:
    """Read an address without changing how it is written, if it may be sent so."""
    try:
        url = URL(text, encoded=bool(_WRITTEN_OUT.fullmatch(text)))
        _place(url)  # a port that is none is noticed only when it is looked at
        # Host names are the same in any case, and compared in this one.
        return url.with_host(url.host.lower()) if url.host else url
    except ValueError as error:
        msg = f"not a valid address: {error}"
        raise PermanentError(reason="bad_url", message=msg) from error


def shown(url: URL | str) -> str:
    """Write an address for a message: without user, password, tokens, signatures."""
    url = URL(url)
    secret = {name: "…" for name in url.query if _SECRET.search(name)}
    return str(url.with_user(None).update_query(secret) if url.host else url)


@dataclass(frozen=True, slots=True)
class Official:
    """The archives' own places on the internet.

    Parameters
    ----------
    domains
        An archive may redirect to any host of its domains.
    buckets
        Public buckets of the archives at `s3.amazonaws.com`, and no others there.
    """

    domains: frozenset[str] = frozenset()
    buckets: frozenset[str] = frozenset()

    def __or__(self, other: Official) -> Official:
        return Official(self.domains | other.domains, self.buckets | other.buckets)

    def holds(self, url: URL) -> bool:
        """Whether an address is at one of these places, with TLS."""
        host = (url.host or "").lower()
        ours = host in self._bucket_hosts() or any(
            host == name or host.endswith(f".{name}") for name in self.domains
        )
        return ours and url.scheme == "https" and url.port == _TLS_PORT

    def is_other_bucket(self, url: URL) -> bool:
        """Whether an address is in a bucket that is none of these."""
        folders = url.path.split("/")
        is_ours = folders[1:2] and folders[1] in self.buckets and ".." not in folders
        return url.host == _ALL_BUCKETS and not is_ours

    def _bucket_hosts(self) -> set[str]:
        ends = ("s3.amazonaws.com", "s3.us-east-1.amazonaws.com")
        own = {f"{bucket}.{end}" for bucket in self.buckets for end in ends}
        return own | {_ALL_BUCKETS} if own else own


def is_public(address: str) -> bool:
    """Whether an IP address is one that a host on the open internet has."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return all(one.is_global and not one.is_multicast for one in (ip, *_inside(ip)))


def _inside(ip: _Address) -> list[_Address]:
    """IPv4 addresses that an IPv6 address leads to."""
    if not isinstance(ip, _IPv6):
        return []
    if ip in _NAT64_LOCAL:
        return [ipaddress.ip_address("127.0.0.1")]
    carried = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
    if ip in _NAT64:
        carried.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    return [one for one in carried if one is not None]


class Guard:
    """Knows which hosts may be asked, and which addresses may be connected to.

    Parameters
    ----------
    known
        The services' addresses; their hosts may be asked and redirected to.
    trusted
        Addresses that the user configured in place of the official ones: only
        these may be in a private network, on this machine, or without TLS.
    official
        Further places of the archives, which may be redirected to.
    """

    def __init__(
        self,
        known: Iterable[URL],
        trusted: Iterable[URL] = (),
        official: Official | None = None,
    ) -> None:
        self._official = official or Official()
        self._trusted = {_place(url) for url in trusted}
        self._known = {_place(url) for url in known} | self._trusted
        self._permitted: set[tuple[str, int]] = set()

    def follow(self, url: URL, location: str) -> URL:
        """Give the address that a reply from ``url`` sends us on to, if we may go.

        Raises
        ------
        PermanentError
            ``blocked_redirect``: another scheme, a user name, a host that is not
            the archives', or plain http where TLS is due.
        """
        if _UNPRINTABLE.search(location):
            raise _blocked(url, repr(location[:200]), "it is no proper address")
        try:
            target = url.join(to_url(location)).with_fragment(None)
        except PermanentError as error:
            raise _blocked(url, "nowhere", str(error)) from error
        problem = self._problem(target)
        if problem:
            raise _blocked(url, shown(target), problem)
        return target

    def admits(self, host: str, port: int, address: str) -> bool:
        """Whether an answer of the name server may be connected to."""
        if is_public(address):
            return True
        if (host.lower(), port) not in self._trusted:
            return False
        self._permitted.add((address, port))
        return True

    def open_socket(self, info: _AddressInfo) -> socket.socket:
        """Make the socket for an address, if it may be connected to."""
        family, kind, protocol, _, (address, port, *_) = info
        place = (address, port)
        if not is_public(address) and place not in self._trusted | self._permitted:
            raise BlockedAddressError(address, address)
        return socket.socket(family, kind, protocol)

    def _problem(self, url: URL) -> str:
        if url.scheme not in {"http", "https"} or not url.host:
            return "only http and https addresses are followed"
        if url.user is not None or url.password is not None:
            return "it holds a user name"
        if _place(url) in self._trusted:
            return ""
        if url.scheme != "https":
            return "it is not protected by TLS"
        is_known = _place(url) in self._known or self._official.holds(url)
        if is_known and not self._official.is_other_bucket(url):
            return ""
        return "it is not one of the archives' hosts, or not their bucket there"


class GuardedResolver(AbstractResolver):
    """Asks the name server, and drops addresses in private networks."""

    def __init__(self, guard: Guard, inner: AbstractResolver | None = None) -> None:
        self._guard = guard
        self._inner = inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Look a host up; addresses that it cannot have are left out."""
        answers = await self._inner.resolve(host, port, family)
        sound = [
            answer
            for answer in answers
            if self._guard.admits(host, port, answer["host"])
        ]
        if answers and not sound:
            raise BlockedAddressError(host, answers[0]["host"])
        return sound

    async def close(self) -> None:
        """Close the resolver that is asked."""
        await self._inner.close()


def _place(url: URL) -> tuple[str, int]:
    return (url.host or "").lower(), url.port or 0


def _blocked(url: URL, target: str, problem: str) -> PermanentError:
    msg = f"{shown(url)} redirects to {target}, which is not followed: {problem}"
    return PermanentError(reason="blocked_redirect", message=msg)
