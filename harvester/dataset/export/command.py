"""The command ``harvester export``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ...errors import InputError
from ...places import Places

__all__ = ["export"]


@click.command()
@click.argument(
    "folder", envvar="HARVESTER_RUN", default=".", type=click.Path(path_type=Path)
)
@click.option("--to", required=True, metavar="FORMAT", help="See docs/datasets.md.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the data set. Default: exports/FORMAT in FOLDER.",
)
@click.option(
    "--bands",
    metavar="BAND,...",
    help="Only these bands: r or survey:r. A survey's name means all its bands.",
)
@click.option(
    "--labels", metavar="COLUMN,...", help="Only these columns of the catalogue."
)
@click.option(
    "--split",
    metavar="F/F/F",
    help="Fractions of training, validation and test set, such as 0.8/0.1/0.1.",
)
@click.option(
    "--by",
    type=click.Choice(["sky", "random"]),
    help="sky: galaxies that share a frame are in one set. random: each on its own.  "
    "[default: sky]",
)
@click.option("--seed", type=int, help="Of the splits.  [default: 0]")
@click.option(
    "--min-coverage",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Leave out stamps with a smaller part of valid pixels.",
)
@click.option(
    "--starter",
    metavar="N",
    type=click.IntRange(min=1),
    help="A small edition: N galaxies, always the same.",
)
@click.option(
    "--native-endian",
    is_flag=True,
    help="Refuse formats whose numbers torch does not take: those of FITS files.",
)
@click.option(
    "--images",
    type=click.Choice(["jpg", "fits"]),
    help="Type of image files, for --to zoobot.  [default: jpg]",
)
@click.option(
    "--align",
    metavar="BAND|north|grid",
    help="Bring all bands and surveys of a galaxy onto one pixel grid: that of a band, "
    "one with north up, or one in the orientation of the first band.",
)
@click.option(
    "--resampling",
    type=click.Choice(["exact", "bilinear", "adaptive"]),
    help="With --align: exact (the default) conserves flux; the others interpolate.",
)
@click.option(
    "--pixel-scale",
    metavar="ARCSEC",
    type=click.FloatRange(min=0, min_open=True),
    help="With --align north or grid: width of a pixel; that of the first band.",
)
@click.option(
    "--size",
    help="With --align north or grid: 40px or 15arcsec; that of the first band.",
)
@click.option(
    "--register/--no-register",
    default=None,
    help="With --align: move a band by up to half a pixel if the galaxy's centre in it "
    "certainly differs from that in the reference band. Default: register.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def export(folder: Path, to: str, *, as_json: bool, **options: Any) -> None:
    """Export the run in FOLDER as a data set in another format.

    The default FOLDER is $HARVESTER_RUN, or else the working directory. If an export
    was interrupted, the same command continues it.
    """
    from .export import export_run

    out = options.pop("out")
    chosen = _to_options(**options)
    made = export_run(Places(folder), to, chosen, out=out, quiet=as_json)
    click.echo(json.dumps(made.to_json()) if as_json else made.words())


def _to_options(
    *,
    bands: str | None,
    labels: str | None,
    split: str | None,
    by: str | None,
    seed: int | None,
    **rest: Any,
) -> Any:
    from .options import ExportOptions
    from .selection.splits import parse_split

    alignment = _alignment(
        rest.pop("align"),
        how=rest.pop("resampling"),
        **{name: rest.pop(name) for name in ("pixel_scale", "size", "register")},
    )
    if split is None and (by, seed) != (None, None):
        msg = (
            "--by and --seed say how --split divides the galaxies: write it too, such "
            "as --split 0.8/0.1/0.1."
        )
        raise InputError(msg)
    return ExportOptions(
        bands=_listed("--bands", bands),
        labels=_listed("--labels", labels),
        split=None if split is None else parse_split(split, by or "sky", seed or 0),
        align=alignment,
        **rest,
    )


def _alignment(to: str | None, **given: Any) -> Any:
    from ..aligned_run.align_options import AlignOptions

    chosen = {name: value for name, value in given.items() if value is not None}
    if to is not None:
        return AlignOptions(to, **chosen)
    if chosen:
        msg = (
            "--resampling, --pixel-scale, --size and --register are of --align: name "
            "a band, north or grid there"
        )
        raise InputError(msg)
    return None


def _listed(option: str, text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    names = tuple(name.strip() for name in text.split(","))
    if "" in names:
        # An unset variable of a shell would choose everything.
        msg = f"{option} {text!r} has an empty name. Leave {option} out to have all."
        raise InputError(msg)
    return names
