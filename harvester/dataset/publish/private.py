"""What must not leave this machine: secrets, contact addresses, paths of this machine.

Texts and tables are searched. Pixels are not: they cannot hold such words.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...archives.registry import services

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["private_words"]

#: Endings of files that are read as text.
_TEXTS = {
    *(".md", ".txt", ".json", ".jsonl", ".csv", ".yaml", ".yml", ".toml", ".bib"),
    *(".properties", ".html", ""),
}

#: What a secret or a private word looks like, and how it is called in messages.
_SHAPES = {
    "a token of a hub": r"\bhf_[A-Za-z0-9]{30,}",
    "an access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    # Further stamps of a galaxy are called NAME@1.fits.
    "an e-mail address": r"[\w.+-]{1,64}@(?!\d+\.)[\w.-]{1,99}\.[A-Za-z]{2,24}\b",
    "a path of a home folder": r"/(?:home|Users)/[\w.-]+/|[A-Za-z]:\\Users\\",
}

#: Environment variables whose value is a secret, besides the tokens of archives.
_SECRETS = (
    *("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "AWS_ACCESS_KEY_ID"),
    *("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
)

#: A shorter value of a variable is no secret, and would be found everywhere.
_SHORTEST = 8

#: Rows of a table that are searched at a time.
_ROWS = 4096


def private_words(folder: Path, name: str) -> Iterator[str]:
    """Say which private words a file of a data set has: each kind once.

    The words themselves are not given: a message with a secret would spread it.
    """
    shapes = {**_SHAPES, **dict(_known(folder))}
    found: set[str] = set()
    for text in _texts(folder / name):
        found |= {what for what, shape in shapes.items() if re.search(shape, text)}
        shapes = {what: shape for what, shape in shapes.items() if what not in found}
    yield from sorted(found)


def _known(folder: Path) -> Iterator[tuple[str, str]]:
    """Give the words that are known to be private here, as patterns."""
    tokens = (one.token for one in services().values())
    for variable in {*_SECRETS, *(token.variable for token in tokens if token)}:
        value = os.environ.get(variable, "")
        if len(value) >= _SHORTEST:
            yield f"the value of {variable}", re.escape(value)
    places = {Path.home(), Path.cwd(), folder.absolute().parent}
    places.add(Path(tempfile.gettempdir()))
    ways = sorted(re.escape(str(place)) for place in places if len(place.parts) > 1)
    # A path ends at a slash, a quote or a space: /tmp is not in /tmpfiles.
    yield "a path of this machine", rf"(?<![\w.:-])(?:{'|'.join(ways)})(?![\w-])"


def _texts(path: Path) -> Iterator[str]:
    if path.suffix in _TEXTS:
        yield from _lines(path)
    elif path.suffix == ".parquet":
        yield from _of_table(path)


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace") as file:
        while lines := file.readlines(1 << 20):
            yield "".join(lines)


def _of_table(path: Path) -> Iterator[str]:
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        yield _decoded(schema.metadata)
        yield from (_decoded(field.metadata) for field in schema)
        names = [field.name for field in schema if _is_text(field.type)]
        for batch in file.iter_batches(_ROWS, columns=names) if names else ():
            for column in batch.columns:
                yield "\n".join(filter(None, pc.unique(column).to_pylist()))


def _decoded(metadata: dict[bytes, bytes] | None) -> str:
    pairs = (metadata or {}).items()
    return "\n".join(b" ".join(pair).decode("utf-8", "replace") for pair in pairs)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
