"""Set up the fork server of the worker processes; only the fork server imports this.

A terminal or a service manager often signals a whole process group. Workers must
outlive the parent, or it blames the galaxies being cut for their death. So the workers
and this server ignore SIGTERM (and SIGHUP: see `warm_up`). They end when the parent
ends them, or when it has exited.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import suppress

from ..errors import InputError
from ..importing import IMPORTING

# Import what every worker needs once, here, so that forked workers have it already.
with IMPORTING:
    import astropy.io.fits
    import astropy.wcs

    from ..archives.registry import kinds
    from . import block_job, cutouts

    # Import the archives too. If one cannot be loaded, the harvest has reported it
    # already.
    with suppress(InputError):
        kinds()

    # Exclude all objects so far from garbage collection: it would write to memory pages
    # that the workers share, so that each of them would get a copy.
    gc.freeze()

__all__ = ["astropy", "block_job", "cutouts"]

# A worker that is forked just after the harvest has ended fails, and would print a
# traceback. The parent reports errors of workers, so their stderr is not needed.
sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - open until the process ends

signal.signal(signal.SIGTERM, signal.SIG_IGN)
