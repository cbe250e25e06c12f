"""The quality flags of a stamp."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Flag"]


class Flag(StrEnum):
    """A doubt about a stamp; the sentences are the rules.

    The noise and the background are those of the corners, averaged over cells: a stamp
    has at most 40 x 40 of them.
    """

    BLANK = "blank"
    """More than a quarter of the pixels repeat the value to their left, as in an area
    that the archive filled with zeros."""
    SATURATED = "saturated"
    """At least one pixel is marked as saturated in the mask."""
    OFF_CENTRE = "off_centre"
    """The light near the target has its peak farther away than a tenth of the side of
    the stamp (at least 3 pixels). The peak is found by going uphill from the target in
    steps of two cells. It must be brighter than the place of the target by five times
    the noise. If nothing is seen there, it is the brightest place within a quarter of
    the side, and must be ten times the noise. A galaxy with a brighter one beside it is
    not flagged, nor is a faint one alone."""
    EDGE = "edge"
    """Part of the requested area lies outside the frame."""
    PARTIAL = "partial"
    """Part of the requested pixels have no value."""
    FILLED = "filled"
    """Some pixels come from the neighbouring frame."""
    BAD_BACKGROUND = "bad_background"
    """The medians of the corners differ by more than the noise of a pixel: a gradient,
    a halo, or a step between detectors. The brightest corner is left out, because it
    may hold a star."""
    DUPLICATE_POSITION = "duplicate_position"
    """Another target of the catalogue is nearer than an arcsecond. This flag depends on
    the catalogue only, and is added when the manifest is written."""
