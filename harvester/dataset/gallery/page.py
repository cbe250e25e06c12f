"""The page of the gallery: one HTML file with its style and script inside.

It loads only files of its own folder, and its content security policy forbids others.
All text of the catalogue reaches it as JSON, and is shown as text.
"""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

from ..export.card.columns import COLUMNS
from .chunks import ACROSS, PER_CHUNK, chunk_stem, write_file
from .tiles import SIDE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .filters import FilterColumn
    from .galaxies import GalaxyTable

__all__ = ["write_page"]

#: Labels that a card does not show, because they repeat the identifier or the position.
_REDUNDANT = {"objid", "id", "ra", "dec", "object_id", "specobjid", "row"}

#: The most labels on a card; the record has all of them.
_ON_CARD = 4


def write_page(
    table: GalaxyTable,
    labels: Sequence[FilterColumn],
    words: Mapping[str, Any],
    counts: Sequence[Mapping[str, int]],
) -> int:
    """Write ``gallery.html``; return its size.

    Raises
    ------
    LocalError
        It cannot be written.
    """
    facts = {
        "galaxies": len(table),
        "per_chunk": PER_CHUNK,
        "side": SIDE,
        "across": ACROSS,
        # The page makes the paths of all chunks from this one.
        "first_chunk": chunk_stem(0),
        "own": table.own,
        # Unit and meaning of each of these columns.
        "told": [COLUMNS.get(name, ("", "")) for name in table.own],
        "labels": table.labels,
        "on_card": _on_card(table.labels, labels),
        "filters": [column._asdict() for column in labels],
        "words": words,
        "bands": [
            {
                "name": slot.name,
                "title": slot.title,
                "archive": slot.archive,
                "counts": dict(tally),
            }
            for slot, tally in zip(table.slots, counts, strict=True)
        ],
    }
    content = _fill(f"Gallery: {len(table):,} galaxies", facts).encode()
    write_file(table.out / "gallery.html", content)
    return len(content)


def _on_card(names: Sequence[str], labels: Sequence[FilterColumn]) -> list[int]:
    """Choose the labels of a card: classes, then the redshift, then other numbers."""
    kinds = {column.name: column.kind for column in labels}
    shown = [
        name
        for name in names
        if name in kinds
        and f"{name}_NAME" not in names  # show the name of the class, not its number
        and name.removeprefix("label_").lower() not in _REDUNDANT
    ]
    shown.sort(
        key=lambda name: (kinds[name] == "range", "redshift" not in name.lower())
    )
    return [names.index(name) for name in shown[:_ON_CARD]]


def _fill(title: str, facts: Mapping[str, Any]) -> str:
    folder = files(__package__)
    style, script = (
        folder.joinpath(name).read_text("utf-8")
        for name in ("gallery.css", "gallery.js")
    )
    template = Template(folder.joinpath("gallery.html").read_text("utf-8"))
    # In a script element "</script>" and "<!--" would end or hide the text.
    text = json.dumps(facts, separators=(",", ":")).replace("<", "\\u003c")
    return template.substitute(
        title=escape(title),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        facts=text,
    )


def _hash(text: str) -> str:
    """Return the hash by which the policy allows this text, and no other."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode('ascii')}'"
