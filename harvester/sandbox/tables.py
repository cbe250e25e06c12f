"""SkyServer's CSV and JSON formats of a table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .skyserver_sql import Table, Value

__all__ = ["to_csv", "to_json"]

#: Significant digits of each floating-point type.
_DIGITS = {"float": 15, "real": 7}


def to_csv(table: Table) -> str:
    """Write ``#Table1``, the header and the rows; a table may have no rows."""
    lines = ["#Table1", ",".join(table.names)]
    for row in table.rows:
        cells = [_cell(*pair) for pair in zip(row, table.types, strict=True)]
        lines.append(",".join(cells))
    return "\n".join(lines) + "\n"


def _cell(value: Value, kind: str) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return format(value, f".{_DIGITS.get(kind, 15)}g")
    text = str(value)
    return f'"{text}"' if "," in text else text


def to_json(table: Table, statement: str) -> str:
    """Write two tables: the result, and the statement."""
    rows = [dict(zip(table.names, row, strict=True)) for row in table.rows]
    tables = [
        {"TableName": "Table1", "Rows": rows},
        {"TableName": "SqlQuery", "Rows": [{"query": statement}]},
    ]
    return json.dumps(tables, indent=2)
