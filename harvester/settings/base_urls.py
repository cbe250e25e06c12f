"""Addresses of services that the user gives in place of the archives' own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["checked_base_url", "same_base_urls"]

_WITH_USER = re.compile(r"\s*([a-z0-9+.-]*:)?(//)?[^/?#]*@", re.IGNORECASE)
#: A host as it may stand in an address: a name, or an IPv6 address (in brackets).
_HOST = re.compile(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?\.?|[0-9a-f:.]*:[0-9a-f:.]*")
_REMEDY = "write it like https://archive.example.org or http://127.0.0.1:8080"


def checked_base_url(text: str) -> str:
    """Give an address as it was written, if a service can be asked there.

    Raises
    ------
    ValueError
        It is no address of a service; the message says why and shows no password.
    """
    if not text:
        return text
    if _WITH_USER.match(text):
        # It would be sent, and kept in harvest.toml beside the data set.
        msg = "an address may hold no user name or password (user:password@host)"
        raise ValueError(msg)
    problem = _problem(text)
    if problem:
        msg = f"{text!r} is no address of a service: {problem}; {_REMEDY}"
        raise ValueError(msg)
    return text


def _problem(text: str) -> str:
    if any(mark.isspace() or not mark.isprintable() for mark in text):
        return "it holds blanks"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        return str(error)
    if parts.scheme not in {"http", "https"}:
        return "it does not begin with http:// or https://"
    if not _HOST.fullmatch(parts.hostname or ""):
        return "it names no host"
    if port == 0:
        return "port 0 cannot be asked"
    return _rest_problem(text, parts)


def _rest_problem(text: str, parts: SplitResult) -> str:
    if parts.netloc.endswith(":"):
        return "the port is missing behind its colon"
    if "?" in text or "#" in text:
        return "a question mark or # cannot stand in it"
    return ""


def same_base_urls(urls: Iterable[tuple[str, str]]) -> tuple[str, str, str] | None:
    """Give two services that were given one address, and the address; None if none.

    ``urls`` are services with an address each.

    Each service answers requests of its own, so one of the two would refuse the
    other's, and galaxies would pay for a typing error.
    """
    seen: dict[str, str] = {}
    for name, url in urls:
        place = url.rstrip("/").lower()
        if place and seen.setdefault(place, name) != name:
            return seen[place], name, url
    return None
