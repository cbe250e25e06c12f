"""The bill: what the rest of a harvest asks of the archives and of this machine.

Pure arithmetic on what the ledger has counted: nothing is asked, nothing written.
What cannot be known before is estimated, and the bill says from what.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from .ledger.view import LedgerView
from .states import State

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Mapping, Sequence

    from .ledger.view import FrameGroup
    from .models import CutoutSpec, Survey
    from .places import Places

__all__ = [
    "BANDWIDTH",
    "Allowance",
    "Bill",
    "Counts",
    "Manner",
    "in_all",
    "make_bill",
    "read_bill",
    "words",
]

#: What ``plan --json`` prints; its keys are a promise to scripts.
Bill = dict[str, Any]

#: Services of an archive: for queries, for files, for files that have a mirror.
_SERVICES = {
    "sdss": ("sdss-sky", "sdss-sas", "sdss-sas"),
    "hst": ("mast", "mast", "s3"),
}

#: Positions of one query, where identifiers do not tell the frame.
_UPLOAD = 1000

#: Bytes of a file where neither the archive nor experience tells. SDSS: seven
#: frames of u, g, r and i had 3.2 to 3.9 MB, compressed. HST: one WFC3/IR pointing of
#: about 1060 x 960 pixels has 13 MB; mosaics and other cameras have more.
_TYPICAL_BYTES = {"sdss": 3_600_000, "hst": 13_000_000}

#: Bytes of headers, rows of pixels and images (SCI and WHT) of a HST frame that is
#: fetched by parts, and the requests for its headers; see `ranged`.
_HEADER_BYTES = 92_000
_ROW_BYTES = 4 * 1060
_FRAME_ROWS = 960
_IMAGES = 2
_HEADER_REQUESTS = 2

#: Fetched frames from which on experience counts more than what is typical.
_ENOUGH = 20

#: CPU seconds on one core for a whole frame. SDSS: `bz2.decompress` of one of 12.4 MB
#: took 0.45 to 0.5 s. HST is not compressed: cutting 1 to 3 stamps took 0.01 s.
_DECODE_S = {"sdss": 0.48, "hst": 0.01}

#: CPU seconds of a stamp from the pixels to its file.
_STAMP_S = 0.001

#: Pixels on the sky in arcsec: of SDSS, of HST's cameras, and of those not named.
_PIXEL_ARCSEC = {"": 0.396, "WFC3/IR": 0.128, "ACS/WFC": 0.05, "WFC3/UVIS": 0.04}
_OTHER_ARCSEC = 0.05

#: Bytes of a FITS block, and blocks of a stamp's header.
_BLOCK = 2880
_HEADER_BLOCKS = 2


#: Bytes a second of the network, where nobody said: a good line to an archive.
BANDWIDTH = 20e6


class Manner(NamedTuple):
    """How much one service may be asked."""

    #: Official host, by which traffic is counted.
    host: str
    #: Requests a second.
    rate: float
    #: Files in flight.
    files: int


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a harvest may use."""

    #: By the name of the service.
    manners: Mapping[str, Manner]
    #: How stamps are cut, by archive.
    specs: Mapping[str, CutoutSpec]
    #: Cutting processes.
    cores: int
    #: Bytes of frames that stay on disk.
    cache_bytes: int
    #: Bytes a second that the network is taken to carry, from each host.
    bandwidth: float


@dataclass(frozen=True, slots=True)
class Counts:
    """What the ledger has counted, by the number of the survey or by the host."""

    targets: int
    surveys: Mapping[int, Survey]
    tallies: Mapping[int, Counter[str]]
    unlocated: Mapping[int, int]
    to_come: Sequence[FrameGroup]
    #: Survey, whether it has a mirror, frames.
    fetched: Sequence[tuple[int, bool, int]]
    #: Requests and bytes.
    spent: Mapping[str, tuple[int, int]]


class _Frames(NamedTuple):
    """Frames that one service is to send, and those that it sent."""

    groups: list[FrameGroup]
    fetched: int
    #: Rows of a stamp where frames are fetched by parts, else 0.
    rows: int = 0


def read_bill(places: Places, allowance: Allowance) -> Bill:
    """Work out the bill of a run as it stands; locating comes before."""
    with LedgerView.open(places.ledger) as view:
        counts = Counts(
            targets=view.count("target"),
            surveys=view.surveys(),
            tallies=view.tallies(),
            unlocated=view.unlocated(),
            to_come=view.frames_to_come(),
            fetched=view.frames_fetched(),
            spent={name: (requests, size) for name, requests, size, _ in view.hosts()},
        )
    return make_bill(counts, allowance)


