"""The image files of the sandbox, painted when they are first asked for."""

from __future__ import annotations

from .paint_hst import drz
from .paint_sdss import sdss_frame

__all__ = ["drz", "sdss_frame"]
