"""Writes the manifest of a run in its present state."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..ledger.view import LedgerView
from ..models import Plane
from .manifest import write_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..places import Places

__all__ = ["make_manifest"]


def make_manifest(places: Places) -> tuple[Path, Path]:
    """Write the manifest of a run, which may be running; return its two files."""
    with LedgerView.open(places.ledger) as view:
        return write_manifest(places, view.manifest(), _made_by(view.facts()))


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
