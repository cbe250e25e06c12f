"""All benchmarks of speed, side by side in one run.

    python benchmarks/bench.py --galaxies 20 --rounds 5 --per-frame 1.1,5

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
from typing import Any

from break_even import break_even
from by_way import rounds_by_way
from contest import Sky
from cutting import cutting_rounds
from downloads import AT_ONCE, download_rounds
from footprints import FOOTPRINTS, TARGETS, match_rounds
from harvest_tables import (
    say_conditions,
    show_break_even,
    show_harvests,
    show_scaling,
    show_ways,
)
from harvests import rounds
from pace import paces
from paper import Paper, ratios, spread
from processes import scaling

from harvester.archives.fetch import Way
from harvester.sandbox.paint_sdss import sdss_frame
from harvester.sandbox.sky import Sky as PaintedSky

HERE = Path(__file__).parent

#: Least number of frames in a table of whole harvests.
_FEWEST_FRAMES = 2

#: Galaxies in each HST image, unless this is compared.
_HST_PER_FRAME = 5

#: MB/s of a connection to an archive, slow and quick.
_BANDWIDTHS = [9, 30]

#: Files that are downloaded alone.
_MOST_FILES = 40


def main() -> None:
    """Run the chosen benchmarks, and write the results after each part."""
    options = _options()
    paper = Paper()
    paper.say(f"# make bench, {time.strftime('%Y-%m-%d')}\n")
    found: dict[str, Any] = {"machine": _machine(), "options": _told(options)}
    paper.say(f"Machine: {found['machine']}. Rounds: {options.rounds}.\n")
    with tempfile.TemporaryDirectory() as folder:
        for name in options.parts:
            found[name] = PARTS[name](options, Path(folder) / name, paper, found)
            _write(options.out, found, paper)
    print(f"written to {options.out}.json and .md")


def _told(options: argparse.Namespace) -> dict[str, Any]:
    # Do not write paths of this machine into the results.
    frame = options.frame and options.frame.name
    kept = {name: value for name, value in vars(options).items() if name != "out"}
    return kept | {"frame": frame}


def _write(out: Path, found: dict[str, Any], paper: Paper) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    told = json.dumps(found, indent=1, default=str)
    out.with_name(f"{out.name}.json").write_text(told)
    out.with_name(f"{out.name}.md").write_text(paper.text)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--parts", type=_words, default=list(PARTS))
    parser.add_argument("--galaxies", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    for survey, usual in (("--per-frame", 1.1), ("--hst-per-frame", 1)):
        parser.add_argument(
            survey, type=_numbers, default=[usual], help="such as 1.1,5; or none"
        )
    parser.add_argument(
        "--lines",
        type=_lines,
        default=[0, 12.5, 2.5],
        help="Mbit/s of all connections together, such as none,100,20",
    )
    parser.add_argument("--ways-line", type=_line, default=12.5, help="Mbit/s")
    parser.add_argument("--ways", type=_ways, default=[str(way) for way in Way])
    parser.add_argument("--sides", type=_whole_numbers, default=[40, 64])
    parser.add_argument(
        "--harvester-only", action="store_true", help="compare with the floor alone"
    )
    parser.add_argument("--workers", type=_whole_numbers, default=[1, 2, 4])
    parser.add_argument(
        "--break-even-sides",
        type=_whole_numbers,
        default=[40, 123, 300, 500],
        help="of stamps in pixels; a WFC3 frame has about 1,000 rows",
    )
    parser.add_argument("--pace-seconds", type=float, default=5)
    parser.add_argument(
        "--frame",
        type=Path,
        default=_real_frame(),
        help="a real SDSS frame to cut, .fits.bz2",
    )
    parser.add_argument(
        "--out", type=Path, default=HERE / "results/bench", help="without .md, .json"
    )
    return parser.parse_args()


def _real_frame() -> Path | None:
    folder = Path(os.environ.get("HARVESTER_REAL_DATA", HERE.parents[1] / "shared"))
    return next(iter(sorted(folder.glob("data/sdss/frame-r-*.fits.bz2"))), None)


def _words(text: str) -> list[str]:
    wrong = [word for word in text.split(",") if word not in PARTS]
    if wrong:
        msg = f"{wrong[0]} is none of {', '.join(PARTS)}"
        raise argparse.ArgumentTypeError(msg)
    return text.split(",")


def _ways(text: str) -> list[str]:
    try:
        return [str(Way(word)) for word in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _numbers(text: str) -> list[float]:
    return [] if text == "none" else [float(word) for word in text.split(",")]


def _whole_numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def _lines(text: str) -> list[float]:
    return [_line(word) for word in text.split(",")]


def _line(word: str) -> float:
    """Read a bandwidth in Mbit/s; give it in MB/s, 0 for none."""
    return 0.0 if word == "none" else float(word) / 8


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
    options: argparse.Namespace, folder: Path, paper: Paper, _found: dict[str, Any]
) -> list[dict[str, Any]]:
    say_conditions(paper)
    found = []
    for number, where in enumerate(_skies(options)):
        own = folder / f"sky{number}"
        lines = options.lines if where.survey == "sdss" else options.lines[:1]
        alone = options.harvester_only
        for raced in rounds(where, lines, options.rounds, own, alone=alone):
            show_harvests(where, raced, paper)
            found.append({"sky": asdict(where)} | asdict(raced))
    return found


def _skies(options: argparse.Namespace) -> list[Sky]:
    return [
        Sky(survey, max(options.galaxies, round(_FEWEST_FRAMES * each)), each)
        for survey, per_frame in (
            ("sdss", options.per_frame),
            ("hst", options.hst_per_frame),
        )
        for each in per_frame
    ]


def _ways_of_frames(
    options: argparse.Namespace, folder: Path, paper: Paper, _found: dict[str, Any]
) -> list[dict[str, Any]]:
    paper.say("## SDSS by way\n")
    paper.say("The harvester alone, forced to one way; auto is its own choice.\n")
    found = []
    for number, each in enumerate(options.per_frame):
        where = Sky("sdss", max(options.galaxies, round(_FEWEST_FRAMES * each)), each)
        for one in rounds_by_way(
            where,
            options.ways,
            options.sides,
            options.rounds,
            folder / f"sky{number}",
            line=options.ways_line,
        ):
            show_ways(where, one, paper)
            found.append({"sky": asdict(where)} | asdict(one))
    return found


def _pace(
    options: argparse.Namespace, folder: Path, paper: Paper, _found: dict[str, Any]
) -> dict[str, list[dict[str, float]]]:
    paper.say("## The throttle\n")
    found = paces(options.pace_seconds, folder)
    paper.table(
        "lane|allowed, 1/s|reached|most in any second|too many|least gap, ms",
        (
            [
                lane,
                one["allowed"],
                f"{one['reached']:.1%}",
                one["most in a second"],
                one["too many"],
                f"{one['least gap ms']:.1f}",
            ]
            for lane, each in found.items()
            for one in each
        ),
    )
    return found


def _footprints(
    options: argparse.Namespace, _folder: Path, paper: Paper, _found: dict[str, Any]
) -> list[dict[str, float]]:
    paper.say("## Footprints\n")
    found = match_rounds(options.rounds)
    paper.say(f"{TARGETS:,} targets, {FOOTPRINTS:,} footprints, as text.\n")
    paper.table(
        "seconds, median (range)|reading them|matching|pairs",
        [
            [
                spread([one.seconds for one in found], 2),
                f"{median(one.reading_s for one in found):.2f}",
                f"{median(one.matching_s for one in found):.2f}",
                f"{found[-1].pairs:,}",
            ]
        ],
    )
    return [asdict(one) for one in found]


def _cutting(
    options: argparse.Namespace, _folder: Path, paper: Paper, _found: dict[str, Any]
) -> dict[str, Any]:
    paper.say("## Cutting alone\n")
    found = cutting_rounds(_frame(options.frame), options.rounds)
    paper.say(f"Stamps of 40 x 40 out of {_called(options.frame, found['what'])}.\n")
    _show_cutting("in memory", "harvester", found, paper)
    _show_cutting("from a file", "harvester, from a file", found, paper)
    if found["not installed"]:
        missing = ", ".join(found["not installed"])
        paper.say(f"Not installed, not compared: {missing}.\n")
    return found


def _called(frame: Path | None, what: str) -> str:
    """Describe the frame; only a file as SDSS serves it counts as real."""
    if frame is None:
        return "a made-up frame"
    if not what:
        return f"{frame.name}, which is no frame as SDSS serves it"
    return f"the real frame {frame.name} ({what})"


def _show_cutting(kind: str, ours: str, found: dict[str, Any], paper: Paper) -> None:
    """Print contestants with the same start: pixels in memory, or a file."""
    seconds = {
        name: own
        for name, own in found["seconds"].items()
        if name.endswith("from a file") == (kind == "from a file")
    }
    paper.table(
        f"{kind}|microseconds a stamp, median|time / {ours}, median (best)"
        "|same pixels as Cutout2D",
        (
            [
                name,
                f"{1e6 * median(own):.1f}",
                ratios(own, seconds[ours]),
                f"{found['identical'][name]} of {found['stamps'][name]}",
            ]
            for name, own in seconds.items()
        ),
    )


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
                ratios(own, ours),
            ]
            for name, own in seconds.items()
        ),
    )


def _scaling(
    options: argparse.Namespace, folder: Path, paper: Paper, _found: dict[str, Any]
) -> dict[int, list[dict[str, Any]]]:
    paper.say("## Processes\n")
    paper.say("SDSS, one galaxy a frame, no latency, rates of 100/s.\n")
    where = Sky("sdss", options.galaxies, per_frame=1)
    results = scaling(where, options.workers, options.rounds, folder)
    show_scaling(results, paper)
    return {number: [asdict(one) for one in own] for number, own in results.items()}


def _break_even(
    options: argparse.Namespace, folder: Path, paper: Paper, _found: dict[str, Any]
) -> dict[int, list[dict[str, Any]]]:
    where = Sky("hst", options.galaxies, _HST_PER_FRAME)
    paper.say("## Parts of HST files, or whole files\n")
    paper.say("100 ms a request. A time below 1: parts are quicker.\n")
    found = {
        speed: break_even(
            where,
            options.break_even_sides,
            options.rounds,
            folder / str(speed),
            bandwidth=speed,
        )
        for speed in _BANDWIDTHS
    }
    show_break_even(found, paper)
    return {
        speed: [
            {"side": one.side, "part": one.part, "ratios": one.ratios} for one in some
        ]
        for speed, some in found.items()
    }


#: What can be measured, in this order.
PARTS = {
    "harvests": _harvests,
    "ways": _ways_of_frames,
    "pace": _pace,
    "footprints": _footprints,
    "cutting": _cutting,
    "downloads": _downloads,
    "scaling": _scaling,
    "break-even": _break_even,
}

if __name__ == "__main__":
    main()
