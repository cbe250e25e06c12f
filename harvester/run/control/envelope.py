"""What a command has to contain, and who sent it."""

from __future__ import annotations

import pwd
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...errors import InputError
from ...ledger.taken_up import RetryChoice
from ...settings.problems import problems_of
from ...status.control.verbs import Verb, nearest_verb

__all__ = ["Caller", "Envelope", "RateDetails", "RetryDetails", "opened", "verb_of"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _NoDetails(_Strict):
    """Of a command that needs nothing."""


class RetryDetails(_Strict):
    """Which jobs are tried again: the fields of `RetryChoice`."""

    reason: str = "*"
    surveys: list[str] = Field(default_factory=list)
    ids: list[str] = Field(default_factory=list)
    limit: int | None = Field(default=None, ge=1)
    better: bool = False

    def choice(self) -> RetryChoice:
        """Give it to the ledger."""
        return RetryChoice.from_json(self.model_dump())


class RateDetails(_Strict):
    """The rate of a host, in requests a second."""

    host: str
    rate: float


class Caller(NamedTuple):
    """The user that sent a command."""

    #: The number of the user.
    uid: int
    #: How it came: ``socket``, or ``page ADDRESS``.
    via: str

    @property
    def words(self) -> str:
        """Name the user in a message, and the page if one was used."""
        try:
            words = f"{pwd.getpwuid(self.uid).pw_name} (uid {self.uid})"
        except KeyError:
            words = f"uid {self.uid}"
        return words if self.via == "socket" else f"{words}, {self.via}"


class Envelope(_Strict):
    """A command as it comes: how it came, and its details."""

    via: str = Field(default="socket", max_length=80, pattern=r"^[ -~]*$")
    details: dict[str, object] = Field(default_factory=dict)


_DETAILS: dict[Verb, type[_Strict]] = {Verb.RETRY: RetryDetails, Verb.RATE: RateDetails}


def verb_of(word: str) -> Verb:
    """Read the name of a command.

    Raises
    ------
    InputError
        There is no such command; the message has the most similar one.
    """
    try:
        return Verb(word)
    except ValueError:
        near = nearest_verb(word)
        meant = f" Did you mean {near}?" if near else ""
        msg = f"there is no command {word!r}.{meant} Commands: {', '.join(Verb)}"
        raise InputError(msg) from None


def opened(verb: Verb, body: bytes) -> tuple[str, BaseModel]:
    """Read the JSON of a command: how it came, and its details.

    Raises
    ------
    InputError
        It is none; the message says what is wrong.
    """
    kind: type[BaseModel] = Envelope
    try:
        envelope = Envelope.model_validate_json(body)
        kind = _DETAILS.get(verb, _NoDetails)
        return envelope.via, kind.model_validate(envelope.details)
    except ValidationError as error:
        problems = problems_of(error, kind, "a command that cannot be understood:")
        raise InputError(problems) from error
