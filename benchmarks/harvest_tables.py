"""Prints the tables of whole harvests, of processes, and of ranges or whole files."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from paper import ratios, spread
from skies import LATENCY_S

from harvester.settings.settings import SERVICES, Settings

if TYPE_CHECKING:
    from break_even import Comparison
    from by_way import ByWay
    from contest import Result, Sky
    from harvests import Raced
    from paper import Paper

__all__ = [
    "say_conditions",
    "show_break_even",
    "show_harvests",
    "show_scaling",
    "show_ways",
]


def say_conditions(paper: Paper) -> None:
    """Print the conditions that are the same for all contestants."""
    services = Settings().services
    rates = ", ".join(f"{name} {services.named(name).rate:g}/s" for name in SERVICES)
    delays = ", ".join(f"{1000 * s:.0f} ms a {kind}" for kind, s in LATENCY_S.items())
    paper.say("## Whole harvests\n")
    paper.say(f"{delays}, one warm sandbox for all; they change places every round.")
    paper.say(f"The harvester has its ordinary settings, stamps of 40 px: {rates}.")
    paper.say(
        "The others have no limit. Each starts from nothing; its imports count.\n"
    )


def show_harvests(where: Sky, raced: Raced, paper: Paper) -> None:
    """Print a table of the contestants, and the floor."""
    galaxies = where.galaxies
    ours = [one.wall_s for one in raced.results["harvester"]]
    paper.say(f"### {_title(where)}, {_over(raced.line)}\n")
    stamps = raced.results["harvester"][-1].stamps
    paper.say(
        f"{galaxies} galaxies; the harvester cut {stamps} stamps out of "
        f"{raced.frames} frames: {stamps / max(1, raced.frames):.1f} a frame. "
        f"{_came(raced.ways['harvester'])}\n"
    )
    paper.table(
        "who|seconds, median (range)|time / harvester, median (best)|CPU s"
        "|requests a galaxy|MB a galaxy|repeats|stamps",
        (
            [
                name,
                spread(walls),
                ratios(walls, ours),
                f"{median(one.cpu_s for one in own):.1f}",
                f"{sum(own[-1].requests.values()) / galaxies:.2f}",
                f"{own[-1].received / galaxies / 1e6:.2f}",
                own[-1].repeats,
                own[-1].stamps,
            ]
            for name, own in raced.results.items()
            for walls in [[one.wall_s for one in own]]
        ),
    )
    _show_floor(raced, ours, paper)


def _title(where: Sky) -> str:
    return f"{where.survey.upper()}, galaxies a frame: {where.per_frame:g}"


def _over(line: float) -> str:
    return f"{8 * line:g} Mbit/s" if line else "no limit of bandwidth"


def _came(ways: dict[str, int]) -> str:
    if not ways:
        return ""
    each = ", ".join(f"{way} {number}" for way, number in ways.items())
    return f"Frames by the way they came: {each}."


def show_ways(where: Sky, found: ByWay, paper: Paper) -> None:
    """Print a table of our own harvests in each way."""
    results = found.raced.results
    start = median(one.cpu_s for one in results["one galaxy"])
    every = {name: one for name, one in results.items() if name != "one galaxy"}
    paper.say(f"### {_title(where)}, {found.side} px, {_over(found.raced.line)}\n")
    paper.say(
        f"{where.galaxies} galaxies. One galaxy alone takes {start:.1f} CPU s, nearly "
        "all of it for starting up: this is subtracted from the CPU of the others.\n"
    )
    mean = {
        name: (
            median(one.received for one in own) / 1e6,
            median(one.cpu_s for one in own) - start,
        )
        for name, own in every.items()
    }
    paper.table(
        "way|MB|/ early|/ whole|CPU s|/ early|/ whole|seconds, median (range)"
        "|requests|frames by the way they came",
        (
            [
                name,
                *_compared(mean, name, 0),
                *_compared(mean, name, 1),
                spread([one.wall_s for one in own]),
                sum(own[-1].requests.values()),
                ", ".join(f"{w} {n}" for w, n in found.raced.ways[name].items()),
            ]
            for name, own in every.items()
        ),
    )


def _compared(mean: dict[str, tuple[float, float]], name: str, at: int) -> list[str]:
    """Give a figure, and its ratio to that of other ways where they were measured."""
    own = mean[name][at]
    others = [mean[way][at] if way in mean else None for way in ("early", "whole")]
    return [f"{own:.1f}", *(f"{own / one:.2f}" if one else "" for one in others)]


def _show_floor(raced: Raced, ours: list[float], paper: Paper) -> None:
    floors = raced.floors
    over = [wall / one.seconds for wall, one in zip(ours, floors, strict=True)]
    paper.table(
        "floor, s, median (range)|harvester / floor, median (range)"
        "|asking s|receiving s|unpacking s|a frame, CPU s|MB/s",
        [
            [
                spread([one.seconds for one in floors], 2),
                spread(over, 2),
                f"{median(one.asking_s for one in floors):.2f}",
                f"{median(one.receiving_s for one in floors):.2f}",
                f"{median(one.unpacking_s for one in floors):.2f}",
                spread([one.unpacking_s for one in raced.machines], 2),
                spread([one.bandwidth / 1e6 for one in raced.machines], 0),
            ]
        ],
    )
    if min(over) < 1:
        paper.say(
            "Below 1 the machine was quicker during that harvest than on either side "
            "of it: such a round proves nothing.\n"
        )


def show_scaling(results: dict[int, list[Result]], paper: Paper) -> None:
    """Print the gain from more processes."""
    first = [one.wall_s for one in next(iter(results.values()))]
    paper.table(
        "processes|seconds, median (range)|speed-up, median (best)|CPU s",
        (
            [
                number,
                spread(walls),
                ratios(first, walls),
                f"{median(one.cpu_s for one in own):.1f}",
            ]
            for number, own in results.items()
            for walls in [[one.wall_s for one in own]]
        ),
    )


def show_break_even(found: dict[int, list[Comparison]], paper: Paper) -> None:
    """Print ranges against whole files, by bandwidth and size of stamps."""
    paper.table(
        "MB/s of a connection|stamp, px|bytes, parts / whole"
        "|time, parts / whole, median (range)",
        (
            [speed, one.side, f"{one.part:.3f}", spread(one.ratios, 2)]
            for speed, comparisons in found.items()
            for one in comparisons
        ),
    )
