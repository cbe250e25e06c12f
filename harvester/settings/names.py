"""The names of all settings, and the most similar one to a name that is none."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic.fields import FieldInfo

__all__ = ["SettingPath", "did_you_mean", "fields_of", "is_secret", "value_at"]

#: The names that lead to a setting, such as ``("politeness", "contact")``.
SettingPath = tuple[str, ...]


def fields_of(
    model: type[BaseModel], above: SettingPath = ()
) -> Iterator[tuple[SettingPath, FieldInfo]]:
    """Yield each setting of a model and of its sections."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from fields_of(kind, (*above, name))
        else:
            yield (*above, name), field


def value_at(settings: BaseModel, path: SettingPath) -> Any:
    """Give the value of a setting."""
    value: Any = settings
    for name in path:
        value = getattr(value, name)
    return value


def is_secret(field: FieldInfo) -> bool:
    """Whether the value of a setting may not be shown."""
    return isinstance(field.json_schema_extra, dict) and bool(
        field.json_schema_extra.get("secret")
    )


def did_you_mean(model: type[BaseModel], where: Sequence[int | str]) -> str:
    """Suggest the setting that was probably meant; empty if none is similar."""
    given = tuple(map(str, where))
    known = [path for path, _ in fields_of(model)]
    sections = {path[:end] for path in known for end in range(1, len(path) + 1)}
    siblings = [one for one in sections if one[:-1] == given[:-1]]
    name = _closest(given[-1], [one[-1] for one in siblings])
    if name:
        return f" Did you mean {'.'.join((*given[:-1], name))}?"
    # The right name in the wrong section, such as politeness.rate.
    same = [path for path in known if path[-1] == given[-1]]
    return f" Did you mean {'.'.join(same[0])}?" if same else ""


def _closest(name: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(name.lower().replace("-", "_"), names, n=1)
    return close[0] if close else ""
