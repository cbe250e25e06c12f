"""One slow import at a time.

What takes a tenth of a second to import and is not needed at once is imported where
it is first used, which may be in any thread. Packages whose modules import each other
in circles, as those of astropy and astroquery do, are then seen half made by the one
of two threads that comes second: so they take turns.
"""

from __future__ import annotations

import threading

__all__ = ["IMPORTING"]

#: Held while something is imported within a function.
IMPORTING = threading.RLock()
