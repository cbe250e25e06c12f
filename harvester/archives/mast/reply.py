"""Checks replies of MAST before astroquery reads them.

MAST uses status 200 also if it is down, busy or still running a query. A list that was
cut looks like a shorter list. So everything in a reply that can be compared with the
request is checked.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NoReturn, TypeGuard
from urllib.parse import unquote

from ...errors import OutageError, QueryRefusedError, TransientError
from ...transport.address import shown
from ..bridge import json_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...transport.transport import Reply

__all__ = ["check_mast"]

#: Database errors that the query itself causes, not the load of the server.
_REFUSED = re.compile(
    r"invalid (object|column) name|incorrect syntax|error converting data type"
    r"|does not exist",
    re.IGNORECASE,
)

#: Columns that the rows of a service must have.
_NEEDED = {
    "Mast.Caom.Filtered": (
        *("obsid", "obs_id", "filters", "instrument_name", "dataURL", "dataRights"),
        *("s_ra", "s_dec", "s_region", "t_exptime"),
    ),
    "Mast.Caom.Products": ("obs_collection", "dataURI"),
}

#: Beginnings of the bodies of the two kinds of requests.
_COLUMNS, _QUERY = b"colConfigId=", b"request="


def check_mast(reply: Reply, asked: bytes = b"") -> Any:  # noqa: ANN401 - JSON
    """Parse a reply with status 200; raise an error if it is not an answer.

    Parameters
    ----------
    asked
        Body of the request; without it only general errors are detected.

    Raises
    ------
    OutageError
        The reply is an HTML page instead of JSON.
    TransientError
        The reply reports an error of the server, or is damaged JSON; or it does not fit
        the request: it lacks columns, or is another page or a part of a page.
    QueryRefusedError
        The database refuses this query.
    """
    start = reply.body[:100].lstrip()[:1]
    if start not in {b"{", b"["}:
        words = reply.body[:200].decode("utf-8", "replace")
        msg = f"{shown(reply.url)} answered with a page, not with JSON: {words}"
        raise OutageError("html", msg)
    parsed = json_of(reply)
    if parsed.get("status") == "ERROR":
        _refuse_error(str(parsed.get("msg", "ERROR")))
    if parsed.get("status") == "EXECUTING" and asked.startswith(_QUERY):
        return parsed
    if asked.startswith(_COLUMNS):
        _check_columns(reply, parsed, is_filtered=b"Products" not in asked)
    elif asked.startswith(_QUERY):
        query = json.loads(unquote(asked.removeprefix(_QUERY).decode()))
        _check_table(reply, parsed, query)
        _check_page(reply, parsed, page=query["page"], size=query["pagesize"])
    return parsed


def _refuse_error(words: str) -> NoReturn:
    msg = f"MAST says: {words:.300}"
    if _REFUSED.search(words):
        raise QueryRefusedError(msg)
    raise TransientError("mast_error", msg)


def _check_columns(
    reply: Reply, parsed: Mapping[str, Any], *, is_filtered: bool
) -> None:
    """Refuse a description of columns that is empty or lacks a needed column."""
    if not parsed or not all(isinstance(column, dict) for column in parsed.values()):
        _refuse(reply, "does not describe columns")
    # For products astroquery only uses the placeholder of missing values.
    if is_filtered and "obs_collection" not in parsed:
        _refuse(reply, "does not describe the columns of observations")


def _check_table(
    reply: Reply, parsed: Mapping[str, Any], query: Mapping[str, Any]
) -> None:
    match parsed:
        case {"status": "COMPLETE", "data": [*rows], "fields": [*fields]}:
            pass
        case _:
            _refuse(reply, "is not a table")
    if not all(isinstance(row, dict) for row in rows):
        _refuse(reply, "has malformed rows")
    for field in fields:
        match field:
            case {"name": str(), "type": str()}:
                pass
            case _:
                _refuse(reply, "has columns without a name or type")
    named = {field["name"] for field in fields}
    needed = _NEEDED.get(str(query.get("service")), ())
    is_count = (query.get("params") or {}).get("columns") == "COUNT_BIG(*)"
    lacking = [name for name in needed if name not in named]
    if rows and (not fields or (lacking and not is_count)):
        _refuse(reply, f"lacks the columns {', '.join(lacking)}")


def _check_page(
    reply: Reply, parsed: Mapping[str, Any], *, page: int, size: int
) -> None:
    """Refuse another page than the requested one, or a part of it."""
    paging, rows = parsed.get("paging"), len(parsed["data"])
    if not isinstance(paging, dict):
        _refuse(reply, "does not tell which page of a table it is")
    number, pages = paging.get("page"), paging.get("pagesFiltered")
    if number != page or not _is_count(pages):
        _refuse(reply, f"is page {number!r} of {pages!r} instead of page {page}")
    if paging.get("rows", rows) != rows:
        _refuse(reply, f"has {rows} rows but states {paging['rows']!r}")
    total = paging.get("rowsFiltered", paging.get("rowsTotal"))
    if not _is_count(total):
        return
    size = paging["pageSize"] if _is_count(paging.get("pageSize")) else size
    due = max(0, min(size, total - size * (page - 1)))
    if rows != due:
        _refuse(reply, f"has {rows} rows on page {page} instead of {due} (of {total})")
    if total > size * max(pages, 1):
        _refuse(reply, f"has {total} rows in {pages} pages of {size}")


def _is_count(number: object) -> TypeGuard[int]:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 0


def _refuse(reply: Reply, what: str) -> NoReturn:
    msg = f"the reply from {shown(reply.url)} {what}"
    raise TransientError("bad_answer", msg)
