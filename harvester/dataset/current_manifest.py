"""Writes the manifest of a run in its present state."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..archives.registry import kinds
from ..importing import IMPORTING
from ..ledger.view import LedgerView
from ..models import Plane

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..places import Places

__all__ = ["make_manifest"]


def make_manifest(places: Places) -> tuple[Path, Path]:
    """Write the manifest of a run, which may be running; return its two files."""
    with IMPORTING:
        from .manifest import write_manifest
    with LedgerView.open(places.ledger) as view:
        facts = {**_made_by(view.facts()), "harvest": _stamp_settings(places)}
        return write_manifest(places, view.manifest(), facts)


def _made_by(facts: Mapping[str, str]) -> dict[str, Any]:
    """Give what the manifest tells of its run; see `run_facts`."""
    settings = json.loads(facts["settings"])
    return {
        "version": __version__,
        "settings": settings,
        "settings_sha256": facts["settings sha256"],
        "catalogue": Path(facts["catalogue"]).name,
        "catalogue_sha256": facts["catalogue sha256"],
        "planes": settings.get("planes", str(Plane.FLUX)).split(","),
    }


def _stamp_settings(places: Places) -> dict[str, Any]:
    """Give those settings of a run that decide how its stamps are cut.

    Of an archive these are the options of the command line; its other settings may be
    private, such as a folder. Empty if the settings file is gone.
    """
    if not places.settings.exists():
        return {}
    known = tomllib.loads(places.settings.read_text(encoding="utf-8"))
    found: dict[str, Any] = {
        name: known[name] for name in ("surveys", "cutout") if name in known
    }
    for name, kind in kinds().items():
        options = {
            key
            for key, field in kind.section.model_fields.items()
            if isinstance(field.json_schema_extra, dict)
        }
        section = known.get(name, {})
        found[name] = {k: value for k, value in section.items() if k in options}
    return found
