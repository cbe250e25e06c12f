"""Whom a data set must credit: archives, label catalogues and software, with BibTeX.

The entries of archives come from their kinds, all others from the folder ``papers``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from .... import __version__
from ....archives.registry import kinds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["LabelSource", "bibliography", "label_sources"]


@dataclass(frozen=True, slots=True)
class LabelSource:
    """A published catalogue of labels, known by the names of its columns."""

    title: str
    #: Page that says how to cite it.
    page: str
    #: Matches a column that only this catalogue has.
    columns: re.Pattern[str]
    #: File in the folder ``papers``.
    papers: str


_PAGE = "https://data.galaxyzoo.org"

#: Suffixes as in the catalogues of galaxy-datasets, such as ``bar-gz2_yes``; columns of
#: Galaxy Zoo 2 itself, such as ``t03_bar_a06_bar_count`` and ``gz2_class``.
_SOURCES = (
    LabelSource(
        "Galaxy Zoo 1",
        _PAGE,
        re.compile(r"^gz1[_-]", re.IGNORECASE),
        "galaxy_zoo_1.bib",
    ),
    LabelSource(
        "Galaxy Zoo 2",
        _PAGE,
        re.compile(r"-gz2_|^gz2[_-]?class$|^t\d\d_\w+_a\d\d_\w+", re.IGNORECASE),
        "galaxy_zoo_2.bib",
    ),
    LabelSource(
        "Galaxy Zoo: Hubble",
        _PAGE,
        re.compile(r"-hubble_", re.IGNORECASE),
        "galaxy_zoo_hubble.bib",
    ),
    LabelSource(
        "Galaxy Zoo DECaLS",
        _PAGE,
        re.compile(r"-(dr5|dr8|dr12)_", re.IGNORECASE),
        "galaxy_zoo_decals.bib",
    ),
)


def label_sources(columns: Iterable[str]) -> list[LabelSource]:
    """Give the published catalogues that the labels are from, as far as names tell."""
    names = list(columns)
    return [one for one in _SOURCES if any(map(one.columns.search, names))]


def bibliography(
    archives: Sequence[str], identity: Mapping[str, str], labels: Iterable[str]
) -> str:
    """Give the content of ``CITATION.bib``.

    Parameters
    ----------
    archives
        Names of the archives that the pixels are from.
    identity
        The settings that decide which stamps are made, by name.
    labels
        Names of the columns of the catalogue.
    """
    papers = [
        paper
        for name in archives
        if name in kinds()
        for paper in kinds()[name].credit_of(identity).papers
    ]
    papers += [paper for one in label_sources(labels) for paper in _entries(one.papers)]
    return "\n\n".join(dict.fromkeys([*papers, *_software()])) + "\n"


def _entries(file: str) -> list[str]:
    text = (files(__package__) / "papers" / file).read_text("utf-8")
    return [f"@{entry.strip()}" for entry in text.split("@") if entry.strip()]


def _software() -> list[str]:
    own = (
        "@software{galaxy-harvester,\n"
        "  author = {{the harvester developers}},\n"
        "  title = {{galaxy-harvester: galaxy stamps for a whole catalogue}},\n"
        f"  version = {{{__version__}}}\n}}"
    )
    return [own, *_entries("software.bib")]
