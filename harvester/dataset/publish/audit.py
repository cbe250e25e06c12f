"""The audit before sending: complete, unchanged, documented, nothing private."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...errors import InputError
from ..export.card.card import CITATION, README
from ..export.card.sections import SECTIONS
from ..export.checksums import CHECKSUMS, files_of, read_checksums, sha256_of
from .private import private_words
from .remote import SentFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

__all__ = ["LAST", "audit"]

#: Files that are sent last, in this order: the card makes a data set visible, and the
#: list says that it is complete.
LAST = (CITATION, README, CHECKSUMS)

#: Names of files of a run, which a data set has no use for.
_OF_A_RUN = re.compile(
    r"\.sqlite(-wal|-shm)?$|(^|/)(harvest\.toml|ledger\.lock|rejects\.jsonl)$"
)

#: A message lists at most this many findings.
_MOST_SHOWN = 20


def audit(
    folder: Path, audited: Callable[[int], None] = lambda _: None
) -> list[SentFile]:
    """Check an exported data set; give its files, the card and the list last.

    Parameters
    ----------
    audited
        Called with the bytes of each file that was read.

    Raises
    ------
    InputError
        The data set is incomplete, changed, without a card, or has something private.
        The message lists what was found.
    """
    known = read_checksums(folder)
    problems = [*_strangers(folder, known), *_card_problems(folder)]
    files = []
    for name, sha256 in known.items():
        path = folder / name
        size = path.stat().st_size if path.is_file() else 0
        problems += _problems(folder, name, sha256)
        files.append(SentFile(name, path, size, sha256))
        audited(size)
    if problems:
        raise InputError(_words(folder, problems))
    path = folder / CHECKSUMS
    files.append(SentFile(CHECKSUMS, path, path.stat().st_size, sha256_of(path)))
    return sorted(
        files, key=lambda file: LAST.index(file.name) if file.name in LAST else -1
    )


def _problems(folder: Path, name: str, sha256: str) -> Iterator[str]:
    path = folder / name
    if path.is_symlink() or not path.is_file():
        yield f"{name} is missing"
    elif sha256_of(path) != sha256:
        yield f"{name} is not what the export wrote"
    else:
        yield from (f"{name} has {what}" for what in private_words(folder, name))


def _strangers(folder: Path, known: Mapping[str, str]) -> Iterator[str]:
    for name in [*known, *(name for name in files_of(folder) if name not in known)]:
        if _OF_A_RUN.search(name):
            yield f"{name} is a file of a run, not of a data set"
        elif name not in known:
            yield f"{name} is not of the export"


def _card_problems(folder: Path) -> Iterator[str]:
    text = _text(folder / README)
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    content = {title.strip(): body for title, body in zip(parts[1::2], parts[2::2])}  # noqa: B905 - equally many
    for title in (title for title, _ in SECTIONS if title):
        if not content.get(title, "").strip():
            yield f"{README} has no section {title!r}, or it is empty"
    if not re.search(r"^@\w+\{", _text(folder / CITATION), re.MULTILINE):
        yield f"{CITATION} has no entry"


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _words(folder: Path, problems: list[str]) -> str:
    shown = [f"  {one}" for one in problems[:_MOST_SHOWN]]
    if more := len(problems) - len(shown):
        shown.append(f"  and {more:,} more")
    return (
        f"{folder} is not published, nothing was sent:\n" + "\n".join(shown) + "\n"
        "Remove what is private from the run, and export again."
    )
