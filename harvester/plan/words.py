"""The bill as text for the user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..events import counted
from .expected import host_words, way_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Bill = dict[str, Any]

__all__ = ["bill_in_words", "route_lines"]

#: How positions are found, and what that asks of the archive.
_ROUTES = {
    "identifier": "by identifier (no request)",
    "crossid": "by CrossID (999 to a request)",
    "geometry": "by the table of all fields (6 requests, once)",
}


def bill_in_words(bill: Bill) -> str:
    """Give the bill as text of several lines."""
    return "\n".join(_lines(bill))


def _lines(bill: Bill) -> Iterator[str]:
    where = f"{bill['out']}: " if bill.get("out") else ""
    yield f"{where}{counted(bill['targets'], 'target')}"
    yield from _survey_lines(bill["surveys"])
    surveys = bill["surveys"].items()
    yield from route_lines({name: one["located_by"] for name, one in surveys})
    yield ""
    yield from _host_lines(bill["hosts"])
    yield ""
    cpu, disk = bill["cpu"], bill["disk"]
    yield (
        f"CPU   {_time(cpu['seconds'])} of decoding and cutting, "
        f"{_time(cpu['wall_s'])} on {cpu['cores']} cores"
    )
    yield (
        f"disk  {_size(disk['data_set'])} of stamps, "
        f"and up to {_size(disk['frames'])} of frames meanwhile"
    )
    if "free" in disk and disk["peak"] > disk["free"]:
        yield (
            f"      that is more than the {_size(disk['free'])} that are free there: a "
            "harvest would not begin. Free some space or choose another output folder"
        )
    if bill["seconds"]:
        yield f"time  at least {_time(bill['seconds'])}, because of {bill['limit']}"
    yield from _remark_lines(bill)
    unlocated = sum(one["unlocated"] for one in bill["surveys"].values())
    if unlocated:
        yield (
            f"{counted(unlocated, 'galaxy is', 'galaxies are')} not located yet: the "
            "bill does not include the frames."
        )


def _survey_lines(surveys: Mapping[str, Bill]) -> Iterator[str]:
    wide = max(map(len, surveys))
    columns = ("covered", "no coverage", "failed", "frames", "fetched", "stamps")
    yield " " * wide + "".join(f"{name:>13}" for name in columns)
    for name, one in surveys.items():
        keys = (
            "covered",
            "no_coverage",
            "failed",
            "frames",
            "frames_fetched",
            "stamps",
        )
        yield f"{name:{wide}}" + "".join(f"{one[key]:>13,}" for key in keys)


def route_lines(located_by: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """Give a line for each survey: how many targets each route has located."""
    for name, routes in located_by.items():
        ways = [f"{count:,} {_ROUTES[route]}" for route, count in routes.items()]
        if ways:
            yield f"{name}: located {', '.join(ways)}"


def _remark_lines(bill: Bill) -> Iterator[str]:
    for name, host in bill["hosts"].items():
        if host["bytes_for_planes"]:
            yield (
                f"{name}: {_size(host['bytes_for_planes'])} of the size is due to the "
                "plane ivar, for which more of each frame is fetched."
            )
        if host["guessed"]:
            yield (
                f"{name}: {host['guessed']:,} footprints do not tell the axes of their "
                "images; the bill uses the mean over several angles."
            )
    yield from host_words(bill["hosts"])
    yield from way_words(bill["surveys"], bill["hosts"])
    for name, one in bill["surveys"].items():
        if one["neighbours"]:
            yield (
                f"{name}: the bill includes {counted(one['neighbours'], 'frame')} that "
                "may be needed to complete stamps over an edge (--no-complete: none)."
            )
    if any(one["located_by"].get("identifier") for one in bill["surveys"].values()):
        yield (
            "Galaxies whose frame is missing or does not show them are located again "
            "by position; the bill includes only those known now."
        )


def _host_lines(hosts: Mapping[str, Bill]) -> Iterator[str]:
    wide = max(map(len, hosts))
    columns = ("requests", "files", "size", "a second", "at least", "spent")
    yield " " * wide + "".join(f"{name:>13}" for name in columns)
    for name, one in hosts.items():
        seconds = max(one["rate_s"], one["bandwidth_s"])
        yield (
            f"{name:{wide}}{one['requests']:>13,}{one['files']:>13,}"
            f"{_size(one['bytes']):>13}{one['rate']:>13g}{_time(seconds):>13}"
            f"{one['spent_requests']:>13,}  {_remark(one)}"
        ).rstrip()


def _remark(host: Bill) -> str:
    if not host["files"]:
        return ""
    return f"size {host['bytes_from']}, limit {host['limit']}"


def _size(number: float) -> str:
    unit, name = (1e9, "GB") if number >= 1e9 else (1e6, "MB")  # noqa: PLR2004 - a GB
    return f"{number / unit:,.1f} {name}"


def _time(seconds: float) -> str:
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:,.1f} {name}"
    return f"{seconds:,.1f} s"
