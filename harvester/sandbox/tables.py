"""How SkyServer writes a table: its CSV and its JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .skyserver_sql import Table, Value

__all__ = ["to_csv", "to_json"]

#: Significant digits that are written of each floating-point type.
_DIGITS = {"float": 15, "real": 7}


def to_csv(table: Table) -> str:
    """Write ``#Table1``, a header, rows; without rows the header stands alone."""
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
    """Write two tables, the second of which is the statement itself."""
    rows = [dict(zip(table.names, row, strict=True)) for row in table.rows]
    tables = [
        {"TableName": "Table1", "Rows": rows},
        {"TableName": "SqlQuery", "Rows": [{"query": statement}]},
    ]
    return json.dumps(tables, indent=2)
