"""The bill: requests, bytes, CPU time and disk space for the rest of a harvest.

It is computed from the counts in the ledger, without requests and without writing.
Unknown figures are estimated; the bill says what each estimate is based on.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..archives.kind import Fetch, Way
from ..archives.registry import kind_of
from ..frames.way_costs import PackedFrame, cost_of
from ..ledger.tally import FETCHED
from ..ledger.view import LedgerView
from ..models import Plane
from ..states import State
from ..transport.shared_hosts import newest
from .allowance import BANDWIDTH, Allowance, Manner
from .expected import expected_ways, speed_of_host
from .forecast import Camera, forecast
from .neighbours import count_neighbours, neighbour_loads
from .rows import with_rows
from .traffic import Priced, SampleSummary, add_loads, packed_loads, ranged_loads

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Mapping, Sequence

    from ..ledger.view import FrameGroup
    from ..models import CutoutSpec, Survey
    from ..places import Places
    from .rows import Rows
    from .traffic import Load

__all__ = [
    "BANDWIDTH",
    "Allowance",
    "Bill",
    "Counts",
    "Manner",
    "make_bill",
    "read_bill",
    "totals",
]

#: What ``plan --json`` prints; scripts rely on its keys.
Bill = dict[str, Any]

#: CPU seconds to make a stamp file from decoded pixels.
_STAMP_S = 0.001

#: Bytes of a FITS block, and blocks of a stamp's header.
_BLOCK = 2880
_HEADER_BLOCKS = 2


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts from the ledger, by number of the survey or by host."""

    targets: int
    surveys: Mapping[int, Survey]
    tallies: Mapping[int, Counter[str]]
    unlocated: Mapping[int, int]
    to_come: Sequence[FrameGroup]
    #: Pairs of survey and number of frames.
    fetched: Sequence[tuple[int, int]]
    #: Requests and bytes so far, by host.
    spent: Mapping[str, tuple[int, int]]
    #: Prices of frames to come that are fetched by ranges, by archive.
    priced: Mapping[str, Sequence[Priced]] = field(default_factory=dict)
    #: Number of targets that each route has located, by survey.
    routes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    #: Results of sampling, by archive.
    samples: Mapping[str, SampleSummary] = field(default_factory=dict)


def read_bill(places: Places, allowance: Allowance) -> Bill:
    """Compute the bill of a run from its ledger; targets must be located before."""
    with LedgerView.open(places.ledger) as view:
        counts = Counts(
            targets=view.count("target"),
            surveys=view.surveys(),
            tallies=view.tallies(),
            unlocated=view.unlocated(),
            to_come=with_rows(view, allowance.specs),
            fetched=view.frames_fetched(),
            spent={name: (requests, size) for name, requests, size, _ in view.hosts()},
            priced=_priced(view, allowance),
            routes=view.routes(),
            samples=_samples(view.facts()),
        )
        known = newest(allowance.known, view.host_facts())
    return make_bill(counts, replace(allowance, known=known))


def _priced(view: LedgerView, allowance: Allowance) -> dict[str, list[Priced]]:
    priced: dict[str, list[Priced]] = {}
    for number, survey in view.surveys().items():
        if kind_of(survey.archive).fetch is Fetch.RANGES:
            spec = allowance.specs[survey.archive]
            largest = allowance.largest_file
            prices = _prices(view, number, survey, spec, largest_file=largest)
            priced.setdefault(survey.archive, []).extend(prices)
    return priced


def _prices(
    view: LedgerView,
    number: int,
    survey: Survey,
    spec: CutoutSpec,
    *,
    largest_file: int,
) -> Iterator[Priced]:
    costs, side = kind_of(survey.archive).costs, _side(survey, spec)
    camera = Camera.of(costs, survey.instrument, spec.planes)
    sums = {True: [0] * 5, False: [0] * 5}
    for frame in view.targets_to_come(number):
        price = forecast(
            *(frame.region, camera, side, frame.ra, frame.dec),
            largest_file=largest_file,
        )
        for place, value in enumerate((1, *price)):
            sums[frame.mirrored][place] += value
    yield from (Priced(mirrored, *sum_) for mirrored, sum_ in sums.items())


def _samples(facts: Mapping[str, str]) -> dict[str, SampleSummary]:
    named = ((key.partition("samples "), value) for key, value in facts.items())
    return {
        name: SampleSummary(**json.loads(value))
        for (_, prefix, name), value in named
        if prefix
    }


