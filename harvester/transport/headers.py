"""Headers of requests: those that we set, those for one host only, the User-Agent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yarl import URL

from ..errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ApiToken", "kept", "user_agent", "without_personal", "without_type"]

#: Set by us or by aiohttp; a caller cannot set them.
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
#: Sent to the host that they are meant for, and to no other.
_PERSONAL = frozenset({"authorization", "proxy-authorization"})

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_TOKEN = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True, repr=False)
class ApiToken:
    """A secret for one host; no other host and no log gets it.

    It is added to a request just before sending, if the address matches: no redirect
    and no mirror can take it to another host.

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
        """Give the headers with the token for its own host; none for any other."""
        if url.origin() != URL(self.home).origin():
            return {}
        return {"Authorization": f"token {self._text}"}

    def __repr__(self) -> str:
        return f"ApiToken(home={self.home!r})"


def user_agent(version: str, contact: str) -> str:
    """Give the User-Agent: name, version and contact."""
    if not contact.isprintable():
        msg = f"contact {contact!r} must be one line of text"
        raise InputError(msg)
    return f"harvester/{version} (+{contact})" if contact else f"harvester/{version}"


def kept(headers: Mapping[str, str] | None) -> Mapping[str, str]:
    """Give the headers of a caller, without those that it cannot set."""
    return _without(headers or {}, _OURS)


def without_personal(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Give the headers that another host may see."""
    return _without(headers, _PERSONAL)


def without_type(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Give the headers of the GET that follows a form."""
    return _without(headers, frozenset({"content-type"}))


def _without(headers: Mapping[str, str], names: frozenset[str]) -> Mapping[str, str]:
    return {key: text for key, text in headers.items() if key.lower() not in names}
