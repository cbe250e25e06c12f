"""A small picture of a stamp, drawn as in the gallery."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ...dataset.gallery.brightness import OUTSIDE, grey
from ...dataset.gallery.north_up import Placement, north_up
from ...dataset.stamp_reader import read_stamp
from ...importing import IMPORTING
from ...ledger.browsing import BrowsingView

if TYPE_CHECKING:
    from ...dataset.stamp_reader import StampPlanes
    from ...ledger.browsing import LandedStamp
    from .shown_run import ShownRun

__all__ = ["draw_thumbnail"]

#: Pixels of a side.
_SIDE = 128

#: As in the gallery.
_QUALITY = 85


def draw_thumbnail(
    run: ShownRun, survey: int, target: int, band: str, product: int
) -> bytes | None:
    """Draw a stamp as JPEG: north up, east left; None if there is no such stamp.

    Raises
    ------
    LocalError
        Its file cannot be read.
    """
    with BrowsingView.open(run.places.ledger) as view:
        stamp = view.stamp(survey, target, band, product)
    if stamp is None:
        return None
    planes = read_stamp(run.places.out / stamp.file_loc)
    placed = _placement(stamp, planes)
    field = max(planes.flux.shape) * placed.scale
    with IMPORTING:  # the first picture imports scipy
        image, inside = north_up(planes.flux, placed, field, _SIDE)
    drawn = grey(np.where(inside, image, np.nan))
    drawn[~inside] = OUTSIDE
    packed = io.BytesIO()
    Image.fromarray(drawn).save(packed, "JPEG", quality=_QUALITY)
    return packed.getvalue()


def _placement(stamp: LandedStamp, planes: StampPlanes) -> Placement:
    facts = json.loads(stamp.facts or "{}")
    names = ("x", "y", "pixel_scale", "orientation", "flipped")
    if placed := Placement.from_row({name: facts.get(name) for name in names}):
        return placed
    with IMPORTING:
        return Placement.from_header(
            planes.header, stamp.ra, stamp.dec, planes.flux.shape
        )
