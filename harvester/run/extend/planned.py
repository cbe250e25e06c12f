"""Reads what is to be added to a run, and refuses what is doubtful."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ...archives.registry import identifiers, read_survey
from ...catalogue.options import ReadOptions
from ...catalogue.reader import open_catalogue
from ...dataset.grown_labels import compare_labels
from ...dataset.manifest import write_labels
from ...errors import InputError
from ...ledger.incoming import IncomingTargets
from ...ledger.part_mark import PART
from ...ledger.view import LedgerView
from ..identifier_positions import positions_of
from ..same_run import ID_COLUMN, check_same_settings
from .comparison import compare_targets, near_words
from .extension import GrownCatalogue, RunExtension

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from ...catalogue.id_lists import LookUp
    from ...catalogue.reader import Catalogue
    from ...events import Listener
    from ...places import Places
    from ...settings.settings import Settings
    from .extension import Removed

__all__ = ["Addition", "known_or_asked", "planned_extension"]


@dataclass(frozen=True, slots=True)
class Addition:
    """What a user wants to add to a run."""

    catalogue: Path | None = None
    #: As ``--survey`` spells them.
    surveys: Sequence[str] = ()
    #: How the catalogue is read, where that differs from how the run was read.
    reading: dict[str, Any] | None = None
    removed: Removed = "keep"
    #: Whether new identifiers at positions of the run are galaxies of their own.
    adds_near: bool = False
    #: Whether the file is the catalogue of the run from then on, if it has all of its
    #: galaxies.
    becomes: bool = True


@contextmanager
def planned_extension(
    settings: Settings,
    places: Places,
    addition: Addition,
    scratch: Path,
    listener: Listener,
) -> Iterator[RunExtension]:
    """Give what an extension would do; nothing is changed.

    Parameters
    ----------
    scratch
        Folder for temporary files, which are needed while the block runs.

    Raises
    ------
    InputError
        The catalogue or a survey cannot be used, or something is doubtful.
    LocalError
        The disk has no room for the temporary files.
    TransientError
        The catalogue has no positions, and the archive cannot be asked for them now.
    """
    check_same_settings(settings, places)
    with LedgerView.open(places.ledger) as view:
        facts, before = view.facts(), list(view.surveys().values())
        targets = view.count("target")
    _refuse_part(places, facts)
    names = [str(read_survey(text)) for text in addition.surveys]
    after = settings.model_copy(update={"surveys": [*map(str, before), *names]})
    merged = [str(one) for one in after.parsed_surveys()]
    after = settings.model_copy(update={"surveys": merged})
    with ExitStack() as stack:
        grown = None
        if addition.catalogue is not None:
            grown = stack.enter_context(
                _grown(after, places, addition, scratch, facts.get(ID_COLUMN), listener)
            )
        yield RunExtension(
            _with_catalogue(after, grown, addition), before, targets, grown
        )


def _refuse_part(places: Places, facts: Mapping[str, str]) -> None:
    # New galaxies of two parts would have the same numbers.
    if PART in facts:
        msg = (
            f"{places.out} is a part of a run that was split: merge the parts with "
            "`harvester merge`, then extend the merged run"
        )
        raise InputError(msg)


def _with_catalogue(
    settings: Settings, grown: GrownCatalogue | None, addition: Addition
) -> Settings:
    if grown is None or not grown.is_whole:
        return settings
    section = settings.catalogue.model_copy(
        update={**(addition.reading or {}), "path": str(grown.path)}
    )
    return settings.model_copy(update={"catalogue": section})


@contextmanager
def _grown(
    settings: Settings,
    places: Places,
    addition: Addition,
    scratch: Path,
    id_column: str | None,
    listener: Listener,
) -> Iterator[GrownCatalogue]:
    assert addition.catalogue is not None
    path = addition.catalogue.absolute()
    options = ReadOptions(**settings.catalogue.model_dump(exclude={"path"}))
    options = replace(options, **(addition.reading or {}))
    with open_catalogue(
        path,
        options,
        schemes=identifiers(),
        scratch=scratch,
        look_up=known_or_asked(settings, places, listener),
    ) as catalogue:
        if not (addition.reading or {}).get("id"):
            _refuse_other_column(path, catalogue, id_column)
        label_file = scratch / "labels.parquet"
        write_labels(label_file, catalogue.labels())
        with IncomingTargets.open(places.ledger, catalogue.targets()) as incoming:
            found = compare_targets(incoming)
            if found.is_about_others and not addition.adds_near:
                raise InputError(_about_others(path, near_words(found)))
            labels = compare_labels(places.labels, label_file, found.known)
            stems = incoming.other_stems(found.fresh.tolist())
        yield GrownCatalogue(
            path,
            catalogue,
            found,
            labels,
            label_file,
            stems,
            addition.removed,
            addition.becomes,
        )


def known_or_asked(settings: Settings, places: Places, listener: Listener) -> LookUp:
    """Return a function that gives the positions of identifiers, ICRS degrees.

    An archive is asked only for those that the run does not have.
    """
    ask = positions_of(settings, listener)

    def look_up(archive: str, ids: Sequence[str]) -> Mapping[str, tuple[float, float]]:
        with LedgerView.open(places.ledger) as view:
            known = view.positions(ids)
        rest = [one for one in ids if one not in known]
        return known | dict(ask(archive, rest)) if rest else known

    return look_up


def _refuse_other_column(path: Path, catalogue: Catalogue, before: str | None) -> None:
    """Refuse identifiers of another column, unless the run does not tell its own."""
    found = catalogue.understanding.id
    if before is not None and found != before:
        msg = (
            f"{path}: the identifiers would be {_column(found)}, and those of the run "
            f"are {_column(before)}. If they are the same identifiers, name the column "
            f"with --id; if not, put the galaxies into another run"
        )
        raise InputError(msg)


def _column(name: str) -> str:
    return f"of the column {name!r}" if name else "made of the positions"


def _about_others(path: Path, near: str) -> str:
    return (
        f"{path}: {near}. That is most of what is new, so the identifiers seem to be "
        "of another kind than those of the run. Name their column with --id. If these "
        "are galaxies of their own, give --add-near"
    )
