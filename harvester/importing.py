"""A lock for imports inside functions: one slow import at a time.

A module that takes a tenth of a second to import is imported where it is first used,
in any thread. The modules of astropy and astroquery import each other in circles. If
two threads import them at once, one of the threads can see a half-initialised module;
the lock prevents that.
"""

from __future__ import annotations

import threading

__all__ = ["IMPORTING"]

#: Hold it during an import inside a function.
IMPORTING = threading.RLock()
