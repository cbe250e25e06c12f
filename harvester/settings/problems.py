"""Says what is wrong with settings, in one message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .names import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel, ValidationError

__all__ = ["problems_of"]


def problems_of(
    error: ValidationError,
    model: type[BaseModel],
    title: str = "settings that cannot be used:",
) -> str:
    """Give a message that lists every problem; it quotes no value."""
    lines = [
        f"  {'.'.join(map(str, one['loc']))}: {_problem(one, model)}"
        for one in error.errors()
    ]
    return "\n".join([title, *lines])


def _problem(one: Mapping[str, Any], model: type[BaseModel]) -> str:
    if one["type"] == "extra_forbidden":
        return f"there is no such setting.{did_you_mean(model, one['loc'])}"
    # Pydantic puts these words before the messages of our own checks.
    return str(one["msg"]).removeprefix("Value error, ")
