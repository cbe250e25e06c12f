"""The card of an exported data set: ``README.md``, and ``CITATION.bib``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..stamps import atomic_write

if TYPE_CHECKING:
    from pathlib import Path

    from .selection import Selection

__all__ = ["write_card"]


def write_card(out: Path, selection: Selection, *, loading: str, head: str) -> None:
    """Write the card into the folder of an export.

    Parameters
    ----------
    loading
        One line of Python that loads it from the folder ``DIR``.
    head
        YAML for the top; empty: none.

    Raises
    ------
    LocalError
        It cannot be written.
    """
    with atomic_write(out / "README.md") as new:
        new.write_text("\n".join(_lines(selection, loading, head)), "utf-8")


def _lines(selection: Selection, loading: str, head: str) -> list[str]:
    top = ["---", head.strip(), "---", ""] if head else []
    surveys = [
        f"* {survey.name}, bands {', '.join(survey.bands)}: {len(survey):,} galaxies, "
        f"{survey.shape[0]} x {survey.shape[1]} pixels"
        for survey in selection.surveys
    ]
    return [
        *top,
        f"# {selection.name}",
        "",
        f"{selection.galaxies.num_rows:,} galaxies, with stamps of",
        "",
        *surveys,
        "",
        "Load it:",
        "",
        f"    {loading}",
        "",
    ]
