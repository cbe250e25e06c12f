"""Headers of requests: which are ours, which are for one host only, who asks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yarl import URL

from ..errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ApiToken", "kept", "user_agent", "without_personal", "without_type"]

#: These are ours or aiohttp's to set; a caller's are not sent.
_OURS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "cookie",
        "host",
        "transfer-encoding",
        "user-agent",
    }
)
#: These are for the host that they were meant for, and no other.
_PERSONAL = frozenset({"authorization", "proxy-authorization"})

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_TOKEN = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True, repr=False)
class ApiToken:
    """A secret that is shown to one host and to nobody else, readers of logs included.

    It is put on a request just before that is sent, by its address: no redirect and
    no mirror can take it elsewhere.

    Raises
    ------
    InputError
        It is no token, or its host is neither asked by TLS nor on this machine.
    """

    _text: str
    #: The address of the host.
    home: str
    #: The environment variable that it is from, for messages.
    variable: str

    def __post_init__(self) -> None:
        if not _TOKEN.fullmatch(self._text):
            msg = (
                f"the token in {self.variable} is empty, or holds blanks or odd "
                "characters"
            )
            raise InputError(msg)
        url = URL(self.home)
        if url.scheme != "https" and url.host not in _LOOPBACK:
            msg = (
                f"the token in {self.variable} is not sent to {self.home}, which has "
                "no TLS"
            )
            raise InputError(msg)

    def headers_for(self, url: URL) -> dict[str, str]:
        """Give what a request to this address carries of it: nothing, but at home."""
        if url.origin() != URL(self.home).origin():
            return {}
        return {"Authorization": f"token {self._text}"}

    def __repr__(self) -> str:
        return f"ApiToken(home={self.home!r})"


def user_agent(version: str, contact: str) -> str:
    """Say who asks, and how that person can be reached."""
    if not contact.isprintable():
        msg = f"contact {contact!r} must be one line of text"
        raise InputError(msg)
    return f"harvester/{version} (+{contact})" if contact else f"harvester/{version}"


def kept(headers: Mapping[str, str] | None) -> Mapping[str, str]:
    """Give what a caller may add."""
    return _without(headers or {}, _OURS)


def without_personal(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Give what another host may see as well."""
    return _without(headers, _PERSONAL)


def without_type(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Give what stays when a form is not sent again."""
    return _without(headers, frozenset({"content-type"}))


def _without(headers: Mapping[str, str], names: frozenset[str]) -> Mapping[str, str]:
    return {key: text for key, text in headers.items() if key.lower() not in names}
