"""Draw the pictures of a run and write them to files; the same run, the same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ...errors import InputError, LocalError
from ..opened.galaxies import open_run
from ..stamps import atomic_write
from .coverage_plot import draw_coverage
from .figure_style import drawing, save_figure
from .label_plot import check_labels, draw_labels
from .pixel_plot import draw_pixels
from .sky_plot import draw_sky
from .throughput_plot import draw_throughput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from ..opened.galaxies import Galaxies

__all__ = ["PlotOptions", "write_plots"]


@dataclass(frozen=True, slots=True)
class PlotOptions:
    """What to draw, and how."""

    #: Names of pictures.
    names: Sequence[str]
    #: ``png`` or ``pdf``.
    kind: str = "png"
    #: Columns of the catalogue to compare; None: those that tell galaxies apart.
    labels: Sequence[str] | None = None
    #: The most stamps of a band whose pixels are measured.
    limit: int = 5000


def write_plots(folder: Path, out: Path, options: PlotOptions) -> Iterator[str]:
    """Write the pictures; give a line for each: its path, or why there is none.

    Raises
    ------
    InputError
        There is no run, matplotlib is not installed, a label does not exist, or labels
        are chosen for other pictures.
    LocalError
        The pictures cannot be written.
    """
    if options.labels is not None and "labels" not in options.names:
        msg = "--labels is for the picture labels: add --only labels"
        raise InputError(msg)
    with drawing():
        data = open_run(folder)
        check_labels(data.labels, options.labels or ())
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            msg = f"the folder {out} cannot be made: {error.strerror}"
            raise LocalError(msg) from error
        for name in options.names:
            figure = _drawers(options)[name](data)
            if isinstance(figure, str):
                yield f"no picture {name}: {figure}"
                continue
            path = out / f"{name}.{options.kind}"
            with atomic_write(path) as new:
                save_figure(figure, new, options.kind)
            yield str(path)


def _drawers(
    options: PlotOptions,
) -> Mapping[str, Callable[[Galaxies], Figure | str]]:
    """Give for each picture what draws it, or says why it cannot be drawn."""
    return {
        "sky": draw_sky,
        "coverage": draw_coverage,
        "labels": partial(draw_labels, names=options.labels),
        "pixels": partial(draw_pixels, limit=options.limit),
        "throughput": draw_throughput,
    }
