"""The whole report: its sections, its style, and the file."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from ...errors import InputError, LocalError
from .. import page
from ..page.shown_run import shown_runs
from .asked_section import asked_section
from .bill_section import bill_section
from .came_section import came_section, first_section
from .chart_section import chart_section
from .facts import read_facts
from .failed_section import failed_section
from .host_section import host_section
from .markup import as_html, given, tag
from .stamp_section import stamp_section
from .words import moment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from ...places import Places
    from .facts import ChosenSetting, RunFacts

__all__ = ["write_report"]

#: What browsers may load: nothing, except the pictures that are inside the file.
_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'"
)

#: Marks the files that a later report may replace; it is among their first bytes.
_MARK = b'<meta content="harvester report" name="generator">'
_MARK_WITHIN = 400


def write_report(places: Places, file: Path, chosen: Sequence[ChosenSetting]) -> int:
    """Write the report of a run, which may be at work; return its size in bytes.

    Raises
    ------
    HarvesterError
        There is no run, it cannot be read, or the file cannot be written.
    InputError
        There is another file in its place.
    """
    _check(file)
    (run,) = shown_runs([places])
    content = as_html(_document(read_facts(run, chosen)))
    _write(file, content)
    return len(content)


def _check(file: Path) -> None:
    try:
        with file.open("rb") as opened:
            beginning = opened.read(_MARK_WITHIN)
    except FileNotFoundError:
        return
    except OSError as error:
        msg = f"{file} cannot be replaced: {error.strerror}. Choose another --out"
        raise InputError(msg) from error
    if _MARK not in beginning:
        msg = f"{file} exists and is no report of harvester. Choose another --out"
        raise InputError(msg)


def _write(file: Path, content: bytes) -> None:
    part = file.with_name(f"{file.name}.part")
    try:
        part.write_bytes(content)
        part.replace(file)
    except OSError as error:
        msg = (
            f"{file} cannot be written: {error.strerror or error}. Check the free "
            "space and the permissions of its folder"
        )
        raise LocalError(msg) from error


def _document(facts: RunFacts) -> Element:
    return tag("html", _head(facts), _body(facts), lang="en")


def _head(facts: RunFacts) -> Element:
    style = "".join(
        folder.read_text("utf-8")
        for folder in (
            files(page).joinpath("static", "style.css"),
            files(__package__).joinpath("report.css"),
        )
    )
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", content="harvester report", name="generator"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"Report of the harvest {facts.run.name}"),
        tag("style", style),
    )


def _body(facts: RunFacts) -> Element:
    return tag(
        "body",
        tag(
            "header",
            tag("h1", "Harvest ", given(facts.run.name)),
            tag("p", f"Report of {moment(facts.at)} UTC", class_="quiet"),
        ),
        tag(
            "main",
            first_section(facts),
            came_section(facts),
            failed_section(facts),
            bill_section(facts),
            chart_section(facts),
            host_section(facts),
            stamp_section(facts),
            asked_section(facts),
        ),
        tag("footer", "Written by `harvester report` from the ledger of the run."),
    )
