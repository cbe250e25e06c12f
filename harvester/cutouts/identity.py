"""Whether a frame is the one that was asked for, by what its header says of itself.

An archive's cache may mix files up. Pixels of another band would look like a good
stamp, and those of another place like a galaxy that no image covers: so a frame that
says it is another one is damaged, as far as we are concerned, and fetched again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .frame_bytes import CorruptFrameError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..models import Product

__all__ = ["check_identity", "field_of"]

#: Band, run, camera column and field in the name of an SDSS frame.
_SDSS_NAME = re.compile(r"frame-([ugriz])-(\d{6})-(\d)-(\d{4})\.fits")

#: The bands see a piece of sky one after the other, each two frames after the one
#: before: by so much may the FRAME of a header be larger than the field in the name.
_FRAMES_LATE = {"r": 0, "i": 2, "u": 4, "z": 6, "g": 8}


def field_of(product: Product) -> str:
    """Give the field in the name of an SDSS frame; empty if it names none."""
    match = _SDSS_NAME.match(product.name)
    return match[4] if match else ""


def check_identity(
    product: Product, look_up: Callable[[str], str], *, is_empty: bool
) -> None:
    """Refuse a frame that says it is another one than ``product``.

    Parameters
    ----------
    look_up
        Gives a card of the frame as text, empty where there is none.
    is_empty
        No target lies in it. Where names of files are no sure sign (HST: products
        of several pipelines) only this raises a doubt.

    Raises
    ------
    CorruptFrameError
        Its header tells of another run, camera column, field, band or file.
    """
    match = _SDSS_NAME.match(product.name)
    if match:
        told = f"band {look_up('FILTER')} run {look_up('RUN')} camera column "
        told += f"{look_up('CAMCOL')} frame {look_up('FRAME')}"
        is_other = _is_other_field(look_up, *match.groups())
    else:
        told = f"file {look_up('FILENAME')}"
        is_other = is_empty and look_up("FILENAME") not in {"", product.name}
    if is_other:
        msg = f"its header is of {told}"
        raise CorruptFrameError(msg)


def _is_other_field(
    look_up: Callable[[str], str], band: str, run: str, column: str, field: str
) -> bool:
    fields = {int(field), int(field) + _FRAMES_LATE[band]}
    return (
        look_up("FILTER") not in {"", band}
        or _differs(look_up("RUN"), {int(run)})
        or _differs(look_up("CAMCOL"), {int(column)})
        or _differs(look_up("FRAME"), fields)
    )


def _differs(told: str, known: set[int]) -> bool:
    """Whether a number is told, and is none of these."""
    return told.isdecimal() and int(told) not in known
