"""The YAML at the top of the card: it makes the collection a Hugging Face data set.

Each table is a config. The columns of tables with pixels are declared, because
`datasets` knows no tensors: it reads them as lists of a fixed length.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pyarrow as pa

from .....errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .tables import HatsTable

__all__ = ["card_head"]

#: Types whose names in `datasets` are not those of Arrow.
_NAMES = {
    "halffloat": "float16",
    "float": "float32",
    "double": "float64",
    "date32[day]": "date32",
    "date64[ms]": "date64",
}


def card_head(tables: Sequence[HatsTable], splits: Sequence[str]) -> str:
    """Describe tables; the first is the default.

    Raises
    ------
    InputError
        A column has a type that `datasets` does not have.
    """
    lines = ["configs:"]
    for number, table in enumerate(tables):
        lines += _config(table.name, splits, is_default=number == 0)
    lines += ["dataset_info:"]
    for table in tables:
        lines += [f"- config_name: {_quoted(table.name)}", "  features:"]
        lines += [line for field in table.schema for line in _feature(field)]
    return "\n".join(lines)


def _config(name: str, splits: Sequence[str], *, is_default: bool) -> Iterator[str]:
    yield f"- config_name: {_quoted(name)}"
    if is_default:
        yield "  default: true"
    yield "  data_files:"
    cell = f"{name}/dataset/Norder=*/Dir=*/Npix=*"
    files = {split: f"{cell}/{split}.parquet" for split in splits}
    for split, path in (files or {"train": f"{cell}.parquet"}).items():
        yield f"  - split: {split}"
        yield f"    path: {_quoted(path)}"


def _feature(field: pa.Field) -> list[str]:
    try:
        kind = _kind(field.type)
    except pa.ArrowNotImplementedError as error:
        msg = (
            f"column {field.name!r} has the type {field.type}, which the Hugging Face "
            "library cannot read. Leave it out: name the other columns with --labels."
        )
        raise InputError(msg) from error
    return [f"  - name: {_quoted(field.name)}", *(f"    {line}" for line in kind)]


def _kind(kind: pa.DataType) -> list[str]:
    if isinstance(kind, pa.FixedShapeTensorType):
        length = math.prod(kind.shape)
        return [f"list: {_value(kind.value_type)}", f"length: {length}"]
    if pa.types.is_fixed_size_list(kind):
        return [f"list: {_value(kind.value_type)}", f"length: {kind.list_size}"]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return [f"list: {_value(kind.value_type)}"]
    return [f"dtype: {_value(kind)}"]


def _value(kind: pa.DataType) -> str:
    if pa.types.is_nested(kind):
        raise pa.ArrowNotImplementedError(str(kind))
    return _quoted(_NAMES.get(str(kind), str(kind)))


def _quoted(text: str) -> str:
    # A text of JSON is one of YAML.
    plain = text.isidentifier() and text.lower() not in {"null", "true", "false"}
    return text if plain else json.dumps(text)
