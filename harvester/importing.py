"""Imports while the program runs: one slow import at a time, and other packages.

A module that takes a tenth of a second to import is imported where it is first used,
in any thread. The modules of astropy and astroquery import each other in circles. If
two threads import them at once, one of the threads can see a half-initialised module;
the lock prevents that.
"""

from __future__ import annotations

import gc
import sys
import threading
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from .errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["IMPORTING", "with_plugins"]


class _Importing:
    """A lock during which Python does not search for cycles of unused objects.

    Nearly all objects that an import makes stay. Searching them again and again would
    take a sixth of the time until the first request.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._was_enabled = False
        #: Number of modules when the outermost block began.
        self._modules = 0

    def __enter__(self) -> None:
        self._lock.acquire()
        self._depth += 1
        if self._depth == 1:
            self._was_enabled, self._modules = gc.isenabled(), len(sys.modules)
            gc.disable()

    def __exit__(self, *failure: object) -> None:
        self._depth -= 1
        if not self._depth and self._was_enabled:
            # Moves all objects to the oldest generation, which is searched least. Of a
            # program that has frozen some, none may be released here. If nothing was
            # imported, unused objects would only stay longer.
            is_new = len(sys.modules) != self._modules
            if is_new and not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()
            gc.enable()
        self._lock.release()


#: Hold it during an import inside a function.
IMPORTING = _Importing()


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_Plugin = TypeVar("_Plugin", bound=_Named)


def with_plugins(own: Iterable[_Plugin], group: str, what: str) -> dict[str, _Plugin]:
    """Give what this package has and what other packages add, by name.

    Parameters
    ----------
    own
        Those of this package; they come first.
    group
        Group of the entry points of other packages.
    what
        What they are, for messages: ``archive`` or ``format``.

    Raises
    ------
    InputError
        One of another package cannot be loaded, or its name is in use.
    """
    from importlib.metadata import entry_points  # `harvester --help` needs none

    known = {one.name: one for one in own}
    article = "an" if what[0] in "aeiou" else "a"
    for point in entry_points(group=group):
        package = str(getattr(point.dist, "name", "?"))
        one = _load(point, what, package)
        if one.name in known:
            msg = (
                f"package {package} adds {article} {what} {one.name!r}, but that name "
                f"is in use. Uninstall the package, or change the {what}'s name."
            )
            raise InputError(msg)
        known[one.name] = one
    return known


def _load(point: Any, what: str, package: str) -> Any:  # noqa: ANN401 - the plugin's own type
    try:
        return point.load()
    except Exception as error:
        msg = (
            f"{what} {point.name!r} of package {package} cannot be loaded: {error}. "
            "Update or uninstall that package."
        )
        raise InputError(msg) from error
