"""The files of text that make a tree of Parquet files a HATS collection.

They are Java properties. The fields are those of the IVOA note on HATS, and of the
extensions that ``hats`` 0.11 reads.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..... import __version__
from .margin import THRESHOLD

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .partitions import Cell

__all__ = [
    "catalogue",
    "collection",
    "extension",
    "identifier",
    "index",
    "margin",
    "partition_info",
    "to_text",
]

_Facts = dict[str, object]

#: Characters that separate the names of a list in these files.
_SEPARATORS = re.compile(r"[\s;,]")


def identifier(name: str) -> str:
    """Give a name as a word of letters, digits and underscores."""
    return re.sub(r"\W+", "_", name).strip("_") or "galaxies"


def to_text(title: str, facts: Mapping[str, object]) -> str:
    """Give the text of a file of properties."""
    lines = [f"{key}={value}" for key, value in facts.items() if value is not None]
    return "\n".join([f"#{title}", *lines, ""]).replace("\\", "\\\\")


def catalogue(
    name: str,
    rows: Mapping[Cell, int],
    *,
    suffix: str,
    default_columns: Sequence[str] | None = None,
    map_order: int | None = None,
) -> _Facts:
    """Describe a table of positions.

    Parameters
    ----------
    rows
        Number of rows of each partition.
    suffix
        What follows the number of a cell in a path: ``.parquet``, or ``/`` if several
        files share a cell.
    default_columns
        Columns that are read if the user names none. Names with blanks cannot be
        listed, so that these columns have to be asked for.
    """
    return {
        "obs_collection": name,
        "dataproduct_type": "object",
        "hats_nrows": sum(rows.values()),
        "hats_col_ra": "ra",
        "hats_col_dec": "dec",
        "hats_col_healpix": "_healpix_29",
        "hats_col_healpix_order": 29,
        "hats_cols_default": _listed(default_columns),
        "hats_npix_suffix": suffix,
        "hats_skymap_order": map_order,
        "hats_max_rows": max(rows.values()),
        "hats_order": max(cell.order for cell in rows),
        "hats_builder": f"harvester {__version__}",
        "hats_version": "v1.0",
    }


def _listed(names: Sequence[str] | None) -> str | None:
    return " ".join(n for n in names if not _SEPARATORS.search(n)) if names else None


def margin(of: str, rows: Mapping[Cell, int]) -> _Facts:
    """Describe the margin of a table."""
    facts = catalogue(f"{of}_margin", rows, suffix=".parquet")
    return facts | {
        "dataproduct_type": "margin",
        "hats_primary_table_url": of,
        "hats_margin_threshold": THRESHOLD,
    }


def index(of: str, column: str, rows: int) -> _Facts:
    """Describe an index: which partition of a table has which identifier."""
    return {
        "obs_collection": f"{of}_index",
        "dataproduct_type": "index",
        "hats_nrows": rows,
        "hats_primary_table_url": of,
        "hats_index_column": column,
        "hats_builder": f"harvester {__version__}",
        "hats_version": "v1.0",
    }


def extension(name: str, of: str, table: str, columns: Sequence[str]) -> _Facts:
    """Describe a table with images for the rows of the first one.

    Parameters
    ----------
    of
        Name of the collection.
    table
        File of properties of the table with the images.
    columns
        Its columns with pixels.
    """
    return {
        "obs_collection": name,
        "dataproduct_type": "extension",
        "hats_primary_table_url": of,
        "hats_col_assn_primary": "object_id",
        "hats_assn_join_table_url": table,
        "hats_col_assn_join": "object_id",
        "hats_ext_cols": _listed(columns),
        "hats_ext_join_style": "left",
        "hats_ext_shares_primary_coords": "true",
        "hats_product_type_served": "image",
        "hats_builder": f"harvester {__version__}",
        "hats_version": "v1.0",
    }


def collection(name: str, extensions: Sequence[str], *, margins: bool) -> _Facts:
    """Describe the whole."""
    return {
        "obs_collection": name,
        "hats_primary_table_url": "core",
        "all_margins": "core_margin" if margins else None,
        "default_margin": "core_margin" if margins else None,
        "all_indexes": "object_id core_index",
        "default_index": "object_id",
        "all_extensions": " ".join(f"{one} {one}.properties" for one in extensions),
        "hats_builder": f"harvester {__version__}",
        "hats_version": "v1.0",
    }


def partition_info(cells: Iterable[Cell]) -> str:
    """List the partitions of a table."""
    return "".join(["Norder,Npix\n", *(f"{c.order},{c.pixel}\n" for c in cells)])
