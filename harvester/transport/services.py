"""The archives' services: the official address of each, and the one that is asked.

Archives, plans and stamps know official addresses only. A user who rehearses on the
sandbox, or uses a mirror, sets another address for a service. It replaces the official
one here, just before a request is sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from yarl import URL

from ..errors import PermanentError
from .address import Official, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .manners import Manners

__all__ = ["Directory", "Service"]

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Service:
    """One service of an archive: its addresses and its limits."""

    #: As ``--base-url`` spells it.
    name: str
    #: Its official address.
    base: str
    #: Where requests really go: ``base``, or what ``--base-url`` says.
    actual: str
    manners: Manners
    #: Seconds that it may take to begin its answer to a query; None: as for files.
    answer_s: float | None = None
    #: Where it may redirect to besides itself.
    official: Official = field(default_factory=Official)
    #: What a user may try if it refuses everything.
    remedies: tuple[str, ...] = ()
    #: Addresses of mirrors that are asked before ``actual``, in this order.
    mirrors: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """The host that is really asked, as throttle, ledger and messages name it.

        Where it stands in for the archive's host the path is added: one host may stand
        in for several services.
        """
        url = URL(self.actual)
        host = url.host_port_subcomponent or self.actual
        return host if not self.is_elsewhere else f"{host}{url.path.rstrip('/')}"

    @property
    def is_elsewhere(self) -> bool:
        """Whether the user sent it to a place of their own, such as the sandbox."""
        return self.actual != self.base or URL(self.actual).scheme != "https"


class Directory:
    """Finds the service for an address, and the address for a service."""

    def __init__(self, services: Sequence[Service]) -> None:
        #: Each service, and each of its mirrors as one with a host of its own.
        self.services = tuple(
            one for service in services for one in (service, *_mirrors(service))
        )

    def to_actual(self, url: URL) -> URL:
        """Give the address that is really asked; plain http becomes the service's."""
        if self.find(url) is not None:
            return url
        service = self._official(url)
        return url if service is None else _moved(url, service.base, service.actual)

    def mirrors(self, url: URL) -> list[URL]:
        """Give the addresses of mirrors that are asked before an official one."""
        service = self._official(url)
        if service is None:
            return []
        return [_moved(url, service.base, mirror) for mirror in service.mirrors]

    def _official(self, url: URL) -> Service | None:
        """Find the service at an official address."""
        there = [one for one in self.services if _place(URL(one.base)) == _place(url)]
        return max(there, key=lambda one: _depth(URL(one.base), url), default=None)

    def find(self, url: URL) -> Service | None:
        """Find the service at an actual address; of several there, the closest."""
        there = [
            service
            for service in self.services
            if url.absolute and URL(service.actual).origin() == url.origin()
        ]
        return max(there, key=lambda one: _depth(URL(one.actual), url), default=None)

    def service_of(self, url: URL) -> Service:
        """Find the service at an actual address, which must be one of ours."""
        service = self.find(url)
        if service is None:
            msg = f"{shown(url)}: no service is known at this host, so it is not asked"
            raise PermanentError(reason="unknown_host", message=msg)
        return service


def _mirrors(service: Service) -> list[Service]:
    return [
        replace(service, base=mirror, actual=mirror, mirrors=())
        for mirror in service.mirrors
    ]


def _moved(url: URL, base: str, actual: str) -> URL:
    rest = url.raw_path_qs[max(0, _depth(URL(base), url)) :]
    return URL(f"{actual.rstrip('/')}{rest}", encoded=True)


def _place(url: URL) -> tuple[str | None, int | None]:
    """Give host and port; the default ports of http and https count as one."""
    is_default = url.port == _DEFAULT_PORTS.get(url.scheme)
    return url.host, None if is_default else url.port


def _depth(base: URL, url: URL) -> int:
    """Length of the path of ``base`` if ``url`` lies below it, else -1."""
    path = base.raw_path.rstrip("/")
    inside = url.raw_path == path or url.raw_path.startswith(f"{path}/")
    return len(path) if inside else -1
