"""What SkyServer answers, judged before astroquery sees it by what was asked for.

Its results page answers with status 200 whatever went wrong behind it: a table with
the one column ``error_message``, or a page. Some of them say that the service is in
trouble, some that it will not do this query; only the words tell which.
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

#: Words about a query, an upload or the limits of one; the service itself is well.
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

#: Words of a service in trouble, though they name SQL too.
_ABOUT_SERVICE = re.compile(
    r"network-related|establishing a connection|login failed|connection pool"
    r"|obtaining a connection|deadlock|maintenance|unavailable",
    re.IGNORECASE,
)

#: What a page says, without its tags and scripts; how much of it is looked at.
_TAG = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_LOOKED_AT = 20_000


def check_skyserver(
    reply: Reply, _asked: bytes = b"", *, header: Sequence[str] = ()
) -> None:
    """Refuse what SkyServer sends with status 200 although it is no answer.

    Parameters
    ----------
    header
        Columns of the table that was asked for, in their order; none: any will do.

    Raises
    ------
    OutageError
        An HTML page: its inner service is down, or it wants fewer queries.
    QueryRefusedError
        It does not do this query, or does not take this upload.
    TransientError
        The table was cut short, or is another one.
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
        _damaged(reply, "is no table of the columns that were asked for")


def _refuse_error(words: str) -> NoReturn:
    if "queries allowed per minute" in words:
        msg = f"SkyServer wants fewer queries: {words:.200}"
        raise OutageError("too_many_queries", msg)
    if _ABOUT_SERVICE.search(words):
        msg = f"SkyServer's database is in trouble: {words:.300}"
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
    # Every line of a table ends with a line feed, the last one too: without it rows
    # are missing, whose targets would be taken for those without a match.
    if not reply.body.endswith(b"\n"):
        _damaged(reply, "is a table that ends in the middle of a row")
    if not header:
        return
    _, *lines = reply.body.decode("utf-8", "replace").splitlines()
    names = [name.strip().lower() for name in lines[0].split(",")] if lines else []
    if names != [name.lower() for name in header]:
        shown_names = ",".join(names) or "no line of column names"
        _damaged(reply, f"has {shown_names:.200}, and {','.join(header)} was asked for")
    commas = len(header) - 1
    if any(line.count(",") != commas for line in lines[1:]):
        _damaged(reply, "has rows of another width than its header")


def _damaged(reply: Reply, what: str) -> NoReturn:
    raise TransientError("truncated", f"the table of {shown(reply.url)} {what}")
