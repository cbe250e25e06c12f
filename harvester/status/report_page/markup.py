"""Elements of HTML whose text cannot become markup.

Identifiers come from catalogues, and messages from servers: both may contain anything.
All text goes through `tag`, and the serializer of the standard library escapes it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, tostring

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Child", "as_html", "details", "facts_list", "given", "tag", "wide_table"]

#: What an element may contain; None is left out.
Child = Element | str | None

#: Characters that HTML does not allow, and halves of characters that UTF-8 does not.
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

#: Characters of a text from outside that are shown; the longest names are shorter.
_MOST_CHARACTERS = 300


def tag(kind: str, /, *children: Child, **attributes: str | float) -> Element:
    """Make an element. In names of attributes ``_`` stands for ``-``: ``aria_label``.

    A name that Python does not allow ends with ``_``: ``class_``.
    """
    named = {
        key.rstrip("_").replace("_", "-"): _clean(str(value))
        for key, value in attributes.items()
    }
    made = Element(kind, named)
    for child in children:
        if isinstance(child, str):
            _add_text(made, _clean(child))
        elif child is not None:
            made.append(child)
    return made


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


def _add_text(made: Element, text: str) -> None:
    if len(made):
        made[-1].tail = (made[-1].tail or "") + text
    else:
        made.text = (made.text or "") + text


def given(text: str) -> Element:
    """Show a text that comes from outside; it cannot turn the text around it."""
    cut = text[:_MOST_CHARACTERS] + "…" * (len(text) > _MOST_CHARACTERS)
    return tag("bdi", cut)


def facts_list(pairs: Iterable[tuple[str, Child]]) -> Element:
    """Make a list of names and values."""
    entries = (tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs)
    return tag("dl", *entries)


def details(summary: Sequence[Child], *children: Child) -> Element:
    """Make a part that opens when its summary is clicked; it needs no script."""
    inside = tag("div", *children, class_="inside")
    return tag("details", tag("summary", *summary), inside)


def wide_table(
    title: str, heads: Sequence[str], rows: Iterable[Sequence[Child]]
) -> Element:
    """Make a table that is scrolled, also by keys, where it is wider than the page.

    The first cell of each row names the row.
    """
    head = tag("tr", *(tag("th", one, scope="col") for one in heads))
    body = (
        tag("tr", tag("th", row[0], scope="row"), *(tag("td", one) for one in row[1:]))
        for row in rows
    )
    table = tag(
        "table",
        tag("caption", title, class_="unseen"),
        tag("thead", head),
        tag("tbody", *body),
    )
    return tag("div", table, class_="wide", tabindex=0, role="region", aria_label=title)


def as_html(document: Element) -> bytes:
    """Write a whole document."""
    text: str = tostring(document, "unicode", method="html")
    return f"<!doctype html>\n{text}".encode()
