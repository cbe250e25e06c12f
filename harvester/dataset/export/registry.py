"""The known formats: the modules in ``formats``, and those of other packages.

Another package adds a format by an entry point in the group ``harvester.exports`` that
refers to an `ExportFormat`.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ...errors import InputError
from ...importing import with_plugins
from . import formats

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .kind import ExportFormat

__all__ = ["GROUP", "export_formats", "format_of"]

#: Group of the entry points by which other packages add formats.
GROUP = "harvester.exports"


@cache
def export_formats() -> Mapping[str, ExportFormat]:
    """Give the formats by name, those of this package first.

    Raises
    ------
    InputError
        Another package's format cannot be loaded, or its name is in use.
    """
    return with_plugins(_own(), GROUP, "format")


def _own() -> Iterator[ExportFormat]:
    for module in pkgutil.iter_modules(formats.__path__):
        found = import_module(f"{formats.__name__}.{module.name}")
        if hasattr(found, "FORMAT"):
            yield found.FORMAT


def format_of(name: str) -> ExportFormat:
    """Give the format of this name, if all that it needs is installed.

    Raises
    ------
    InputError
        There is no such format, or its extra is not installed.
    """
    known = export_formats()
    if name not in known:
        msg = f"there is no format {name!r}. Write --to {', '.join(sorted(known))}."
        raise InputError(msg)
    chosen = known[name]
    lacking = [one for one in chosen.modules if find_spec(one) is None]
    if lacking:
        msg = (
            f"--to {name} needs {', '.join(lacking)}. Install it: "
            f"pip install 'galaxy-harvester[{chosen.extra}]'"
        )
        raise InputError(msg)
    return chosen