def make_bill(counts: Counts, allowance: Allowance) -> Bill:
    """Work out what is to come.

    Returns
    -------
    dict
        ``targets``;
        ``surveys``, each with galaxies ``covered``, ``no_coverage``, ``failed`` and
        ``unlocated``, ``frames`` to fetch and ``frames_fetched``, ``stamps`` in the
        end and ``stamp_bytes`` of one;
        ``hosts``, each with ``requests``, ``files`` and ``bytes`` to come,
        ``bytes_from`` (listed, seen, typical), ``rate`` (requests a second),
        ``rate_s``, ``bandwidth_s``, ``limit``, ``spent_requests``, ``spent_bytes``;
        ``cpu`` with ``seconds``, ``cores``, ``wall_s``;
        ``disk`` in bytes: ``frames`` at once, ``data_set`` in the end, ``peak``;
        ``bandwidth`` that was assumed, bytes a second;
        ``seconds`` that it takes at least, and the ``limit`` that makes it so.
    """
    surveys = {
        str(survey): _survey(number, survey, counts, allowance)
        for number, survey in counts.surveys.items()
    }
    hosts: dict[str, Bill] = {}
    for archive in dict.fromkeys(s.archive for s in counts.surveys.values()):
        hosts |= _hosts(archive, counts, allowance)
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


def in_all(bill: Bill, archive: str) -> Bill:
    """Give what an archive is asked in all, to be compared with the truth later.

    Returns
    -------
    dict
        ``frames`` for each survey, ``requests`` and ``bytes`` for each host; what is
        spent already and what is to come.
    """
    hosts = {h: one for h, one in bill["hosts"].items() if one["archive"] == archive}
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


# -- arithmetic -----------------------------------------------------------------


def _survey(number: int, survey: Survey, counts: Counts, allowance: Allowance) -> Bill:
    tally = counts.tallies[number]
    groups = [group for group in counts.to_come if group.survey == number]
    unlocated = counts.unlocated.get(number, 0)
    return {
        "covered": tally.get(State.LOCATED, 0) + tally.get(State.DONE, 0),
        "no_coverage": tally.get(State.NO_COVERAGE, 0),
        "failed": tally.get(State.FAILED, 0),
        "unlocated": unlocated,
        "frames": sum(group.frames for group in groups),
        "frames_fetched": sum(n for one, _, n in counts.fetched if one == number),
        "stamps": tally.get("stamps", 0) + sum(g.frames * g.stamps for g in groups),
        "stamp_bytes": _stamp_bytes(survey, allowance.specs[survey.archive]),
    }


def _stamp_bytes(survey: Survey, spec: CutoutSpec) -> int:
    scale = _PIXEL_ARCSEC.get(survey.instrument, _OTHER_ARCSEC)
    pixels = 4 * spec.size.pixels(scale) ** 2
    return _BLOCK * (_HEADER_BLOCKS + math.ceil(pixels / _BLOCK))


def _hosts(archive: str, counts: Counts, allowance: Allowance) -> dict[str, Bill]:
    queries, *stores = _SERVICES[archive]
    numbers = {n for n, s in counts.surveys.items() if s.archive == archive}
    hosts = {}
    for service in dict.fromkeys((queries, *stores)):
        mirrored = [which for which, store in enumerate(stores) if store == service]
        frames = _Frames(
            [
                g
                for g in counts.to_come
                if g.survey in numbers and g.mirrored in mirrored
            ],
            sum(n for s, m, n in counts.fetched if s in numbers and m in mirrored),
            _rows(service, allowance),
        )
        asked = 0
        if service == queries:
            asked = sum(_queries(archive, counts.unlocated.get(n, 0)) for n in numbers)
            # Its traffic is not that of files alone: nothing is learned from it.
            frames = frames._replace(fetched=0)
        manner = allowance.manners[service]
        spent = counts.spent.get(manner.host, (0, 0))
        host = _host(frames, asked, spent, manner, allowance.bandwidth, archive)
        hosts[manner.host] = host
    return hosts


def _rows(service: str, allowance: Allowance) -> int:
    # Only the bucket is asked for parts.
    if service != "s3":
        return 0
    return allowance.specs["hst"].size.pixels(_PIXEL_ARCSEC["WFC3/IR"])


