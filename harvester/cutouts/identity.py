"""Check by its header that a frame is the one that was requested.

The cache of an archive may confuse files. Pixels of another band would look like a good
stamp, and a frame of another field like one that does not cover the galaxy. So a frame
whose header belongs to another file is treated as damaged, and is fetched again.
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

#: The five bands scan the same sky one after the other, each two frames after the one
#: before. By this number FRAME in a header may exceed the field in the file name.
_FRAMES_LATE = {"r": 0, "i": 2, "u": 4, "z": 6, "g": 8}


def field_of(product: Product) -> str:
    """Return the field in the name of an SDSS frame; empty if the name has none."""
    match = _SDSS_NAME.match(product.name)
    return match[4] if match else ""


def check_identity(
    product: Product, look_up: Callable[[str], str], *, is_empty: bool
) -> None:
    """Refuse a frame whose header belongs to another product than ``product``.

    Parameters
    ----------
    look_up
        Returns a card of the frame as text, empty if there is none.
    is_empty
        Whether no target is in the frame. The FILENAME of an HST frame may differ from
        the name of its product, because several pipelines write them, so it is compared
        only in this case.

    Raises
    ------
    CorruptFrameError
        The header has another run, camera column, field, band or file name.
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
        msg = f"its header belongs to {told}"
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
    """Return whether the card has a number that is not one of these."""
    return told.isdecimal() and int(told) not in known
