"""Exports: how quickly they are written and loaded, and how large they are.

    make test-loaders && .venv-loaders/bin/python benchmarks/loading.py --real ../shared

A stamp is 2 x 40 x 40 pixels: flux and mask of one galaxy in two bands.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from gear_hash import new_bytes
from glue import load_by_hand
from made_run import BANDS, SIDE, drop_galaxies, make_run
from paper import Paper, ratios, spread
from readers import READERS, hugging_face
from stamp_sources import painted, real_hst, real_sdss

from harvester.dataset.export.export import export_run
from harvester.dataset.export.options import ExportOptions
from harvester.places import Places

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

#: Bytes of the pixels of a stamp, flux and mask, before compression.
_RAW = len(BANDS) * SIDE * SIDE * (4 + 1)

#: Stamps that are loaded by hand in each round.
_BY_HAND = 2000

#: Galaxies that are exported twice, and the part of them that the second time lacks.
_AGAIN, _DROPPED = 10_000, 0.005


def main() -> None:
    """Run the chosen parts."""
    options = _options()
    paper = Paper()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        run = folder / "run"
        make_run(run, painted(), options.galaxies)
        if "writing" in options.parts:
            _show_writing(run, folder, options, paper)
        if "loading" in options.parts:
            _show_loading(run, folder, options, paper)
        if "again" in options.parts:
            _show_again(folder, paper)
        if "sizes" in options.parts:
            _show_sizes(folder, options.real, paper)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--galaxies", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--real", type=Path, help="folder of real data, ../shared")
    parser.add_argument("--folder", type=Path, help="where to work; 5 GB")
    parser.add_argument(
        "--parts",
        type=lambda text: text.split(","),
        default=["writing", "loading", "again", "sizes"],
    )
    return parser.parse_args()


def _export(run: Path, to: str, out: Path) -> Path:
    shutil.rmtree(out, ignore_errors=True)
    return export_run(Places(run), to, ExportOptions(), out=out, quiet=True).folder


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _timed_twice(work: Callable[[], object]) -> tuple[float, float]:
    """Give the seconds of the wall clock, and those of CPU."""
    began = time.process_time()
    wall = _timed(work)
    return wall, time.process_time() - began


# ------------------------------------------------------------------ writing


def _show_writing(
    run: Path, folder: Path, options: argparse.Namespace, paper: Paper
) -> None:
    """Export in turns with the usual way, which writes the same planes and labels."""
    paper.say(f"## Writing {options.galaxies:,} stamps, in turns\n")
    ours, usual = [], []
    for _ in range(options.rounds):
        ours.append(_timed_twice(lambda: _export(run, "hats", folder / "hats")))
        usual.append(_timed_twice(lambda: from_generator(run, folder / "generated")))
    paper.table(
        "way|seconds|stamps/s|time / ours|CPU seconds|CPU / ours",
        [
            _written("harvester export --to hats", ours, ours, options),
            _written("datasets.Dataset.from_generator", usual, ours, options),
        ],
    )


def _written(
    name: str,
    taken: list[tuple[float, float]],
    ours: list[tuple[float, float]],
    options: argparse.Namespace,
) -> list[str]:
    wall, cpu = map(list, zip(*taken, strict=True))
    our_wall, our_cpu = map(list, zip(*ours, strict=True))
    rate = f"{options.galaxies / min(wall):,.0f}"
    of_wall, of_cpu = ratios(wall, our_wall), ratios(cpu, our_cpu)
    return [name, spread(wall), rate, of_wall, spread(cpu), of_cpu]


def from_generator(run: Path, cache: Path) -> None:
    """Write the stamps of a run the usual way: load by hand, let `datasets` write."""
    import datasets

    shutil.rmtree(cache, ignore_errors=True)
    datasets.disable_progress_bars()
    shape = (len(BANDS), SIDE, SIDE)
    features = datasets.Features(
        {
            "id": datasets.Value("string"),
            "flux": datasets.Array3D(shape, "float32"),
            "mask": datasets.Array3D(shape, "uint8"),
            "label": datasets.Value("string"),
        }
    )
    datasets.Dataset.from_generator(
        load_by_hand, features, str(cache), gen_kwargs={"out": run}
    )


# ------------------------------------------------------------------ loading


def _show_loading(
    run: Path, folder: Path, options: argparse.Namespace, paper: Paper
) -> None:
    """Read all fluxes of each format, in turns, and some by hand."""
    formats = dict.fromkeys(to for to, _ in READERS.values())
    outs = {to: _export(run, to, folder / f"to-{to}") for to in formats}
    first = _timed(lambda: hugging_face(outs["hats"]))
    rates: dict[str, list[float]] = {"by hand: astropy, pandas": []}
    for _ in range(options.rounds):
        rates["by hand: astropy, pandas"].append(_by_hand(run))
        for name, (to, read) in READERS.items():
            rates.setdefault(name, []).append(_rate_of(read, outs[to]))
    sizes = {to: _size(out) / options.galaxies / _RAW for to, out in outs.items()}
    glue = rates["by hand: astropy, pandas"]
    paper.say(f"## Loading {options.galaxies:,} stamps\n")
    paper.say(f"`datasets` converts first: {options.galaxies / first:,.0f} stamps/s.\n")
    paper.table(
        "reader|format|stamps/s|rate / by hand|bytes / raw",
        (
            [
                name,
                READERS[name][0] if name in READERS else "the run",
                spread(own, 0),
                ratios(own, glue),
                f"{sizes[READERS[name][0]]:.2f}" if name in READERS else "",
            ]
            for name, own in rates.items()
        ),
    )


def _by_hand(run: Path) -> float:
    rows = load_by_hand(run)
    next(rows)  # the table is read
    return _BY_HAND / _timed(lambda: list(islice(rows, _BY_HAND)))


def _rate_of(read: Callable[[Path], Any], out: Path) -> float:
    count = 0
    began = time.perf_counter()
    for stamps in read(out):
        count += len(stamps)
    return count / (time.perf_counter() - began)


def _size(out: Path) -> int:
    return sum(path.stat().st_size for path in _files(out))


# ------------------------------------------------------------------ again, and sizes


def _show_again(folder: Path, paper: Paper) -> None:
    """Export twice, the second time without some galaxies; compare the chunks."""
    noise = np.random.default_rng(3).normal(size=(len(BANDS), _AGAIN, SIDE, SIDE))
    stamps = list(noise.astype(np.float32))
    make_run(folder / "all", stamps, _AGAIN)
    old = _export(folder / "all", "hats", folder / "old")
    drop_galaxies(folder / "all", _DROPPED)
    new = _export(folder / "all", "hats", folder / "new")
    counts: dict[str, NDArray[np.int64]] = {"all": np.zeros(2, int)}
    for path, *count in new_bytes(_files(old), _files(new)):
        part = _part(path.relative_to(new))
        counts[part] = counts.get(part, 0) + np.array(count)
        counts["all"] += count
    paper.say(f"## Again, without 0.5 % of {_AGAIN:,} galaxies; stamps of noise\n")
    rows = [
        [part, f"{total:,}", f"{100 * fresh / total:.1f} %"]
        for part, (total, fresh) in sorted(counts.items(), key=lambda one: -one[1][0])
    ]
    paper.table("part|bytes|new bytes", rows)


def _part(path: Path) -> str:
    """Give the table that a file is of, with its kind if it only describes others."""
    kind = path.name if path.name.startswith("_") else ""
    return " ".join([path.parts[0], kind]) if len(path.parts) > 1 else "other files"


def _files(out: Path) -> list[Path]:
    return sorted(path for path in out.rglob("*") if path.is_file())


def _show_sizes(folder: Path, real: Path | None, paper: Paper) -> None:
    """Export stamps of real images."""
    sources: dict[str, Callable[[], NDArray[np.float32]]]
    sources = {"SDSS, painted": lambda: painted()[0]}
    if real:
        sources["SDSS, real frames"] = lambda: real_sdss(real / "data" / "sdss")
        sources["HST, drizzled"] = lambda: real_hst(real / "data" / "hst")
    paper.say("## Bytes of the columns / raw\n")
    rows = []
    for name, source in sources.items():
        rows.append([name, *_size_of(source(), folder)])
    paper.table("images|stamps|flux|mask", rows)


def _size_of(stamps: NDArray[np.float32], folder: Path) -> list[str]:
    import pyarrow.parquet as pq

    shutil.rmtree(folder / "sizes", ignore_errors=True)
    half = len(stamps) // 2
    make_run(folder / "sizes", [stamps[:half], stamps[half : 2 * half]], half)
    out = _export(folder / "sizes", "hats", folder / "sized")
    used = {"flux.list.element": 0, "mask.list.element": 0}
    for path in (out / "sky").rglob("Npix=*.parquet"):
        footer = pq.read_metadata(path)
        for number in range(footer.num_row_groups):
            group = footer.row_group(number)
            for place in range(group.num_columns):
                column = group.column(place)
                if column.path_in_schema in used:
                    used[column.path_in_schema] += column.total_compressed_size
    raw = 2 * half * SIDE * SIDE
    flux, mask = used.values()
    return [f"{2 * half:,}", f"{flux / raw / 4:.3f}", f"{mask / raw:.4f}"]


if __name__ == "__main__":
    main()
