"""Checks replies of SkyServer before astroquery reads them.

SkyServer reports errors with status 200: as a table with the single column
``error_message``, or as an HTML page. The error may concern the whole service or only
this query; only its text tells which.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

from ...errors import OutageError, QueryRefusedError, TransientError
from ...transport.address import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...transport.transport import Reply

__all__ = ["check_skyserver"]

#: Errors that concern a query, an upload or their limits; the service itself works.
_ABOUT_QUERY = re.compile(
    r"sql error|sqlexception|invalid (object|column) name|incorrect syntax"
    r"|only select statements|not able to parse|cannot be parsed|could not be parsed"
    r"|first line must|string or binary data|error converting|conversion failed"
    r"|arithmetic overflow|radius:|limit is\b|row limit|time limit|limited to \d"
    r"|(more|larger|greater) than (the )?(limit|maximum|\d+)|exceed\w* the (max|limit)"
    r"|execution timeout|query timed? ?out|invalid parameter|argumentexception"
    r"|maximum number of (rows|lines)|request is too (long|large)",
    re.IGNORECASE,
)

#: Errors of the service itself; some of these texts name SQL too.
_ABOUT_SERVICE = re.compile(
    r"network-related|establishing a connection|login failed|connection pool"
    r"|obtaining a connection|deadlock|maintenance|unavailable",
    re.IGNORECASE,
)

#: Tags and scripts, which are removed from a page; and bytes of a reply that are read.
_TAG = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_LOOKED_AT = 20_000


def check_skyserver(
    reply: Reply, _asked: bytes = b"", *, header: Sequence[str] = ()
) -> None:
    """Raise an error for replies with status 200 that are not answers.

    Parameters
    ----------
    header
        Columns of the requested table, in their order; empty: not checked.

    Raises
    ------
    OutageError
        An HTML page: SkyServer's database is down, or SkyServer asks for fewer queries.
    QueryRefusedError
        SkyServer refuses this query or upload.
    TransientError
        The table was cut short, or does not have the requested columns.
    """
    start = reply.body[:_LOOKED_AT].lstrip()
    words = start.decode("utf-8", "replace")
    if b"error_message" in start[:4096]:
        _refuse_error(words)
    if not start.startswith((b"#Table1", b"[")):
        _refuse_page(reply, words)
    if start.startswith(b"#Table1"):
        _check_table(reply, header)
    elif header:
        _damaged(reply, "does not have the requested columns")


def _refuse_error(words: str) -> NoReturn:
    if "queries allowed per minute" in words:
        msg = f"SkyServer asks for fewer queries: {words:.200}"
        raise OutageError("too_many_queries", msg)
    if _ABOUT_SERVICE.search(words):
        msg = f"SkyServer's database has an outage: {words:.300}"
        raise OutageError("no_database", msg)
    msg = f"SkyServer refused the query: {words:.300}"
    raise QueryRefusedError(msg)


def _refuse_page(reply: Reply, page: str) -> NoReturn:
    words = " ".join(_TAG.sub(" ", page).split())
    if _ABOUT_QUERY.search(words) and not _ABOUT_SERVICE.search(words):
        msg = f"SkyServer refused the query with a page: {words:.300}"
        raise QueryRefusedError(msg)
    msg = f"{shown(reply.url)} answered with a page, not a table: {page:.200}"
    raise OutageError("html", msg)


def _check_table(reply: Reply, header: Sequence[str]) -> None:
    # Every line of a table ends with a line feed, also the last. If that is missing,
    # rows were lost, and their targets would count as without a match.
    if not reply.body.endswith(b"\n"):
        _damaged(reply, "ends in the middle of a row")
    if not header:
        return
    _, *lines = reply.body.decode("utf-8", "replace").splitlines()
    names = [name.strip().lower() for name in lines[0].split(",")] if lines else []
    if names != [name.lower() for name in header]:
        shown_names = ",".join(names) or "(none)"
        _damaged(
            reply, f"has the columns {shown_names:.200} instead of {','.join(header)}"
        )
    commas = len(header) - 1
    if any(line.count(",") != commas for line in lines[1:]):
        _damaged(reply, "has rows with more or fewer cells than its header")


def _damaged(reply: Reply, what: str) -> NoReturn:
    raise TransientError("truncated", f"the table from {shown(reply.url)} {what}")
