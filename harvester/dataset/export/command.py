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
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def export(folder: Path, to: str, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401 - click's options
    """Export the run in FOLDER as a data set in another format.

    The default FOLDER is $HARVESTER_RUN, or else the working directory. If an export
    was interrupted, the same command continues it.
    """
    from .export import export_run  # noqa: PLC0415 - seconds of imports

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
    **rest: Any,  # noqa: ANN401 - click's options
) -> Any:  # noqa: ANN401 - imported inside
    from .options import ExportOptions  # noqa: PLC0415 - see above
    from .splits import parse_split  # noqa: PLC0415 - slow to import

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
        **rest,
    )


def _listed(option: str, text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    names = tuple(name.strip() for name in text.split(","))
    if "" in names:
        # An unset variable of a shell would choose everything.
        msg = f"{option} {text!r} has an empty name. Leave {option} out to have all."
        raise InputError(msg)
    return names
