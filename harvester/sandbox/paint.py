"""The pixels of the sandbox: every file an archive of it has, painted on demand."""

from __future__ import annotations

from .paint_hst import drz
from .paint_sdss import sdss_frame

__all__ = ["drz", "sdss_frame"]
