"""How the pictures look: colours that colour-blind people tell apart, large text."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from ...errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from matplotlib.figure import Figure

__all__ = [
    "COLOURS",
    "LINES",
    "QUIET",
    "STATES",
    "drawing",
    "new_figure",
    "save_figure",
    "say_below",
]

#: The palette of Okabe and Ito: safe for all common kinds of colour blindness.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000")

#: Line styles, so that curves differ in grey print too.
LINES = ("-", "--", "-.", ":")

#: For what is not the subject.
QUIET = "#8A8F98"


class StateLook(NamedTuple):
    """How a state is drawn: by colour and by shape."""

    colour: str
    marker: str
    #: Square points.
    area: float
    is_hollow: bool = False


#: The look of each state. The marks have different sizes, so that each can be seen
#: where they lie on top of each other.
STATES = {
    "done": StateLook(COLOURS[0], "o", 18),
    "failed": StateLook(COLOURS[3], "X", 55),
    "located": StateLook(COLOURS[1], "^", 60),
    "pending": StateLook(COLOURS[4], "s", 70),
    "no_coverage": StateLook("#7D838D", "o", 110, is_hollow=True),
}

_SETTINGS = {
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.labelsize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "savefig.dpi": 150,
    # Otherwise the hashes in names of objects in PDF files would change.
    "svg.hashsalt": "harvester",
}


@contextmanager
def drawing() -> Iterator[None]:
    """Use the same settings on each machine, whatever the user's own are.

    Raises
    ------
    InputError
        matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        msg = (
            "drawing pictures needs matplotlib. Install it with: "
            "pip install 'galaxy-harvester[plot]'"
        )
        raise InputError(msg) from error
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def new_figure(width: float, height: float) -> Figure:
    """Give an empty figure; sides in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    # Inches around each panel; with the default, titles touch the edge.
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
    return figure


def say_below(figure: Figure, text: str) -> None:
    """Write a note below the panels."""
    figure.supxlabel(text, fontsize=9, color="#555B66", x=0.01, ha="left")


def save_figure(figure: Figure, path: Path, kind: str) -> None:
    """Write a figure; without the date and the version of matplotlib."""
    empty: dict[str, Any] = {
        "png": {"Software": None},
        "pdf": {"Creator": None, "Producer": None, "CreationDate": None},
    }[kind]
    figure.savefig(path, format=kind, metadata=empty)