def _parts(group: FrameGroup, rows: int) -> tuple[float, float]:
    # Requests and bytes of one frame of the group, if it is fetched by parts: stamps
    # that lie anywhere share rows by chance. Galaxies that cluster share more, so
    # this is more than it will be rather than less.
    apart = max(0.0, 1 - rows / _FRAME_ROWS)
    spans = max(1.0, group.stamps * apart ** (group.stamps - 1))
    needed = _FRAME_ROWS * (1 - apart**group.stamps)
    requests = _HEADER_REQUESTS + _IMAGES * spans
    return requests, _HEADER_BYTES + _IMAGES * _ROW_BYTES * needed


def _queries(archive: str, unlocated: int) -> int:
    if archive == "sdss":
        return math.ceil(unlocated / _UPLOAD)
    return 2 if unlocated else 0  # a count and a list


def _host(
    frames: _Frames,
    queries: int,
    spent: tuple[int, int],
    manner: Manner,
    bandwidth: float,
    archive: str,
) -> Bill:
    spent_requests, spent_bytes = spent
    files = sum(group.frames for group in frames.groups)
    unsized = files - sum(group.sized for group in frames.groups)
    each, per_file, source = float(_TYPICAL_BYTES[archive]), 1.0, "typical"
    if frames.rows and files:
        parts = [(group.frames, *_parts(group, frames.rows)) for group in frames.groups]
        per_file = sum(n * requests for n, requests, _ in parts) / files
        each = sum(n * size for n, _, size in parts) / files
        unsized = files
    if frames.fetched >= _ENOUGH and spent_bytes:
        each, per_file = spent_bytes / frames.fetched, spent_requests / frames.fetched
        source = "seen"
    listed = 0 if frames.rows else sum(group.size for group in frames.groups)
    size = listed + unsized * each
    requests = queries + round(files * per_file)
    rate_s, bandwidth_s = requests / manner.rate, size / bandwidth
    return {
        "archive": archive,
        "requests": requests,
        "files": files,
        "bytes": round(size),
        "bytes_from": source if unsized else "listed",
        "rate": manner.rate,
        "rate_s": round(rate_s, 1),
        "bandwidth_s": round(bandwidth_s, 1),
        "limit": "rate" if rate_s >= bandwidth_s else "bandwidth",
        "in_flight": manner.files,
        "spent_requests": spent_requests,
        "spent_bytes": spent_bytes,
    }


def _cpu(counts: Counts, allowance: Allowance) -> Bill:
    seconds = sum(
        group.frames * _frame_s(counts.surveys[group.survey].archive, group.stamps)
        for group in counts.to_come
    )
    wall_s = seconds / allowance.cores
    return {
        "seconds": round(seconds, 1),
        "cores": allowance.cores,
        "wall_s": round(wall_s, 1),
    }


def _frame_s(archive: str, stamps: int) -> float:
    # Decompression ends at the last needed row: of n galaxies that lie anywhere it
    # is at n / (n + 1) of the frame, on average.
    part = stamps / (stamps + 1) if archive == "sdss" else 1.0
    return part * _DECODE_S[archive] + stamps * _STAMP_S


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
    data_set = sum(one["stamps"] * one["stamp_bytes"] for one in surveys.values())
    return {"frames": frames, "data_set": data_set, "peak": frames + data_set}


def _floor(hosts: Mapping[str, Bill], cpu: Bill) -> Bill:
    # They go on side by side: the slowest decides. The network is one for all hosts.
    floors = {f"{name}: requests a second": h["rate_s"] for name, h in hosts.items()}
    floors["bandwidth"] = sum(host["bandwidth_s"] for host in hosts.values())
    floors["CPU"] = cpu["wall_s"]
    limit = max(floors, key=floors.__getitem__)
    return {"seconds": round(floors[limit], 1), "limit": limit}


# -- words ------------------------------------------------------------------------


def words(bill: Bill) -> str:
    """Say it for a person."""
    return "\n".join(_lines(bill))


def _lines(bill: Bill) -> Iterator[str]:
    where = f"{bill['out']}: " if bill.get("out") else ""
    yield f"{where}{bill['targets']:,} targets"
    yield from _survey_lines(bill["surveys"])
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
    if bill["seconds"]:
        yield f"time  at least {_time(bill['seconds'])}, because of {bill['limit']}"
    unlocated = sum(one["unlocated"] for one in bill["surveys"].values())
    if unlocated:
        yield f"{unlocated:,} galaxies are not located yet: their frames are not in it."


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
