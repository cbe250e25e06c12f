"""The known archives: every folder here, and those that other packages add.

Another package adds an archive by an entry point in the group ``harvester.archives``
that refers to an `ArchiveKind`.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from ..errors import InputError
from ..importing import with_plugins
from ..models import Survey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .kind import ArchiveKind, Identifiers, ServiceKind

__all__ = [
    "GROUP",
    "default_surveys",
    "demo_surveys",
    "identifiers",
    "kind_of",
    "kinds",
    "read_survey",
    "services",
]

#: Group of the entry points by which other packages add archives.
GROUP = "harvester.archives"


@cache
def kinds() -> Mapping[str, ArchiveKind]:
    """Give the archives by name, those of this package first.

    Raises
    ------
    InputError
        Another package's archive cannot be loaded, or its name is in use.
    """
    return with_plugins(_own(), GROUP, "archive")


def _own() -> Iterator[ArchiveKind]:
    package = __package__ or ""
    for folder in pkgutil.iter_modules(import_module(package).__path__):
        if folder.ispkg:
            yield import_module(f"{package}.{folder.name}.kind").KIND


def kind_of(name: str) -> ArchiveKind:
    """Give the archive of this name.

    Raises
    ------
    InputError
        There is no such archive.
    """
    known = kinds()
    if name not in known:
        msg = f"there is no archive {name!r}, only {_listed(known)}"
        raise InputError(msg)
    return known[name]


def services() -> dict[str, ServiceKind]:
    """Give all services of all archives by name; archives may share a service."""
    return {one.name: one for kind in kinds().values() for one in kind.services}


def default_surveys() -> list[str]:
    """Give the surveys that are harvested if the user names none."""
    return [one for kind in kinds().values() if (one := kind.default_survey)]


def demo_surveys() -> list[str]:
    """Give the surveys of the demonstration."""
    return [one for kind in kinds().values() if (one := kind.demo_survey)]


def identifiers() -> list[Identifiers]:
    """Give the identifier schemes of all archives that have one."""
    return [one for kind in kinds().values() if (one := kind.identifiers)]


def read_survey(text: str) -> Survey:
    """Read ``archive:[instrument:]bands`` in the spelling of its archive.

    Raises
    ------
    InputError
        There is no such archive, instrument or band; the message says which.
    """
    survey = Survey.parse(text)
    known = kinds()
    try:
        if survey.archive not in known:
            msg = f"there is no archive {survey.archive!r}, only {_listed(known)}"
            raise ValueError(msg)  # noqa: TRY301 - said in one sentence with the others
        if not survey.bands:
            msg = "it names no band"
            raise ValueError(msg)  # noqa: TRY301 - as above
        return known[survey.archive].checked(survey)
    except ValueError as error:
        examples = [one for kind in known.values() for one in kind.examples]
        msg = f"survey {text!r}: {error}. Write {', '.join(examples)}."
        raise InputError(msg) from error


def _listed(known: Mapping[str, ArchiveKind]) -> str:
    names = list(known)
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
