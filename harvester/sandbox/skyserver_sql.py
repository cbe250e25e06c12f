"""The subset of SkyServer's SQL that the sandbox supports.

One ``SELECT`` over one table: ``DISTINCT``, ``TOP``, columns, ``COUNT(*)``, and a
``WHERE`` of comparisons, ``BETWEEN`` and ``IN`` joined by ``AND``, ``OR``, ``NOT``
and parentheses. Anything else raises `SqlError`, which SkyServer reports
as a table with the one column ``error_message``.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

__all__ = [
    "Item",
    "Parser",
    "Relation",
    "Select",
    "SqlColumn",
    "SqlError",
    "Table",
    "Value",
    "parse_select",
    "run",
]

Value = int | float | str | None
Lookup = Callable[[str], Value]
Predicate = Callable[[Lookup], bool]

T = TypeVar("T")

#: Rows that one query may return.
ROW_LIMIT = 500_000

_TOKEN = re.compile(
    r"\s*(?:(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_#][\w$]*(?:\.[A-Za-z_][\w$]*)*)"
    r"|\[(?P<quoted>[^\]]+)\]"
    r"|'(?P<text>(?:[^']|'')*)'"
    r"|(?P<sign><=|>=|<>|!=|[=<>(),*;]))"
)
_RESERVED = {"FROM", "WHERE", "ORDER", "AS", "AND", "OR", "NOT", "JOIN", "ON", "GROUP"}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class SqlError(Exception):
    """The statement is not supported by this server."""


@dataclass(frozen=True, slots=True)
class SqlColumn(Generic[T]):
    """A column of a table: its SQL type and where its value comes from."""

    type: str
    value: Callable[[T], Value]


@dataclass(frozen=True, slots=True)
class Relation(Generic[T]):
    """A table or view: its columns by name, in their order, and its rows."""

    columns: Mapping[str, SqlColumn[T]]
    rows: Iterable[T]

    def column(self, name: str) -> tuple[str, SqlColumn[T]]:
        """Find a column with its own spelling; SQL Server ignores case."""
        for own, column in self.columns.items():
            if own.lower() == name:
                return own, column
        msg = f"Invalid column name '{name}'."
        raise SqlError(msg)


@dataclass(frozen=True, slots=True)
class Table:
    """The result of a query; ``types`` has the SQL type of each column."""

    names: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[tuple[Value, ...]]


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of the column list, such as ``dbo.fPhotoTypeN(p.type) AS type``."""

    #: Column name as it was written, without the table; ``*`` for all columns.
    name: str
    #: Table or alias before the dot, lower case, or empty.
    owner: str
    #: Function around the column, lower case, or empty.
    function: str
    label: str

    @property
    def key(self) -> str:
        """The column name in lower case."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Select:
    """A parsed statement."""

    items: tuple[Item, ...]
    distinct: bool
    top: int
    #: Table or function after FROM, lower case, without ``dbo.``.
    source: str
    #: Text argument of a table function, else empty.
    argument: str
    where: Predicate


def _tokens(sql: str) -> Iterator[tuple[str, str]]:
    place, end = 0, len(sql.rstrip())
    while place < end:
        match = _TOKEN.match(sql, place)
        if match is None or match.lastgroup is None:
            msg = f"Incorrect syntax near '{sql[place : place + 20].strip()}'."
            raise SqlError(msg)
        yield match.lastgroup, match[match.lastgroup]
        place = match.end()


class Parser:
    """Reads a statement from left to right."""

    def __init__(self, sql: str) -> None:
        self._tokens = [*_tokens(sql), ("end", "")]
        self._next = 0

    def accept(self, *words: str) -> str:
        """Consume one of ``words`` (upper case) if it comes next."""
        kind, text = self._tokens[self._next]
        if kind in {"name", "sign"} and text.upper() in words:
            self._next += 1
            return text.upper()
        return ""

    def expect(self, word: str) -> None:
        """Consume ``word``, or refuse the statement."""
        if not self.accept(word):
            raise self._error()

    def take(self, *kinds: str) -> str:
        """Give the next token, which must be of one of ``kinds``."""
        kind, text = self._tokens[self._next]
        if kind not in kinds or (kind == "name" and text.upper() in _RESERVED):
            raise self._error()
        self._next += 1
        return text

    def _error(self) -> SqlError:
        return SqlError(f"Incorrect syntax near '{self._tokens[self._next][1]}'.")

    def items(self) -> tuple[Item, ...]:
        """Read a column list."""
        items = [self._item()]
        while self.accept(","):
            items.append(self._item())
        return tuple(items)

    def _item(self) -> Item:
        if self.accept("*"):
            return Item("*", "", "", "*")
        owner, _, name = self.take("name", "quoted").rpartition(".")
        function, label = "", name
        if self.accept("("):
            # The server's own name for a column without one.
            function, label = name.lower(), "Column1"
            inner = self.accept("*") or self.take("name")
            owner, _, name = inner.rpartition(".")
            self.expect(")")
        return Item(name, owner.lower(), function, self._alias() or label)

    def _alias(self) -> str:
        kind, text = self._tokens[self._next]
        if self.accept("AS") or (kind == "name" and text.upper() not in _RESERVED):
            return self.take("name", "quoted", "text")
        return ""

    def literal(self) -> Value:
        """Read a number or a text in quotes."""
        kind, _ = self._tokens[self._next]
        text = self.take("number", "text")
        if kind == "text":
            return text.replace("''", "'")
        # Object ids have 19 digits: they must not pass through a float.
        return int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)

    def condition(self) -> Predicate:
        """Read alternatives joined by OR."""
        parts = [self._conjunction()]
        while self.accept("OR"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else lambda row: any(p(row) for p in parts)

    def _conjunction(self) -> Predicate:
        parts = [self._term()]
        while self.accept("AND"):
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else lambda row: all(p(row) for p in parts)

    def _term(self) -> Predicate:
        if self.accept("NOT"):
            inner = self._term()
            return lambda row: not inner(row)
        if self.accept("("):
            inner = self.condition()
            self.expect(")")
            return inner
        name = self.take("name", "quoted").rpartition(".")[2].lower()
        if self.accept("BETWEEN"):
            return self._between(name)
        if self.accept("IN"):
            return self._in(name)
        return self._comparison(name)

    def _between(self, name: str) -> Predicate:
        low = self.literal()
        self.expect("AND")
        high = self.literal()
        inside = _COMPARISONS["<="]
        return lambda row: (
            _compare(inside, low, row(name)) and _compare(inside, row(name), high)
        )

    def _in(self, name: str) -> Predicate:
        self.expect("(")
        values = {self.literal()}
        while self.accept(","):
            values.add(self.literal())
        self.expect(")")
        return lambda row: row(name) in values

    def _comparison(self, name: str) -> Predicate:
        sign = self.accept(*_COMPARISONS)
        if not sign:
            raise self._error()
        value = self.literal()
        return lambda row: _compare(_COMPARISONS[sign], row(name), value)

    def select(self) -> Select:
        """Read a whole statement."""
        self.expect("SELECT")
        distinct = bool(self.accept("DISTINCT"))
        top = self._top()
        items = self.items()
        self.expect("FROM")
        source = self.take("name").lower().removeprefix("dbo.")
        argument = ""
        if self.accept("("):
            argument = self.take("text")
            self.expect(")")
        self._alias()
        where = self.condition() if self.accept("WHERE") else _everything
        self.take("end")
        return Select(items, distinct, top, source, argument, where)

    def _top(self) -> int:
        if not self.accept("TOP"):
            return ROW_LIMIT
        top = int(float(self.take("number")))
        if top > ROW_LIMIT:
            msg = f"error: limit is  top {ROW_LIMIT}"
            raise SqlError(msg)
        return top


def _everything(_row: Lookup) -> bool:
    return True


def _compare(comparison: Callable[[Any, Any], bool], left: Value, right: Value) -> bool:
    if left is None or right is None:
        return False
    try:
        return comparison(left, right)
    except TypeError:
        msg = f"Error converting '{left}' or '{right}' to a number."
        raise SqlError(msg) from None


def parse_select(sql: str) -> Select:
    """Parse a statement; raise `SqlError` with the reason if it cannot be run."""
    if not re.match(r"\s*select\b", sql, re.IGNORECASE):
        msg = "error: only SELECT statements are allowed"
        raise SqlError(msg)
    return Parser(sql).select()


def run(select: Select, relation: Relation[T]) -> Table:
    """Answer a statement from the rows of its table."""
    chosen = _matching(select, relation)
    if [item.function for item in select.items] == ["count"]:
        return Table((select.items[0].label,), ("int",), [(sum(1 for _ in chosen),)])
    columns = list(_columns(select.items, relation))
    found: Iterable[tuple[Value, ...]]
    found = (tuple(column.value(row) for _, column in columns) for row in chosen)
    if select.distinct:
        found = dict.fromkeys(found)
    return Table(
        tuple(label for label, _ in columns),
        tuple(column.type for _, column in columns),
        list(islice(found, select.top)),
    )


def _matching(select: Select, relation: Relation[T]) -> Iterator[T]:
    getters: dict[str, SqlColumn[T]] = {}

    def value_in(row: T) -> Lookup:
        def lookup(name: str) -> Value:
            if name not in getters:
                getters[name] = relation.column(name)[1]
            return getters[name].value(row)

        return lookup

    return (row for row in relation.rows if select.where(value_in(row)))


def _columns(
    items: Sequence[Item], relation: Relation[T]
) -> Iterator[tuple[str, SqlColumn[T]]]:
    for item in items:
        if item.name == "*":
            yield from relation.columns.items()
            continue
        _, column = relation.column(item.key)
        yield item.label, apply_function(item, column)


#: What ``dbo.fPhotoTypeN`` makes of the number of an object type.
_TYPE_NAMES = {0: "UNKNOWN", 3: "GALAXY", 6: "STAR"}


def apply_function(item: Item, column: SqlColumn[T]) -> SqlColumn[T]:
    """Put the function of a column list's entry around its column."""
    if not item.function:
        return column
    if item.function != "fphototypen":
        msg = f"'{item.function}' is not a recognized built-in function name."
        raise SqlError(msg)

    def name_of(row: T) -> Value:
        number = column.value(row)
        return _TYPE_NAMES.get(number) if isinstance(number, int) else None

    return SqlColumn("varchar", name_of)
