"""The address of the webhook: where it is read, and where it may not lead.

It may hold a secret, so no message quotes it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from ..errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["checked_webhook", "read_webhook", "refuse_archive"]


def checked_webhook(text: str) -> str:
    """Return an address unchanged, if messages can be posted to it.

    Raises
    ------
    ValueError
        They cannot.
    """
    if text:
        _parts(text)
    return text


def _parts(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        # Without its words, which quote parts of the address.
        parts = None
    if (
        parts is None
        or parts.scheme not in {"http", "https"}
        or not parts.hostname
        or not all("!" <= mark <= "~" for mark in text)
    ):
        msg = "not a web address such as https://example.org/hook (its text is hidden)"
        raise ValueError(msg)
    return parts


def read_webhook(text: str, file: str) -> str:
    """Return the address that was set, or that of the file; empty if there is none.

    Raises
    ------
    InputError
        The file cannot be read, or has no such address; or both were given.
    """
    if not file:
        return text
    if text:
        msg = "notify.webhook and notify.webhook_file are both set: give one of them."
        raise InputError(msg)
    try:
        return checked_webhook(Path(file).read_text(encoding="utf-8").strip())
    except OSError as error:
        msg = f"notify.webhook_file: {file} cannot be read: {error.strerror}."
        raise InputError(msg) from error
    except ValueError as error:
        msg = f"notify.webhook_file: {file} holds {error}."
        raise InputError(msg) from None


def refuse_archive(
    webhook: str, addresses: Iterable[str], domains: Iterable[str]
) -> None:
    """Refuse to post messages to an archive.

    Parameters
    ----------
    addresses
        Addresses of the services that a harvest asks.
    domains
        Domains of the archives.

    Raises
    ------
    InputError
        The address is at one of these.
    """
    parts = _parts(webhook)
    host = (parts.hostname or "").lower()
    is_theirs = any(host == one or host.endswith(f".{one}") for one in domains)
    if is_theirs or parts.netloc in {urlsplit(one).netloc for one in addresses}:
        msg = (
            f"notify.webhook is at {host}, which is an archive: messages are only sent "
            "to a service of yours."
        )
        raise InputError(msg)
