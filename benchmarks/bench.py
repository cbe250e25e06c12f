"""Everything that is claimed about speed, measured side by side in one run.

    python benchmarks/bench.py --galaxies 20 --rounds 5 --per-frame 1,5,12

prints tables and writes them, with all single results, to ``benchmarks/results``.
docs/performance.md says how to read them.
"""

from __future__ import annotations

import argparse
import bz2
import json
import os
import platform
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from break_even import break_even
from cutting import cutting_rounds
from downloads import AT_ONCE, download_rounds
from harvests import Sky, floor, rounds, scaling
from pace import pace
from skies import LATENCY_S

from harvester.sandbox.paint import sdss_frame
from harvester.sandbox.sky import Sky as PaintedSky
from harvester.settings import SERVICES, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harvests import Result

HERE = Path(__file__).parent

#: HST images lie where they do: galaxies a frame are SDSS's.
_HST_PER_FRAME = 5

#: Pixels; stamps that need more and more of a WFC3 frame, of some 1,000 rows.
_SIDES = [40, 123, 300, 500, 700]

#: MB/s of a connection to an archive, slow and quick.
_BANDWIDTHS = [9, 30]

#: Files that are downloaded alone.
_MOST_FILES = 40


class Paper:
    """What is printed, line by line, and kept."""

    def __init__(self) -> None:
        self.text = ""

    def say(self, line: str = "") -> None:
        """Print a line and keep it."""
        print(line, flush=True)
        self.text += f"{line}\n"

    def table(self, head: str, rows: Iterable[Iterable[object]]) -> None:
        """Print a table; the head names the columns between bars."""
        columns = head.split("|")
        for cells in [columns, ["---"] * len(columns), *rows]:
            self.say(f"| {' | '.join(str(cell).strip() for cell in cells)} |")
        self.say()


def main() -> None:
    """Measure what was asked for, and write it down after each part."""
    options = _options()
    options.out.mkdir(parents=True, exist_ok=True)
    paper = Paper()
    paper.say(f"# make bench, {time.strftime('%Y-%m-%d')}\n")
    found: dict[str, Any] = {"machine": _machine(), "options": _told(options)}
    paper.say(f"Machine: {found['machine']}. Rounds: {options.rounds}.\n")
    with tempfile.TemporaryDirectory() as folder:
        for name in options.parts:
            found[name] = PARTS[name](options, Path(folder) / name, paper, found)
            _write(options.out, found, paper)
    print(f"written to {options.out}/bench.json and bench.md")


def _told(options: argparse.Namespace) -> dict[str, Any]:
    # Where things are on this machine is nobody's business.
    frame = options.frame and options.frame.name
    kept = {name: value for name, value in vars(options).items() if name != "out"}
    return kept | {"frame": frame}


