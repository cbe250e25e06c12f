"""SkyServer's ImgCutout: a small colour picture of a place in the sky."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

from aiohttp import web
from PIL import Image, ImageDraw

from .tangent import Tangent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .photo import PhotoCatalogue

__all__ = ["preview"]

#: Pixels a side.
_SIDES = (64, 2048)
#: Arcsec a pixel.
_SCALES = (0.015, 60.0)

_REASONS = {404: "NOT FOUND. Outside the footprint."}


def preview(photo: PhotoCatalogue, query: Mapping[str, str]) -> web.Response:
    """Draw the galaxies around a position; outside the survey answer 404.

    Raises
    ------
    ValueError
        A parameter is missing, is not a number, or is out of range.
    """
    ra, dec = float(query.get("ra", "")), float(query.get("dec", ""))
    scale = _bounded(query.get("scale", "0.396127"), _SCALES)
    width = int(_bounded(query.get("width", "128"), _SIDES))
    height = int(_bounded(query.get("height", "128"), _SIDES))
    picture = Image.new("RGB", (width, height), (8, 8, 14))
    if not photo.covers(ra, dec):
        return _jpeg(picture, 404)
    step = scale / 3600.0
    frame = Tangent(ra, dec, width / 2, height / 2, (-step, 0.0, 0.0, -step))
    _draw(picture, photo, frame, scale)
    return _jpeg(picture, 200)


def _bounded(text: str, bounds: tuple[float, float]) -> float:
    value = float(text)
    if not bounds[0] <= value <= bounds[1]:
        msg = f"{value:g} is not between {bounds[0]:g} and {bounds[1]:g}"
        raise ValueError(msg)
    return value


def _draw(
    picture: Image.Image, photo: PhotoCatalogue, frame: Tangent, scale: float
) -> None:
    draw = ImageDraw.Draw(picture)
    reach = math.hypot(*picture.size) / 2 * scale / 3600.0
    for found in photo.within(frame.ra, frame.dec, reach):
        x, y = map(float, frame.to_pixel(found.ra, found.dec))
        size = max(1.0, found.r50 / scale)
        draw.ellipse((x - size, y - size, x + size, y + size), fill=(205, 190, 160))


def _jpeg(picture: Image.Image, status: int) -> web.Response:
    file = io.BytesIO()
    picture.save(file, "JPEG")
    return web.Response(
        body=file.getvalue(),
        status=status,
        reason=_REASONS.get(status),
        content_type="image/jpeg",
    )
