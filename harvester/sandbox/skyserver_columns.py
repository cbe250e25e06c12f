"""The tables of SkyServer that the sandbox has, column by column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .camera import ccd_of
from .scans import BANDS
from .skyserver_sql import Relation, Select, SqlColumn, SqlError, Value

if TYPE_CHECKING:
    from .photo import PhotoCatalogue, PhotoField, PhotoObject

__all__ = ["PHOTO_COLUMNS", "relation"]

PhotoColumn = SqlColumn["PhotoObject"]
FieldColumn = SqlColumn["PhotoField"]

#: Objects are all galaxies: their number in PhotoType.
_GALAXY = 3
#: Error of every magnitude.
_MAG_ERROR = 0.02
#: Columns of SpecObjAll that are only named: no spectra are served.
_SPEC_NAMES = {
    "specObjID": "numeric",
    "bestObjID": "bigint",
    "fluxObjID": "bigint",
    "plate": "smallint",
    "mjd": "int",
    "fiberID": "smallint",
    "run2d": "varchar",
    "instrument": "varchar",
    "ra": "float",
    "dec": "float",
    "z": "real",
    "zErr": "real",
    "zWarning": "int",
    "class": "varchar",
    "subClass": "varchar",
    "sciencePrimary": "smallint",
    "survey": "varchar",
}


def _photo_columns() -> dict[str, PhotoColumn]:
    return {
        "objID": SqlColumn("bigint", lambda o: o.objid),
        "skyVersion": SqlColumn("tinyint", lambda o: o.objid >> 59 & 0xF),
        "run": SqlColumn("smallint", lambda o: o.key.run),
        "rerun": SqlColumn("smallint", lambda o: o.objid >> 48 & 0x7FF),
        "camcol": SqlColumn("tinyint", lambda o: o.key.camcol),
        "field": SqlColumn("smallint", lambda o: o.key.field),
        "obj": SqlColumn("smallint", lambda o: o.objid & 0xFFFF),
        "mode": SqlColumn("tinyint", lambda o: o.mode),
        "nChild": SqlColumn("smallint", lambda _: 0),
        "type": SqlColumn("smallint", lambda _: _GALAXY),
        "clean": SqlColumn("int", lambda _: 1),
        "flags": SqlColumn("bigint", lambda _: 0),
        "parentID": SqlColumn("bigint", lambda _: 0),
        "specObjID": SqlColumn("numeric", lambda _: 0),
        "fieldID": SqlColumn("bigint", lambda o: o.objid & ~0xFFFF),
        "ra": SqlColumn("float", lambda o: o.ra),
        "dec": SqlColumn("float", lambda o: o.dec),
        "raErr": SqlColumn("float", lambda _: 0.01),
        "decErr": SqlColumn("float", lambda _: 0.01),
        **{name: column for band in BANDS for name, column in _in_band(band).items()},
    }


def _in_band(band: str) -> dict[str, PhotoColumn]:
    def magnitude(found: PhotoObject) -> Value:
        return found.magnitude(band)

    mags = ("psfMag", "fiberMag", "petroMag", "modelMag", "cModelMag", "dered")
    errors = ("psfMagErr", "fiberMagErr", "petroMagErr", "modelMagErr", "cModelMagErr")
    return {
        **{f"{name}_{band}": SqlColumn("real", magnitude) for name in mags},
        **{
            f"{name}_{band}": SqlColumn("real", lambda _: _MAG_ERROR) for name in errors
        },
        f"petroR50_{band}": SqlColumn("real", lambda o: o.r50),
        f"petroR90_{band}": SqlColumn("real", lambda o: 2.6 * o.r50),
        f"expAB_{band}": SqlColumn("real", lambda o: o.axis_ratio),
        f"expPhi_{band}": SqlColumn("real", lambda o: o.pa),
        f"extinction_{band}": SqlColumn("real", lambda _: 0.0),
    }


#: PhotoObjAll and its views.
PHOTO_COLUMNS = _photo_columns()


#: PhotoObjDR7: objects of DR7 and the objects of today that they are.
_DR7_COLUMNS: dict[str, PhotoColumn] = {
    "dr7objid": SqlColumn("bigint", lambda o: o.dr7_objid),
    "dr8objid": SqlColumn("bigint", lambda o: o.objid),
    "distance": SqlColumn("float", lambda _: 0.0),
    "modeDR7": SqlColumn("tinyint", lambda o: o.mode),
    "modeDR8": SqlColumn("tinyint", lambda o: o.mode),
    "skyVersion": SqlColumn("tinyint", lambda o: o.dr7_objid >> 59 & 0xF),
    "run": SqlColumn("smallint", lambda o: o.key.run),
    "rerun": SqlColumn("smallint", lambda o: o.dr7_objid >> 48 & 0x7FF),
    "camcol": SqlColumn("tinyint", lambda o: o.key.camcol),
    "field": SqlColumn("smallint", lambda o: o.key.field),
    "obj": SqlColumn("smallint", lambda o: o.dr7_objid & 0xFFFF),
    "type": SqlColumn("smallint", lambda _: _GALAXY),
    "ra": SqlColumn("float", lambda o: o.ra),
    "dec": SqlColumn("float", lambda o: o.dec),
}


def _field_id(field: PhotoField) -> int:
    run, camcol, number = field.key
    return 2 << 59 | 301 << 48 | run << 32 | camcol << 29 | number << 16


_FIELD_NAMES: dict[str, FieldColumn] = {
    "fieldID": SqlColumn("bigint", _field_id),
    "run": SqlColumn("smallint", lambda f: f.key.run),
    "rerun": SqlColumn("smallint", lambda _: 301),
    "camcol": SqlColumn("tinyint", lambda f: f.key.camcol),
    "field": SqlColumn("smallint", lambda f: f.key.field),
    "ra": SqlColumn("float", lambda f: f.centre[0]),
    "dec": SqlColumn("float", lambda f: f.centre[1]),
    "raMin": SqlColumn("float", lambda f: float(f.corners()[0].min())),
    "raMax": SqlColumn("float", lambda f: float(f.corners()[0].max())),
    "decMin": SqlColumn("float", lambda f: float(f.corners()[1].min())),
    "decMax": SqlColumn("float", lambda f: float(f.corners()[1].max())),
}


def _term(place: int) -> FieldColumn:
    return SqlColumn("float", lambda f: f.astrans[place])


#: Geometry in the r band, under the names that Field gives it.
_FIELD_TERMS = {f"{name}_r": _term(place) for place, name in enumerate("abcdef")}
_FRAME_TERMS = {name: _term(place) for place, name in enumerate("abcdef")}

#: Value of what was not measured.
_UNKNOWN = -9999.0


def _field_in_band(band: str) -> dict[str, FieldColumn]:
    def seeing(name: str) -> FieldColumn:
        def value(field: PhotoField) -> Value:
            return field.psf(band).get(name, _UNKNOWN)

        return SqlColumn("real", value)

    profile = ("Width", "Sigma1", "Sigma2", "B", "P0", "Beta", "SigmaP")
    return {
        f"saturationLevel_{band}": SqlColumn(
            "int", lambda f: ccd_of(f.key, band).saturation
        ),
        **{f"psf{name}_{band}": seeing(name) for name in profile},
        f"gain_{band}": SqlColumn("real", lambda f: ccd_of(f.key, band).gain),
        f"darkVariance_{band}": SqlColumn(
            "real", lambda f: ccd_of(f.key, band).dark_variance
        ),
    }


_FIELD_COLUMNS: dict[str, FieldColumn] = {
    **_FIELD_NAMES,
    **_FIELD_TERMS,
    **{name: column for band in BANDS for name, column in _field_in_band(band).items()},
}
_FRAME_COLUMNS: dict[str, FieldColumn] = {
    **_FIELD_NAMES,
    # Other zooms are coarser previews of the same field.
    "zoom": SqlColumn("smallint", lambda _: 0),
    **_FRAME_TERMS,
    "node": SqlColumn("float", lambda f: f.node),
    "incl": SqlColumn("float", lambda f: f.incl),
}

#: Views of PhotoObjAll: which modes of objects each shows.
_VIEWS = {
    "photoobjall": {1, 2},
    "photoobj": {1, 2},
    "photoprimary": {1},
    "photosecondary": {2},
    "galaxy": {1},
}

#: Bytes of each SQL type.
_LENGTHS: dict[str, int] = {
    "bigint": 8,
    "int": 4,
    "smallint": 2,
    "tinyint": 1,
    "float": 8,
    "real": 4,
    "numeric": 13,
    "varchar": 32,
}
_DocColumn = tuple[str, str]
_DOC_COLUMNS: dict[str, SqlColumn[_DocColumn]] = {
    "enum": SqlColumn("varchar", lambda _: ""),
    "name": SqlColumn("varchar", lambda c: c[0]),
    "type": SqlColumn("varchar", lambda c: c[1]),
    "length": SqlColumn("int", lambda c: _LENGTHS.get(c[1], 0)),
    "unit": SqlColumn("varchar", lambda _: ""),
    "ucd": SqlColumn("varchar", lambda _: ""),
    "description": SqlColumn("varchar", lambda _: ""),
}


def relation(select: Select, photo: PhotoCatalogue) -> Relation[Any]:
    """Find the table that a statement reads.

    Raises
    ------
    SqlError
        There is no such table here.
    """
    source = select.source
    if source == "fdoccolumns":
        return Relation(_DOC_COLUMNS, _documented(select.argument))
    if source in _VIEWS:
        shown = (o for o in photo.objects if o.mode in _VIEWS[source])
        return Relation(PHOTO_COLUMNS, shown)
    if source == "photoobjdr7":
        return Relation(_DR7_COLUMNS, (o for o in photo.objects if o.dr7_objid))
    if source in {"field", "frame"}:
        columns = _FIELD_COLUMNS if source == "field" else _FRAME_COLUMNS
        return Relation(columns, photo.fields)
    msg = f"Invalid object name '{source}'."
    raise SqlError(msg)


def _documented(table: str) -> list[_DocColumn]:
    if table.lower() in {"specobjall", "specobj"}:
        return list(_SPEC_NAMES.items())
    if table.lower() in _VIEWS:
        return [(name, column.type) for name, column in PHOTO_COLUMNS.items()]
    return []
