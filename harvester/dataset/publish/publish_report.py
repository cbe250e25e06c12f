"""What would be sent, and what was sent: as text, and as JSON for scripts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .reload import Reloaded

__all__ = ["Published", "SendingPlan"]

#: At most this many files are listed.
_MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class SendingPlan:
    """What would be sent, and where."""

    to: str
    files: tuple[tuple[str, int], ...]

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(size for _, size in self.files)

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON, for scripts."""
        files = [{"name": name, "bytes": size} for name, size in self.files]
        return {"to": self.to, "bytes": self.bytes, "files": files}

    def words(self) -> str:
        """Give it as text."""
        shown = [f"  {_megabytes(n)}  {name}" for name, n in self.files[:_MOST_SHOWN]]
        if more := len(self.files) - len(shown):
            shown.append(f"  and {more:,} more")
        head = (
            f"{len(self.files):,} files, {_megabytes(self.bytes).strip()}, to {self.to}"
        )
        return "\n".join([f"Would send {head}:", *shown, "Nothing was sent."])


@dataclass(frozen=True, slots=True)
class Published:
    """What was sent, and what the reload found."""

    address: str
    #: The commit on a hub; empty for a bucket, whose objects are pinned one by one.
    revision: str
    sent: int
    sent_bytes: int
    #: Files that were there before with the same content.
    kept: int
    removed: tuple[str, ...]
    #: Files of others, which stay.
    foreign: tuple[str, ...]
    reloaded: Reloaded

    @property
    def is_same(self) -> bool:
        """Whether the reloaded data set is the same as the one on disk."""
        return not self.reloaded.problems

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON, for scripts."""
        return {**asdict(self), "is_same": self.is_same}

    def words(self) -> str:
        """Give it as text."""
        found = self.reloaded
        pinned = f", revision {self.revision}" if self.revision else ""
        size = _megabytes(self.sent_bytes).strip()
        lines = [
            f"{self.address}{pinned}:",
            f"{self.sent:,} files sent ({size}), {self.kept:,} were there before.",
        ]
        if self.removed:
            lines.append(f"{len(self.removed):,} files of an earlier edition removed.")
        if self.foreign:
            names = ", ".join(self.foreign[:_MOST_SHOWN])
            lines.append(f"Not of this data set, and left alone: {names}.")
        lines += [f"DIFFERS: {one}" for one in found.problems]
        if self.is_same:
            lines.append(_same_words(found))
        return "\n".join(lines)


def _same_words(found: Reloaded) -> str:
    unread = f" {found.unread:,} files compared by bytes only." if found.unread else ""
    size = _megabytes(found.bytes).strip()
    return (
        f"Reloaded {found.files:,} files, {size}: identifiers, "
        f"labels and pixels of {found.rows:,} rows are the same (sum of the pixels "
        f"{found.pixels:.10g}).{unread}"
    )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:10,.3f} MB"
