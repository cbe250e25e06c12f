"""The targets of a run as regions of SAOImage DS9, coloured by state.

The form is that of https://ds9.si.edu/doc/ref/region.html: one circle for each target
and archive, with tags by which DS9 selects groups (Region, Groups).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...events import counted
from ...states import State
from ..stamps import atomic_write
from .galaxies import GalaxyTable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .galaxies import ShownGalaxy

__all__ = ["write_regions"]

#: Colours of DS9 by state.
_COLOURS = {
    State.DONE.value: "green",
    State.FAILED.value: "red",
    State.NO_COVERAGE.value: "yellow",
    State.LOCATED.value: "cyan",
    State.PENDING.value: "blue",
}

#: Arcsec: radius of the circle of the first archive, and how much each next one is
#: larger, so that all can be seen.
_RADIUS, _STEP = 6.0, 2.0


def write_regions(out: Path, target: Path) -> str:
    """Write the region file of a run; say what is in it.

    Raises
    ------
    InputError
        There is no manifest.
    LocalError
        The file cannot be written.
    """
    table = GalaxyTable(out)
    archives = list(dict.fromkeys(slot.archive for slot in table.slots))
    count = 0
    with atomic_write(target) as new, new.open("w", encoding="utf-8") as file:
        file.write("# Region file format: DS9 version 4.1\n")
        file.write('global font="helvetica 10 normal roman" select=1\nicrs\n')
        for galaxy in table:
            for line in _circles(galaxy, archives):
                file.write(line)
                count += 1
    colours = ", ".join(f"{c} {s.replace('_', ' ')}" for s, c in _COLOURS.items())
    return f"{target}: {counted(count, 'region')} ({colours})."


def _circles(galaxy: ShownGalaxy, archives: list[str]) -> Iterator[str]:
    states: dict[str, str] = {}
    for row in galaxy.rows:
        # The bands of an archive are one job, and have its state.
        states.setdefault(row["survey"], row["status"])
    for place, (archive, state) in enumerate(states.items()):
        radius = _RADIUS + _STEP * archives.index(archive)
        # One name is enough for circles around one another.
        name = f" text={{{_plain(galaxy.id)}}}" if place == 0 else ""
        colour = _COLOURS.get(state, "white")
        yield (
            f'circle({galaxy.ra:.7f},{galaxy.dec:.7f},{radius:g}") # color={colour}'
            f"{name} tag={{{archive}}} tag={{{_plain(state)}}}\n"
        )


def _plain(text: str) -> str:
    """Replace what ends a text of a region."""
    return "".join("_" if one in "{}\r\n" else one for one in text)