def _write(out: Path, found: dict[str, Any], paper: Paper) -> None:
    (out / "bench.json").write_text(json.dumps(found, indent=1, default=str))
    (out / "bench.md").write_text(paper.text)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--parts", type=_words, default=list(PARTS))
    parser.add_argument("--galaxies", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--per-frame", type=_numbers, default=[1, 5, 12])
    parser.add_argument("--hst", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument(
        "--harvester-only", action="store_true", help="compare with the floor alone"
    )
    parser.add_argument("--workers", type=_numbers, default=[1, 2, 4])
    parser.add_argument("--pace-seconds", type=float, default=5)
    parser.add_argument(
        "--frame",
        type=Path,
        default=_real_frame(),
        help="a real SDSS frame to cut, .fits.bz2",
    )
    parser.add_argument("--out", type=Path, default=HERE / "results")
    return parser.parse_args()


def _real_frame() -> Path | None:
    folder = Path(os.environ.get("HARVESTER_REAL_DATA", HERE.parents[1] / "shared"))
    return next(iter(sorted(folder.glob("data/sdss/frame-*.fits.bz2"))), None)


def _words(text: str) -> list[str]:
    wrong = [word for word in text.split(",") if word not in PARTS]
    if wrong:
        msg = f"{wrong[0]} is none of {', '.join(PARTS)}"
        raise argparse.ArgumentTypeError(msg)
    return text.split(",")


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def _machine() -> str:
    cores = len(os.sched_getaffinity(0))
    python = platform.python_version()
    return f"{platform.platform()}, {_processor()}, {cores} cores, Python {python}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _downloads(
    options: argparse.Namespace, folder: Path, paper: Paper, _found: dict[str, Any]
) -> dict[str, Any]:
    where = Sky("sdss", min(options.galaxies, _MOST_FILES), per_frame=1)
    seconds, size = download_rounds(where, options.rounds, folder)
    _show_downloads(seconds, size, paper)
    return {"seconds": seconds, "bytes": size}


def _harvests(
    options: argparse.Namespace, folder: Path, paper: Paper, found: dict[str, Any]
) -> list[dict[str, Any]]:
    skies = [Sky("sdss", options.galaxies, k) for k in options.per_frame]
    if options.hst:
        skies.append(Sky("hst", options.galaxies, _HST_PER_FRAME))
    _say_conditions(options, paper)
    bandwidth = _bandwidth(found)
    return [
        _harvest(where, options, folder / f"sky{number}", paper, bandwidth)
        for number, where in enumerate(skies)
    ]


def _bandwidth(found: dict[str, Any]) -> float:
    """Give the bytes a second of downloads; without limit if they were not measured."""
    if "downloads" not in found:
        return float("inf")
    seconds = min(map(min, found["downloads"]["seconds"].values()))
    return float(found["downloads"]["bytes"] / seconds)


def _harvest(
    where: Sky,
    options: argparse.Namespace,
    folder: Path,
    paper: Paper,
    bandwidth: float,
) -> dict[str, Any]:
    results, decodes = rounds(
        where, options.rounds, folder, alone=options.harvester_only
    )
    floors = [
        floor(result, where, bandwidth=bandwidth, unpacking_s=decode)
        for result, decode in zip(results["harvester"], decodes, strict=True)
    ]
    _show_harvests(where, results, floors, decodes, paper)
    return _plain(where, results) | {"floor_s": floors, "decode_s": decodes}


def _pace(
    options: argparse.Namespace, _folder: Path, paper: Paper, _found: dict[str, Any]
) -> list[dict[str, float]]:
    paper.say("## The throttle alone\n")
    found = [pace(rate, options.pace_seconds) for rate in (10, 20, 50)]
    paper.table(
        "allowed, 1/s|reached|most in any second|least gap, ms",
        (
            [
                one["allowed"],
                f"{one['reached']:.1%}",
                one["most in a second"],
                f"{one['least gap ms']:.1f}",
            ]
            for one in found
        ),
    )
    return found


def _cutting(
    options: argparse.Namespace, _folder: Path, paper: Paper, _found: dict[str, Any]
) -> dict[str, Any]:
    paper.say("## Cutting alone\n")
    found = cutting_rounds(_frame(options.frame), options.rounds)
    ours = found["seconds"]["harvester"]
    which = (
        f"the real frame {options.frame.name}" if options.frame else "a made-up frame"
    )
    paper.say(f"Stamps of 40 x 40 out of {which}.\n")
    paper.table(
        "who|microseconds a stamp, median|time / harvester, median (best)"
        "|same pixels as Cutout2D",
        (
            [
                name,
                f"{1e6 * median(own):.1f}",
                _ratios(own, ours),
                f"{found['identical'][name]} of {found['stamps'][name]}",
            ]
            for name, own in found["seconds"].items()
        ),
    )
    if found["not installed"]:
        missing = ", ".join(found["not installed"])
        paper.say(f"Not installed, not compared: {missing}.\n")
    return found


def _frame(path: Path | None) -> bytes:
    if path is not None:
        return path.read_bytes()
    made_up = PaintedSky.make(1, targets=5, per_field=5, hst_images=False)
    return bz2.compress(sdss_frame(made_up, next(iter(made_up.fields)), "r"))


def _show_downloads(seconds: dict[str, list[float]], size: int, paper: Paper) -> None:
    ours = seconds["harvester, checked"]
    paper.say("## Downloads alone\n")
    paper.say(f"{size / 1e6:.0f} MB of frames, {AT_ONCE} at once, no latency.\n")
    paper.table(
        "who|seconds, median|MB/s, best|time / harvester, median (best)",
        (
            [
                name,
                f"{median(own):.2f}",
                f"{size / min(own) / 1e6:.0f}",
                _ratios(own, ours),
            ]
            for name, own in seconds.items()
        ),
    )


def _say_conditions(options: argparse.Namespace, paper: Paper) -> None:
    services = Settings().services
    rates = ", ".join(f"{name} {services.named(name).rate:g}/s" for name in SERVICES)
    delays = ", ".join(f"{1000 * s:.0f} ms a {kind}" for kind, s in LATENCY_S.items())
    paper.say("## Whole harvests\n")
    paper.say(f"{options.galaxies} galaxies, {delays}, one warm sandbox for all.")
    paper.say(f"The harvester has its ordinary settings, stamps of 40 px: {rates}.")
    paper.say(
        "The others have no limit. Each starts from nothing; its imports count.\n"
    )


def _show_harvests(
    where: Sky,
    results: dict[str, list[Result]],
    floors: list[float],
    decodes: list[float],
    paper: Paper,
) -> None:
    galaxies = where.galaxies
    ours = [one.wall_s for one in results["harvester"]]
    paper.say(f"### {where.survey.upper()}, {where.per_frame} galaxies a field\n")
    paper.table(
        "who|seconds, median (best)|time / harvester, median (best)|CPU s"
        "|requests a galaxy|MB a galaxy|repeats|stamps",
        (
            [
                name,
                f"{median(walls):.1f} ({min(walls):.1f})",
                _ratios(walls, ours),
                f"{median(one.cpu_s for one in own):.1f}",
                f"{sum(own[-1].requests.values()) / galaxies:.2f}",
                f"{own[-1].received / galaxies / 1e6:.2f}",
                own[-1].repeats,
                own[-1].stamps,
            ]
            for name, own in results.items()
            for walls in [[one.wall_s for one in own]]
        ),
    )
    over = [wall / least for wall, least in zip(ours, floors, strict=True)]
    paper.say(
        f"Floor {median(floors):.1f} s (unpacking a frame: {median(decodes):.2f} s "
        f"of a core); harvester / floor, median (best): {median(over):.2f} "
        f"({min(over):.2f}).\n"
    )


def _scaling(
    options: argparse.Namespace, folder: Path, paper: Paper, _found: dict[str, Any]
) -> dict[int, list[dict[str, Any]]]:
    paper.say("## Processes\n")
    paper.say("SDSS, one galaxy a frame, no latency, rates of 100/s.\n")
    where = Sky("sdss", options.galaxies, per_frame=1)
    results = scaling(where, options.workers, options.rounds, folder)
    first = [one.wall_s for one in results[options.workers[0]]]
    paper.table(
        "processes|seconds, median (best)|speed-up, median (best)|CPU s",
        (
            [
                number,
                f"{median(walls):.1f} ({min(walls):.1f})",
                _ratios(first, walls),
                f"{median(one.cpu_s for one in own):.1f}",
            ]
            for number, own in results.items()
            for walls in [[one.wall_s for one in own]]
        ),
    )
    return {number: [asdict(one) for one in own] for number, own in results.items()}


def _break_even(
    options: argparse.Namespace, folder: Path, paper: Paper, _found: dict[str, Any]
) -> dict[int, list[dict[str, Any]]]:
    where = Sky("hst", options.galaxies, _HST_PER_FRAME)
    paper.say("## Parts of HST files, or whole files\n")
    paper.say("100 ms a request. A time below 1: parts are quicker.\n")
    found = {
        speed: break_even(
            where, _SIDES, options.rounds, folder / str(speed), bandwidth=speed
        )
        for speed in _BANDWIDTHS
    }
    paper.table(
        "MB/s of a connection|stamp, px|bytes, parts / whole|time, parts / whole, "
        "median (best)",
        (
            [
                speed,
                one.side,
                f"{one.part:.2f}",
                f"{median(one.ratios):.2f} ({min(one.ratios):.2f})",
            ]
            for speed, comparisons in found.items()
            for one in comparisons
        ),
    )
    return {
        speed: [
            {"side": one.side, "part": one.part, "ratios": one.ratios} for one in some
        ]
        for speed, some in found.items()
    }


def _ratios(theirs: list[float], ours: list[float]) -> str:
    """Compare round by round."""
    each = [a / b for a, b in zip(theirs, ours, strict=True)]
    return f"{median(each):.2f} ({max(each):.2f})"


def _plain(where: Sky, results: dict[str, list[Result]]) -> dict[str, Any]:
    each = {name: [asdict(one) for one in own] for name, own in results.items()}
    return {"sky": asdict(where), "results": each}


#: What can be measured, in this order.
PARTS = {
    "pace": _pace,
    "cutting": _cutting,
    "downloads": _downloads,
    "harvests": _harvests,
    "scaling": _scaling,
    "break-even": _break_even,
}

if __name__ == "__main__":
    main()
