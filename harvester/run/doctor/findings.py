"""What the doctor finds: sentences, what to do, and the exit code."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ...errors import InputError, LocalError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["DIFFERS", "Diagnosis", "Level", "exit_code_of", "in_words"]

#: Exit code if an archive answers in another way than our notes say.
DIFFERS = 3

#: Of several troubles, the first of these decides the exit code.
_ORDER = (
    InputError.exit_code,
    LocalError.exit_code,
    TransientError.exit_code,
    DIFFERS,
)


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    #: Good to know; a harvest works.
    NOTE = "note"
    #: A harvest would fail, or work badly.
    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that was examined."""

    #: ``machine``, ``settings``, or the name of a service.
    about: str
    level: Level
    #: What was found.
    words: str
    #: What to do; empty if nothing is to be done.
    advice: str = ""
    #: Exit code of a trouble.
    code: int = 0

    @classmethod
    def trouble(cls, about: str, words: str, advice: str, code: int) -> Diagnosis:
        """Make the finding of a trouble."""
        return cls(about, Level.TROUBLE, words, advice, code)

    def to_json(self) -> dict[str, Any]:
        """Give it for scripts."""
        return asdict(self)


def exit_code_of(findings: Iterable[Diagnosis]) -> int:
    """Give the exit code: 0 only if there is no trouble."""
    codes = {one.code for one in findings if one.level is Level.TROUBLE}
    return next((code for code in _ORDER if code in codes), 0)


def in_words(findings: Sequence[Diagnosis]) -> Iterator[str]:
    """Yield the lines of the report, ordered by what they are about."""
    for about in dict.fromkeys(one.about for one in findings):
        yield about
        for one in findings:
            if one.about == about:
                yield f"  {one.level:8}{one.words}"
                if one.advice:
                    yield f"  {'':8}-> {one.advice}"
    count = sum(one.level is Level.TROUBLE for one in findings)
    if count:
        yield f"Not all is well: {count} of {len(findings)} findings are troubles."
    else:
        yield "All is well."
