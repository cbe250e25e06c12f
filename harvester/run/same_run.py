"""Whether a run is continued as it was begun: its settings, and its catalogues."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..ledger.view import LedgerView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..places import Places
    from ..settings.settings import Settings

__all__ = [
    "ID_COLUMN",
    "TAKEN",
    "catalogue_sha256",
    "check_same_run",
    "check_same_settings",
    "identity_facts",
    "taken_catalogues",
]

#: Keys among the facts of a run: the column of its identifiers (empty: they are made of
#: the positions), and, as JSON, the catalogues that were added to it.
ID_COLUMN, TAKEN = "id column", "taken catalogues"


def identity_facts(settings: Settings) -> dict[str, str]:
    """Give the facts of a run that tell which settings decide its stamps."""
    return {
        "settings": json.dumps(settings.identity(), sort_keys=True),
        "settings sha256": settings.identity_hash(),
    }


def check_same_run(
    settings: Settings, places: Places, *, may_grow: bool = False
) -> None:
    """Refuse to continue a run with settings that would change the data set.

    ``may_grow``: rows that its catalogue has got since are added later.

    Raises
    ------
    InputError
        The catalogue file or a setting differs; the message says which.
    """
    check_same_settings(settings, places)
    with LedgerView.open(places.ledger) as view:
        facts = view.facts()
    catalogue = Path(settings.catalogue.path)
    if may_grow and str(catalogue) == facts["catalogue"]:
        return
    taken = {one["sha256"] for one in taken_catalogues(facts)}
    known = {facts["catalogue sha256"], *taken}
    # The run no longer needs the file, so it may be missing, but it may not differ.
    if catalogue.exists() and catalogue_sha256(catalogue) not in known:
        msg = (
            f"this run was started with another catalogue ({facts['catalogue']}); the "
            f"content of {catalogue} differs. To add its galaxies to the run: "
            f"harvester extend {places.out} {catalogue}. {_remedy(places)}"
        )
        raise InputError(msg)


def check_same_settings(settings: Settings, places: Places) -> None:
    """Refuse settings that would change the stamps of a run.

    Raises
    ------
    InputError
        A setting differs; the message says which.
    """
    with LedgerView.open(places.ledger) as view:
        before = json.loads(view.facts()["settings"])
    differing = [
        f"{name} was {before.get(name)!r} and is now {value!r}"
        for name, value in settings.identity().items()
        if before.get(name) != value
    ]
    if differing:
        adds = f"To add surveys or bands: harvester extend {places.out} --survey ... "
        msg = (
            "this run was started with other settings: "
            f"{'; '.join(differing)}. "
            f"{adds if differing[0].startswith('surveys ') else ''}{_remedy(places)}"
        )
        raise InputError(msg)


def _remedy(places: Places) -> str:
    return (
        "Choose another folder with --out, or continue the run as it was started: "
        f"harvester resume {places.out}"
    )


def taken_catalogues(facts: Mapping[str, str]) -> list[dict[str, Any]]:
    """Give ``path``, ``sha256`` and ``added`` of the catalogues of a run that grew."""
    found: list[dict[str, Any]] = json.loads(facts.get(TAKEN, "[]"))
    return found


def catalogue_sha256(path: Path) -> str:
    """Give the hash of a catalogue file, by which a run knows it.

    Raises
    ------
    InputError
        It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        msg = f"catalogue {path} cannot be read: {error.strerror}."
        raise InputError(msg) from error
