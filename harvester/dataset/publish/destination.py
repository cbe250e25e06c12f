"""Where a data set goes: ``hf://namespace/name[@branch]`` or ``s3://bucket/prefix``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ...errors import InputError

__all__ = ["Destination", "parse_destination"]

_WORD = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?"
_HUB = re.compile(rf"hf://(?:datasets/)?({_WORD}/{_WORD})(?:@([\w./-]{{1,128}}))?")
_BUCKET = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/([^?#]*))?")


@dataclass(frozen=True, slots=True)
class Destination:
    """A data set on a hub, or a folder in a bucket."""

    scheme: Literal["hf", "s3"]
    #: ``namespace/name``, or the name of the bucket.
    place: str
    #: Branch on the hub, or prefix in the bucket without slashes at its ends.
    within: str

    def __str__(self) -> str:
        joint = "@" if self.scheme == "hf" else "/"
        return (
            f"{self.scheme}://{self.place}{joint if self.within else ''}{self.within}"
        )


def parse_destination(text: str) -> Destination:
    """Read a destination.

    Raises
    ------
    InputError
        It is none.
    """
    if match := _HUB.fullmatch(text):
        return Destination("hf", match[1], match[2] or "main")
    if match := _BUCKET.fullmatch(text):
        prefix = (match[2] or "").strip("/")
        if prefix and not {"", ".", ".."} & set(prefix.split("/")):
            return Destination("s3", match[1], prefix)
        msg = f"--to {text}: name a folder in the bucket, such as s3://{match[1]}/galaxies."
        raise InputError(msg)
    msg = (
        f"--to {text}: write hf://NAMESPACE/NAME, hf://NAMESPACE/NAME@BRANCH or "
        "s3://BUCKET/PREFIX."
    )
    raise InputError(msg)