def make_bill(counts: Counts, allowance: Allowance) -> Bill:
    """Compute the bill from counts.

    Returns
    -------
    dict
        ``targets``: their number;
        ``surveys``: for each the galaxies ``covered``, ``no_coverage``, ``failed`` and
        ``unlocated``; how many each route has located (``located_by``); ``frames`` to
        fetch, in which ways they are expected to come (`expected_ways`), and
        ``frames_fetched``; how many ``neighbours`` of them may be needed to complete
        stamps; all ``stamps`` in the end, those to be made (``stamps_to_come``), and
        the size of one (``stamp_bytes``);
        ``hosts``: for each the ``requests``, ``files`` and ``bytes`` to come; what the
        bytes are based on (``bytes_from``: listed, footprints, seen, sampled,
        typical); the number of frames with unknown axes (``guessed``); how many of the
        bytes are due to planes beside the flux (``bytes_for_planes``); ``rate``
        (requests a second); the seconds that rate and bandwidth allow at best
        (``rate_s``, ``bandwidth_s``), and which of them decides (``limit``);
        how quick it is taken to be, and why: see `speed_of_host`;
        ``spent_requests`` and ``spent_bytes`` so far;
        ``cpu``: CPU ``seconds``, ``cores``, and seconds on all cores (``wall_s``);
        ``disk``, in bytes: most ``frames`` at a time; the ``data_set`` in the end;
        its part ``to_come``; and the ``peak`` of additional space;
        ``bandwidth``: bytes a second of each host of which none was measured;
        ``seconds``: least time in all, and the ``limit`` that decides it.
    """
    surveys = {
        str(survey): _survey(number, survey, counts, allowance)
        for number, survey in counts.surveys.items()
    }
    hosts = _hosts(counts, allowance)
    cpu = _cpu(counts, allowance)
    return {
        "targets": counts.targets,
        "surveys": surveys,
        "hosts": hosts,
        "cpu": cpu,
        "disk": _disk(surveys, hosts, allowance),
        "bandwidth": allowance.bandwidth,
        **_floor(hosts, cpu),
    }


def totals(bill: Bill, archive: str) -> Bill:
    """Give the totals for an archive, to compare the bill with the finished run.

    Returns
    -------
    dict
        ``frames`` for each survey, ``requests`` and ``bytes`` for each host: the sum of
        those spent already and those to come.
    """
    hosts = {
        h: one
        for h, one in bill["hosts"].items()
        if archive in one["archive"].split(", ")
    }
    return {
        "frames": {
            name: one["frames"] + one["frames_fetched"]
            for name, one in bill["surveys"].items()
            if name.startswith(f"{archive}:")
        },
        "requests": {
            h: one["requests"] + one["spent_requests"] for h, one in hosts.items()
        },
        "bytes": {h: one["bytes"] + one["spent_bytes"] for h, one in hosts.items()},
    }


# -- surveys and hosts ---------------------------------------------------------


def _survey(number: int, survey: Survey, counts: Counts, allowance: Allowance) -> Bill:
    tally = counts.tallies[number]
    groups = [group for group in counts.to_come if group.survey == number]
    unlocated = counts.unlocated.get(number, 0)
    return {
        "covered": tally.get(State.LOCATED, 0) + tally.get(State.DONE, 0),
        "no_coverage": tally.get(State.NO_COVERAGE, 0),
        "failed": tally.get(State.FAILED, 0),
        "unlocated": unlocated,
        "located_by": counts.routes.get(str(survey), {}),
        "frames": sum(group.frames - group.missing for group in groups),
        **expected_ways(survey, groups, allowance),
        "frames_fetched": sum(n for one, n in counts.fetched if one == number),
        "neighbours": round(count_neighbours(number, counts, allowance)),
        "stamps": tally.get("stamps", 0) + sum(g.frames * g.stamps for g in groups),
        "stamps_to_come": sum(group.frames * group.stamps for group in groups),
        "stamp_bytes": _stamp_bytes(survey, allowance.specs[survey.archive]),
    }


def _stamp_bytes(survey: Survey, spec: CutoutSpec) -> int:
    side, psf = _side(survey, spec), kind_of(survey.archive).costs.psf_side
    sizes = {
        Plane.FLUX: 4 * side**2,
        Plane.IVAR: 4 * side**2,
        Plane.MASK: side**2,
        Plane.PSF: 4 * psf**2,
    }
    planes = [size for plane, size in sizes.items() if plane in spec.planes and size]
    data = sum(math.ceil(size / _BLOCK) for size in planes)
    # Each plane but the flux has a header of one block.
    return _BLOCK * (_HEADER_BLOCKS + len(planes) - 1 + data)


def _side(survey: Survey, spec: CutoutSpec) -> int:
    costs = kind_of(survey.archive).costs
    return spec.size.pixels(costs.pixel_arcsec(survey.instrument))


def _hosts(counts: Counts, allowance: Allowance) -> dict[str, Bill]:
    archives = dict.fromkeys(s.archive for s in counts.surveys.values())
    loads = [
        (archive, *one)
        for archive in archives
        for one in _loads(archive, counts, allowance).items()
    ]
    loads.extend(neighbour_loads(counts, allowance))
    hosts = {}
    for service, load in add_loads(one[1:] for one in loads).items():
        manner = allowance.manners[service]
        requests, size = counts.spent.get(manner.host, (0, 0))
        hosts[manner.host] = {
            "archive": ", ".join(name for name, at, _ in loads if at == service),
            **_load(load, manner, allowance.limits(service).bandwidth),
            **speed_of_host(service, allowance),
            "in_flight": manner.files,
            "spent_requests": requests,
            "spent_bytes": size,
        }
    return hosts


