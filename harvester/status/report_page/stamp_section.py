"""The section with pictures of some stamps, inside the file as data URIs."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...archives.registry import kinds
from ...errors import LocalError
from ...events import counted
from ...ledger.browsing import BrowsingView
from ..page.thumbnail import draw_thumbnail
from .markup import given, tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from xml.etree.ElementTree import Element

    from ...ledger.browsing import LandedStamp
    from ...models import Survey
    from .facts import RunFacts

__all__ = ["stamp_section"]

#: Pictures at most, and galaxies of a survey.
_PICTURES, _GALAXIES = 120, 12

#: Characters of all pictures at most; with it the whole file is below 3 MB.
_MOST_SIZE = 2_000_000


@dataclass(slots=True)
class _Album:
    """The pictures that were drawn."""

    shown: list[Element] = field(default_factory=list)
    size: int = 0
    #: Files that could not be read.
    unreadable: int = 0

    @property
    def is_full(self) -> bool:
        return len(self.shown) >= _PICTURES or self.size >= _MOST_SIZE


def stamp_section(facts: RunFacts) -> Element:
    """Make the section; this draws the pictures."""
    with BrowsingView.open(facts.run.places.ledger) as view:
        surveys = view.surveys()
        bands = sum(len(survey.bands) for survey in surveys.values())
        galaxies = max(1, min(_GALAXIES, _PICTURES // max(1, bands)))
        chosen = [
            stamp
            for number, survey in surveys.items()
            for stamp in _in_order(view.stamps_evenly(number, galaxies), survey)
        ]
    album = _Album()
    for stamp in chosen:
        if not album.is_full:
            _draw(facts, surveys, stamp, album)
    return tag(
        "section",
        tag("h2", "Some of the stamps", id="samples-title"),
        tag("p", _words(facts, album), class_="quiet"),
        tag("ul", *album.shown, id="samples"),
        id="stamps",
        aria_labelledby="samples-title",
    )


def _in_order(stamps: Iterable[LandedStamp], survey: Survey) -> list[LandedStamp]:
    """Put the bands of each galaxy in the order in which they were asked for."""
    return sorted(stamps, key=lambda one: (one.target, survey.bands.index(one.band)))


def _words(facts: RunFacts, album: _Album) -> str:
    total = facts.report["cutouts"]
    if not total:
        return "There are none yet."
    lost = counted(album.unreadable, "stamp") + " could not be read."
    lost = f" {lost}" if album.unreadable else ""
    return (
        f"{len(album.shown):,} of {counted(total, 'stamp')}, from all over the "
        f"catalogue. There are at most {_PICTURES}, of {_MOST_SIZE / 1e6:g} MB "
        "together, so that this file stays below 3 MB. North is up, east left; each "
        f"has a stretch of its own, as in `harvester gallery`.{lost}"
    )


def _draw(
    facts: RunFacts, surveys: Mapping[int, Survey], stamp: LandedStamp, album: _Album
) -> None:
    try:
        picture = draw_thumbnail(
            facts.run, stamp.survey, stamp.target, stamp.band, stamp.product
        )
    except LocalError:
        picture = None
    if not picture:
        album.unreadable += 1
        return
    address = f"data:image/jpeg;base64,{b64encode(picture).decode('ascii')}"
    album.size += len(address)
    album.shown.append(_figure(surveys[stamp.survey], stamp, address))


def _figure(survey: Survey, stamp: LandedStamp, address: str) -> Element:
    kind = kinds().get(survey.archive)
    band = f"{kind.title if kind else survey.archive} {stamp.band}"
    image = tag("img", src=address, alt=f"{stamp.id[:80]} in {band}", width=128)
    caption = tag("small", given(stamp.id), tag("br"), band)
    return tag("li", image, caption)
