"""The settings of a run, and the versions that work on it."""

from __future__ import annotations

import platform
import re
import sqlite3
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from ... import __version__
from ...ledger.browsing import BrowsingView

if TYPE_CHECKING:
    from .shown_run import ShownRun

__all__ = ["about_run"]

#: Packages whose version may change what a harvest does.
_PACKAGES = ("aiohttp", "astropy", "astroquery", "numpy", "pyarrow", "scipy")

#: The mail address of the user, which the archives get, is not shown.
_PRIVATE = re.compile(r'^(contact = )".+"$', re.MULTILINE)


def about_run(run: ShownRun) -> dict[str, Any]:
    """Give the settings as TOML, without the contact; the catalogue, and versions.

    Raises
    ------
    HarvesterError
        The ledger cannot be read.
    """
    with BrowsingView.open(run.places.ledger) as view:
        facts = view.facts()
        schema, rejected = view.schema(), view.count("reject")
    try:
        settings = run.places.settings.read_text("utf-8")
    except OSError:
        settings = ""
    return {
        "facts": {
            "Folder": run.folder,
            "Catalogue": facts.get("catalogue", ""),
            "Rows rejected": f"{rejected:,}",
            "Begun by": facts.get("made by", ""),
            "Ledger": f"schema {schema}",
        },
        "settings": _PRIVATE.sub(r'\1"(not shown)"', settings),
        "versions": {
            "harvester": __version__,
            "Python": platform.python_version(),
            "SQLite": sqlite3.sqlite_version,
            **{name: version(name) for name in _PACKAGES},
        },
    }
