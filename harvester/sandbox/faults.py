"""Fault injection: which fault strikes which request.

A fault is written ``KIND[=VALUE]@SERVICE[/PATH][:MODIFIER=VALUE]...``, for example::

    status=503@mast                        every request to MAST
    status=429@sdss-sky:retry_after=4      "come back in 4 seconds"
    status=429@s3:retry_after=date4        the same as an HTTP date
    truncate@sdss-sas/frame-r:each=1       the first fetch of every r frame
    bitflip@s3:p=0.1                       one file in ten, the same for each seed
    remade@sdss-sas:after_each=1           every file changes after its first request

``SERVICE`` is one of the four, or ``*``. ``PATH`` is a regular expression that is
searched for in path and query; it includes the slash. Modifiers: ``p`` is a
probability, ``after`` a number of requests that pass first, ``after_each`` that of each
path, ``times`` the most strikes in all, ``each`` the most strikes for each path,
``retry_after`` the header of ``status``. `breakages.KINDS` lists the kinds. If several
faults match a request, the first that strikes is applied; ``slow`` is applied in
addition.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .files import Replacement

__all__ = ["SERVICES", "Fault", "FaultError", "Faults"]

#: The services, in the order of their ports.
SERVICES = ("mast", "sdss-sky", "sdss-sas", "s3")

_SPEC = re.compile(
    r"(?P<kind>[a-z-]+)(?:=(?P<value>.*))?"
    rf"@(?P<service>{'|'.join(SERVICES)}|\*)(?P<path>/.*?)?"
    r"(?P<modifiers>(?::(?:p|after|after_each|times|each|retry_after)=[^:]*)*)"
)


class FaultError(ValueError):
    """The specification of a fault is invalid."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule: what is done, to which requests, and how often."""

    spec: str
    kind: str
    value: str
    service: str
    path: re.Pattern[str]
    p: float = 1.0
    after: int = 0
    after_each: int = 0
    #: 0 means without limit, here and in ``each``.
    times: int = 0
    each: int = 0
    retry_after: str = ""
    #: Path -> body of recent answers, for ``swap``.
    passed: dict[str, bytes] = field(default_factory=dict, compare=False)
    #: Path -> file that is served instead, for ``remade`` and its like.
    replaced: dict[str, Replacement] = field(default_factory=dict, compare=False)

    @classmethod
    def parse(cls, spec: str, kinds: Iterable[str]) -> Fault:
        """Parse a specification; raise `FaultError` if it is invalid."""
        match = _SPEC.fullmatch(spec.strip())
        if not match or match["kind"] not in set(kinds):
            msg = (
                f"fault {spec!r} is not KIND[=VALUE]@SERVICE[/PATH][:MODIFIER=VALUE] "
                f"with a kind of {', '.join(sorted(kinds))} and a service of "
                f"{', '.join(SERVICES)} or *"
            )
            raise FaultError(msg)
        try:
            return cls(
                spec=spec,
                kind=match["kind"],
                value=match["value"] or "",
                service=match["service"],
                path=re.compile(match["path"] or ""),
                **_modifiers(match["modifiers"]),
            )
        except (ValueError, re.error) as error:
            msg = f"fault {spec!r}: {error}"
            raise FaultError(msg) from error

    def number(self, default: float) -> float:
        """Give the value as a number."""
        return float(self.value) if self.value else default

    def concerns(self, service: str, path: str) -> bool:
        """Whether this fault applies to requests to a service and path."""
        return self.service in {"*", service} and bool(self.path.search(path))


_TYPES: dict[str, Callable[[str], object]] = {
    "p": float,
    "after": int,
    "after_each": int,
    "times": int,
    "each": int,
    "retry_after": str,
}


def _modifiers(text: str) -> dict[str, Any]:
    pairs = (part.partition("=") for part in text.split(":") if part)
    return {name: _TYPES[name](value) for name, _, value in pairs}


@dataclass(slots=True)
class _History:
    """How many requests matched a fault, and how many it struck."""

    asked: int = 0
    struck: int = 0
    asked_of: Counter[str] = field(default_factory=Counter)
    struck_at: Counter[str] = field(default_factory=Counter)


class Faults:
    """All faults that are active."""

    def __init__(self, seed: int, kinds: Iterable[str]) -> None:
        self._seed = seed
        self._kinds = frozenset(kinds)
        self._histories: list[tuple[Fault, _History]] = []

    def switch_on(self, specs: Iterable[str]) -> None:
        """Replace all faults; if one of ``specs`` is invalid, keep the old ones."""
        faults = [Fault.parse(spec, self._kinds) for spec in specs]
        self._histories = [(fault, _History()) for fault in faults]

    def as_json(self) -> list[dict[str, str | int]]:
        """List the faults, with the number of strikes of each."""
        return [
            {"fault": fault.spec, "struck": history.struck}
            for fault, history in self._histories
        ]

    def choose(self, service: str, path: str) -> list[Fault]:
        """Choose the faults for a request: any delays, then at most one other fault."""
        chosen: list[Fault] = []
        for fault, history in self._histories:
            if not fault.concerns(service, path):
                continue
            has_struck = bool(chosen) and chosen[-1].kind != "slow"
            if not has_struck and self._strikes(fault, history, path):
                chosen.append(fault)
        return chosen

    def _strikes(self, fault: Fault, history: _History, path: str) -> bool:
        history.asked += 1
        history.asked_of[path] += 1
        if (
            history.asked <= fault.after
            or history.asked_of[path] <= fault.after_each
            or (fault.times and history.struck >= fault.times)
            or (fault.each and history.struck_at[path] >= fault.each)
            or self.lot(fault, path, history.asked_of[path]) >= fault.p
        ):
            return False
        history.struck += 1
        history.struck_at[path] += 1
        return True

    def lot(self, fault: Fault, path: str, turn: int) -> float:
        """Draw a number in [0, 1) that does not depend on other requests."""
        text = f"{self._seed} {fault.spec} {path} {turn}".encode()
        return int.from_bytes(hashlib.sha256(text).digest()[:8]) / 2**64
