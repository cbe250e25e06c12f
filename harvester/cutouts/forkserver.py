"""Imported by the server that cutting processes are forked from, by nothing else.

Whoever ends a harvest often signals its whole process group (a terminal, a service
manager). The cutting processes must not go before their parent does: it would take
what they had in hand for deaths that galaxies have caused. So neither they nor this
server hear SIGTERM (nor SIGHUP: see `warm_up`); they end when their parent ends
them, or is gone.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import suppress

# What every cutting process needs is imported once, here.
import astropy.wcs

from ..archives.registry import kinds
from ..errors import InputError
from . import cutouts

__all__ = ["astropy", "cutouts"]

# A process that is forked when the harvest has ended already finds nothing of it, and
# would print a traceback. What goes wrong in a process is reported by its parent.
sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - for the life of the process

signal.signal(signal.SIGTERM, signal.SIG_IGN)

# The archives as well. If one cannot be loaded, the harvest itself has said so.
with suppress(InputError):
    kinds()

# What all processes share stays shared: looking for cycles in it would write to it.
gc.freeze()
