"""Footprints in STC-S, in all the spellings that occur in the archive."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .tangent import plane_to_sky

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Corners: ``(ra, dec)`` in degrees, or ``(x, y)`` in pixels.
Polygon = tuple[tuple[float, float], ...]

__all__ = ["DIALECTS", "Polygon", "halves", "listed"]

#: Spellings of a footprint; observations use them in turn.
DIALECTS = (
    "plain",
    "negative",
    "J2000",
    "pair",
    "GSC1",
    "circle",
    "negative",
    "ICRS",
    "ICRS circle",
    "negative",
)
#: Radius of a listed circle in half diagonals of the polygon: one spelling has a
#: circle inside the image, the other one around it.
_CIRCLES = {"circle": 0.64, "ICRS circle": 1.0}
_HALF_TURN = 180.0


def listed(dialect: str, outline: Polygon) -> tuple[str, tuple[Polygon, ...]]:
    """Give the text of a quadrilateral (ICRS degrees), and the area that it covers."""
    if dialect in _CIRCLES:
        ra, dec, radius = _circle(outline, _CIRCLES[dialect])
        prefix = "CIRCLE" if dialect == "circle" else "CIRCLE ICRS "
        return f"{prefix} {ra:.8f} {dec:.8f} {radius!r}", (_round(ra, dec, radius),)
    parts = halves(outline) if dialect == "pair" else (outline,)
    return " ".join(_spelled(dialect, part) for part in parts), parts


def halves(outline: Polygon) -> tuple[Polygon, Polygon]:
    """Split a quadrilateral into two that share an edge, like two detectors."""
    a, b, c, d = outline
    low, high = _between(a, b), _between(c, d)
    return (a, low, high, d), (low, b, c, high)


def _spelled(dialect: str, outline: Polygon) -> str:
    match dialect:
        case "negative" | "pair":
            # Rows of today: RA from -180 to 180, the first corner again twice.
            turned = [(_signed(ra), dec) for ra, dec in outline]
            return "POLYGON " + _numbers([*turned, turned[0], turned[0]], "{!r} {!r}")
        case "plain":
            return "POLYGON " + _numbers([*outline, outline[0]], "{:.10f} {:.10f}")
        case "GSC1":
            closed = [*outline, outline[0]]
            return "POLYGON GSC1  " + _numbers(closed, "{:.8f}  {:.8f}", "  ")
        case frame:
            return f"POLYGON {frame} " + _numbers(
                [*outline, outline[0]], "{:.8f} {:.8f}"
            )


def _numbers(corners: Sequence[tuple[float, float]], form: str, gap: str = " ") -> str:
    return gap.join(form.format(ra, dec) for ra, dec in corners)


def _signed(ra: float) -> float:
    return ra - 360.0 if ra > _HALF_TURN else ra


def _between(
    one: tuple[float, float], other: tuple[float, float]
) -> tuple[float, float]:
    # Between corners on both sides of RA 0 the middle is at 0, not at 180.
    step = (other[0] - one[0] + _HALF_TURN) % 360.0 - _HALF_TURN
    return round((one[0] + step / 2) % 360.0, 10), round((one[1] + other[1]) / 2, 10)


def _circle(outline: Polygon, part: float) -> tuple[float, float, float]:
    """Centre of an outline, and a part of the distance to its first corner."""
    ra, dec = _between(outline[0], outline[2])
    east = ((outline[0][0] - ra + _HALF_TURN) % 360.0) - _HALF_TURN
    half = math.hypot(east * math.cos(math.radians(dec)), outline[0][1] - dec)
    return ra, dec, round(part * half, 12)


def _round(ra: float, dec: float, radius_deg: float, points: int = 48) -> Polygon:
    turns = [math.tau * n / points for n in range(points)]
    return tuple(
        (float(lon), float(lat))
        for lon, lat in (
            plane_to_sky(ra, dec, radius_deg * math.sin(t), radius_deg * math.cos(t))
            for t in turns
        )
    )
