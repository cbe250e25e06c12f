"""What MAST answers, judged before astroquery sees it by what was asked for.

MAST says with status 200 that it is down, busy, or still at work, and a list that
lacks its end looks like a shorter list. Nothing here is taken for an answer unless it
has the shape of one wherever that can be told.
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

#: Errors that the database has with the query itself, and not with its own load.
_REFUSED = re.compile(
    r"invalid (object|column) name|incorrect syntax|error converting data type"
    r"|does not exist|has to be a number",
    re.IGNORECASE,
)

#: Columns without which a row of a service says nothing to us.
_NEEDED = {
    "Mast.Caom.Filtered": (
        *("obsid", "obs_id", "filters", "instrument_name", "dataURL", "dataRights"),
        *("s_ra", "s_dec", "s_region", "t_exptime"),
    ),
    "Mast.Caom.Products": ("obs_collection", "dataURI"),
}

#: How the bodies of the two kinds of requests begin.
_COLUMNS, _QUERY = b"colConfigId=", b"request="


def check_mast(reply: Reply, asked: bytes = b"") -> Any:  # noqa: ANN401 - JSON
    """Refuse what MAST sends with status 200 although it is no answer; give its JSON.

    Parameters
    ----------
    asked
        Body of the request; without it only what is no answer to anything is refused.

    Raises
    ------
    OutageError
        A page instead of JSON.
    TransientError
        An error of the server's own, JSON that came damaged or is not of the shape
        that was asked for, or another page of a list than the one that was asked for.
    QueryRefusedError
        The database does not do this query.
    """
    start = reply.body[:100].lstrip()[:1]
    if start not in {b"{", b"["}:
        words = reply.body[:200].decode("utf-8", "replace")
        msg = f"{shown(reply.url)} answered with a page, not with JSON: {words}"
        raise OutageError("html", msg)
    told = json_of(reply)
    if told.get("status") == "ERROR":
        _refuse_error(str(told.get("msg", "ERROR")))
    if told.get("status") == "EXECUTING" and asked.startswith(_QUERY):
        return told
    if asked.startswith(_COLUMNS):
        _check_columns(reply, told, is_filtered=b"Products" not in asked)
    elif asked.startswith(_QUERY):
        query = json.loads(unquote(asked.removeprefix(_QUERY).decode()))
        _check_table(reply, told, query)
        _check_page(reply, told, page=query["page"], size=query["pagesize"])
    return told


def _refuse_error(words: str) -> NoReturn:
    msg = f"MAST says: {words:.300}"
    if _REFUSED.search(words):
        raise QueryRefusedError(msg)
    raise TransientError("mast_error", msg)


def _check_columns(reply: Reply, told: Mapping[str, Any], *, is_filtered: bool) -> None:
    """Refuse a description of columns that describes none."""
    if not told or not all(isinstance(column, dict) for column in told.values()):
        _refuse(reply, "does not describe columns")
    # Of products astroquery wants no more than what stands for a missing value.
    if is_filtered and "obs_collection" not in told:
        _refuse(reply, "does not describe the columns of observations")


def _check_table(
    reply: Reply, told: Mapping[str, Any], query: Mapping[str, Any]
) -> None:
    match told:
        case {"status": "COMPLETE", "data": [*rows], "fields": [*fields]}:
            pass
        case _:
            _refuse(reply, "is no table")
    if not all(isinstance(row, dict) for row in rows):
        _refuse(reply, "has rows that are none")
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


def _check_page(reply: Reply, told: Mapping[str, Any], *, page: int, size: int) -> None:
    """Refuse another page than the one that was asked for, or a part of it."""
    paging, rows = told.get("paging"), len(told["data"])
    if not isinstance(paging, dict):
        _refuse(reply, "does not tell which page of a table it is")
    number, pages = paging.get("page"), paging.get("pagesFiltered")
    if number != page or not _is_count(pages):
        _refuse(reply, f"is page {number!r} of {pages!r}, and page {page} was asked")
    if paging.get("rows", rows) != rows:
        _refuse(reply, f"has {rows} rows and says that it has {paging['rows']!r}")
    total = paging.get("rowsFiltered", paging.get("rowsTotal"))
    if not _is_count(total):
        return
    size = paging["pageSize"] if _is_count(paging.get("pageSize")) else size
    due = max(0, min(size, total - size * (page - 1)))
    if rows != due:
        _refuse(reply, f"has {rows} rows on page {page}; of {total}, {due} are due")
    if total > size * max(pages, 1):
        _refuse(reply, f"has {total} rows in {pages} pages of {size}")


def _is_count(number: object) -> TypeGuard[int]:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 0


def _refuse(reply: Reply, what: str) -> NoReturn:
    msg = f"the answer of {shown(reply.url)} {what}"
    raise TransientError("bad_answer", msg)
