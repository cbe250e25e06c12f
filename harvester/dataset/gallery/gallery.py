"""The gallery of a data set: one web page and one contact sheet.

The web page includes its pictures and loads nothing from a server. All text from the
catalogue is escaped in it.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from contextlib import suppress
from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...errors import InputError, LocalError
from ...ledger.manifest_rows import MANIFEST_COLUMNS
from ...states import State
from .contact_sheet import draw_sheet
from .display import ShownGalaxy, ShownStamp, read_picture, to_png

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["write_gallery"]

#: Columns that are shown.
_SHOWN = (
    "id_str",
    "ra",
    "dec",
    "survey",
    "band",
    "status",
    "file_loc",
    "coverage",
)

#: Columns that together identify a galaxy.
_GALAXY = ["id_str", "ra", "dec"]

#: Labels that are not shown, because they repeat the identifier or the position.
_REDUNDANT = {"objid", "id", "ra", "dec", "object_id", "specobjid", "row"}

#: The most labels that are shown of a galaxy; the manifest has all of them.
_LABELS = 4


def write_gallery(
    out: Path, *, columns: int = 10, limit: int = 200
) -> tuple[Path, Path]:
    """Write ``gallery.html`` and ``gallery.png`` beside the manifest.

    Parameters
    ----------
    out
        The output folder of a run.
    columns
        Stamps in a row of the contact sheet.
    limit
        The most galaxies that are shown; those with stamps in most surveys come first.

    Returns
    -------
    tuple
        The paths of the web page and of the contact sheet.

    Raises
    ------
    InputError
        There is no manifest, or the file is not a manifest.
    LocalError
        The files cannot be written.
    """
    table = _read_manifest(out / "manifest.parquet")
    galaxies = [_to_galaxy(out, rows) for rows in _choose(table, limit)]
    counts = _count(table)
    page, sheet = out / "gallery.html", out / "gallery.png"
    picture = draw_sheet(
        galaxies, columns=max(1, columns), title=_title(table, galaxies)
    )
    _write(page, _to_page(galaxies, counts, _title(table, galaxies)).encode())
    _write(sheet, to_png(picture))
    return page, sheet


def _read_manifest(path: Path) -> pa.Table:
    try:
        table = pq.read_table(path)
    except FileNotFoundError as error:
        msg = f"the manifest {path} does not exist: run `harvester manifest` first"
        raise InputError(msg) from error
    except (pa.ArrowInvalid, OSError) as error:
        msg = f"the manifest {path} cannot be read: run `harvester manifest` again"
        raise InputError(msg) from error
    lacking = [name for name in _SHOWN if name not in table.column_names]
    if lacking:
        msg = (
            f"the manifest {path} has no column {lacking[0]!r}: run `harvester "
            "manifest` again"
        )
        raise InputError(msg)
    return table


def _choose(table: pa.Table, limit: int) -> list[list[dict[str, Any]]]:
    """Return the rows of each galaxy to show; galaxies in most surveys come first.

    It works on whole columns, because a manifest may have millions of rows.
    """
    numbered = table.append_column("#", pa.array(range(table.num_rows), pa.int64()))
    done = numbered.filter(pc.equal(table["status"], State.DONE.value))
    merits = [("survey", "count_distinct"), ([], "count_all"), ("#", "min")]
    order = [
        ("survey_count_distinct", "descending"),
        ("count_all", "descending"),
        ("#_min", "ascending"),
    ]
    best = done.group_by(_GALAXY).aggregate(merits).sort_by(order)[: max(0, limit)]
    chosen: dict[tuple[Any, ...], list[dict[str, Any]]] = {
        _key(row): [] for row in best.to_pylist()
    }
    rows = table.filter(pc.is_in(table["id_str"], best["id_str"].combine_chunks()))
    for row in rows.to_pylist():
        if _key(row) in chosen:
            chosen[_key(row)].append(row)
    return list(chosen.values())


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    # Two rows of a catalogue may have the same identifier but be different galaxies.
    return tuple(row[name] for name in _GALAXY)


def _to_galaxy(out: Path, rows: list[dict[str, Any]]) -> ShownGalaxy:
    first = rows[0]
    done = [row for row in rows if row["status"] == State.DONE.value]
    other = [row for row in rows if row["status"] != State.DONE.value]
    return ShownGalaxy(
        id=str(first["id_str"]),
        ra=float(first["ra"]),
        dec=float(first["dec"]),
        stamps=tuple(_to_stamp(out, row) for row in done),
        missing=tuple(f"{_name(row)}: {_words(row['status'])}" for row in other),
        labels=tuple(_labels(first)),
    )


def _to_stamp(out: Path, row: dict[str, Any]) -> ShownStamp:
    coverage = row["coverage"]
    picture = None
    # The page shows "file missing"; `harvester verify` reports the reason.
    with suppress(OSError):
        picture = read_picture(out / str(row["file_loc"]))
    return ShownStamp(_name(row), 1.0 if coverage is None else float(coverage), picture)


def _name(row: dict[str, Any]) -> str:
    """Return the name of a stamp: ``SDSS r``, ``HST WFC3/IR F160W``."""
    archive, *rest = str(row["survey"]).split(":")
    instrument = rest[0] if len(rest) > 1 else ""
    return " ".join(filter(None, (archive.upper(), instrument, str(row["band"]))))


def _words(status: object) -> str:
    return str(status).replace("_", " ")


def _labels(row: dict[str, Any]) -> list[tuple[str, str]]:
    """Select the labels to show: text first, then the redshift, then other numbers."""
    found = {
        name: value
        for name, value in row.items()
        if name not in MANIFEST_COLUMNS
        and f"{name}_NAME" not in row  # show the name of the class, not its number
        and name.removeprefix("label_").lower() not in _REDUNDANT
        and isinstance(value, str | int | float)
        and value not in ("", "nan")
    }
    ranked = sorted(
        found,
        key=lambda name: (
            not isinstance(found[name], str),
            "redshift" not in name.lower(),
        ),
    )
    return [(name, _to_text(found[name])) for name in ranked[:_LABELS]]


def _to_text(value: str | float) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _count(table: pa.Table) -> dict[str, Counter[str]]:
    """Count stamps by name and status, in the order of the manifest."""
    keys = ["survey", "band", "status"]
    grouped = table.group_by(keys, use_threads=False).aggregate([([], "count_all")])
    counts: dict[str, Counter[str]] = {}
    for row in grouped.to_pylist():
        counts.setdefault(_name(row), Counter())[row["status"]] += row["count_all"]
    return counts


def _title(table: pa.Table, galaxies: Sequence[ShownGalaxy]) -> str:
    total = table.group_by(_GALAXY).aggregate([]).num_rows
    return f"Gallery: {len(galaxies):,} of {total:,} galaxies"


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        msg = f"cannot write {path}: {error.strerror or error}"
        raise LocalError(msg) from error


def _to_page(
    galaxies: Sequence[ShownGalaxy], counts: dict[str, Counter[str]], title: str
) -> str:
    template = Template(files(__package__).joinpath("gallery.html").read_text("utf-8"))
    names = dict.fromkeys(stamp.name for galaxy in galaxies for stamp in galaxy.stamps)
    widest = max((len(galaxy.stamps) for galaxy in galaxies), default=1)
    return template.substitute(
        title=escape(title),
        stamps=min(widest, 5),
        counts="".join(_to_count(name, tally) for name, tally in counts.items()),
        options="".join(f"<option>{escape(name)}</option>" for name in names),
        cards="".join(_to_card(galaxy) for galaxy in galaxies),
    )


def _to_count(name: str, tally: Counter[str]) -> str:
    parts = [(state, tally[state]) for state in State if tally[state]]
    bar = "".join(
        f'<i class="{state}" style="flex:{count}"></i>' for state, count in parts
    )
    counts = ", ".join(f"{count:,} {_words(state)}" for state, count in parts)
    return (
        f"<li><b>{escape(name)}</b><span class=bar>{bar}</span>"
        f"<small>{counts}</small></li>"
    )


def _to_card(galaxy: ShownGalaxy) -> str:
    labels = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>"
        for name, text in galaxy.labels
    )
    missing = "".join(f"<span>{escape(each)}</span>" for each in galaxy.missing)
    searched = " ".join([galaxy.id, *(text for _, text in galaxy.labels)]).lower()
    names = "|".join(stamp.name for stamp in galaxy.stamps)
    return (
        f'<article data-text="{escape(searched)}" data-names="|{escape(names)}|">'
        f"<div class=shots>{''.join(map(_to_figure, galaxy.stamps))}</div>"
        f"<h2>{escape(galaxy.id)}</h2>"
        f"<p class=place>{galaxy.ra:.5f} {galaxy.dec:+.5f}</p>"
        f"<dl>{labels}</dl><p class=missing>{missing}</p></article>\n"
    )


def _to_figure(stamp: ShownStamp) -> str:
    part = f" <em>{stamp.part}</em>" if stamp.part else ""
    name = escape(stamp.name)
    if stamp.picture is None:
        picture = "<div class=gone>file missing</div>"
    else:
        source = b64encode(to_png(stamp.picture)).decode("ascii")
        picture = f'<img alt="{name}" src="data:image/png;base64,{source}">'
    return f"<figure>{picture}<figcaption>{name}{part}</figcaption></figure>"