def _loads(archive: str, counts: Counts, allowance: Allowance) -> dict[str, Load]:
    numbers = {n for n, s in counts.surveys.items() if s.archive == archive}
    unlocated = [counts.unlocated.get(number, 0) for number in numbers]
    samples = counts.samples.get(archive, SampleSummary())
    kind = kind_of(archive)
    if kind.fetch is Fetch.RANGES:
        priced = counts.priced.get(archive, ())
        return ranged_loads(kind, priced, unlocated=unlocated, samples=samples)
    return packed_loads(
        kind,
        [group for group in counts.to_come if group.survey in numbers],
        unlocated=unlocated,
        fetched=sum(frames for n, frames in counts.fetched if n in numbers),
        fetched_bytes=sum(
            tally[FETCHED] for n, tally in counts.tallies.items() if n in numbers
        ),
        samples=samples,
        planes=allowance.specs[archive].planes,
        way_of=allowance.way,
    )


def _load(load: Load, manner: Manner, bandwidth: float) -> Bill:
    rate_s, bandwidth_s = load.requests / manner.rate, load.bytes / bandwidth
    return {
        "requests": round(load.requests),
        "files": round(load.files),
        "bytes": round(load.bytes),
        "bytes_from": load.source,
        "guessed": load.guessed,
        "bytes_for_planes": round(load.for_planes),
        "rate": manner.rate,
        "rate_s": round(rate_s, 1),
        "bandwidth_s": round(bandwidth_s, 1),
        "limit": "rate" if rate_s >= bandwidth_s else "bandwidth",
    }


# -- this machine ----------------------------------------------------------------


def _cpu(counts: Counts, allowance: Allowance) -> Bill:
    seconds = sum(
        group.frames * _mean_frame_s(group, counts, allowance)
        for group in counts.to_come
    )
    wall_s = seconds / allowance.cores
    return {
        "seconds": round(seconds, 1),
        "cores": allowance.cores,
        "wall_s": round(wall_s, 1),
    }


def _mean_frame_s(group: FrameGroup, counts: Counts, allowance: Allowance) -> float:
    survey = counts.surveys[group.survey]
    each = [_frame_s(survey, group.stamps, allowance, at) for at in group.rows or [()]]
    return sum(each) / len(each)


def _frame_s(survey: Survey, stamps: int, allowance: Allowance, rows: Rows) -> float:
    # Decompression ends at the last needed row. For n galaxies at random positions that
    # row is at n / (n + 1) of the frame, on average. What the noise depends on is
    # behind the last row.
    kind, planes = kind_of(survey.archive), allowance.specs[survey.archive].planes
    way = allowance.way(kind, stamps, planes, rows)
    is_by_blocks = way in {Way.RANGES, Way.STREAM} or (rows and way is Way.EARLY)
    if kind.blocks is not None and is_by_blocks:
        frame = PackedFrame.of(kind, kind.blocks, stamps, planes, rows=rows)
        return cost_of(way, frame).cpu_s + stamps * _STAMP_S
    is_left = kind.fetch is Fetch.BEGINNING and Plane.IVAR not in planes
    part = stamps / (stamps + 1) if is_left else 1.0
    return part * kind.costs.decode_s + stamps * _STAMP_S


def _disk(
    surveys: Mapping[str, Bill], hosts: Mapping[str, Bill], allowance: Allowance
) -> Bill:
    all_frames = sum(host["bytes"] for host in hosts.values())
    in_hand = sum(
        host["in_flight"] * host["bytes"] / host["files"]
        for host in hosts.values()
        if host["files"]
    )
    frames = round(min(all_frames, allowance.cache_bytes + in_hand))
    data_set, to_come = (
        sum(one[stamps] * one["stamp_bytes"] for one in surveys.values())
        for stamps in ("stamps", "stamps_to_come")
    )
    return {
        "frames": frames,
        "data_set": data_set,
        "to_come": to_come,
        "peak": frames + to_come,
    }


def _floor(hosts: Mapping[str, Bill], cpu: Bill) -> Bill:
    # The limits work in parallel, so the slowest decides. All hosts share the network.
    floors = {f"{name}: requests a second": h["rate_s"] for name, h in hosts.items()}
    floors["bandwidth"] = sum(host["bandwidth_s"] for host in hosts.values())
    floors["CPU"] = cpu["wall_s"]
    limit = max(floors, key=floors.__getitem__)
    return {"seconds": round(floors[limit], 1), "limit": limit}
