"""Small files of kinds that earlier versions misread, with their right content."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from click.testing import CliRunner

from harvester.catalogue.options import ReadOptions
from harvester.catalogue.reader import open_catalogue
from harvester.catalogue.tables import open_tables
from harvester.cli import main
from harvester.errors import InputError


@dataclass
class Case:
    """The right result for one file."""

    format: str
    #: Identifier, RA and Dec (ICRS, degrees) of all targets.
    targets: list[tuple[str, float, float]]
    #: Labels of the first target.
    labels: dict[str, Any] = field(default_factory=dict)
    units: tuple[str, str] = ("deg (no unit is stated)", "deg (no unit is stated)")
    frame: str = "ICRS (none is stated)"
    #: Lines of rows that are left out.
    rejects: tuple[int, ...] = ()
    options: dict[str, str] = field(default_factory=dict)
    #: Text that the notes must contain.
    said: str = ""


DEGREES = ("deg", "deg")
#: The positions in three files.
THREE = [(150.10001, 2.20011), (150.20002, 2.30022), (150.30003, 2.40033)]
TWO_OF_FITS = [(150.10061837939742, 2.19958497550723), (150.20031303575, 2.30042554745)]


def named(names, places):
    """Combine identifiers and positions."""
    return [(name, *place) for name, place in zip(names, places, strict=True)]


CASES = {
    "b1950.vot": Case(
        "VOTable",
        # 150.1 +2.2 in FK4, transformed to ICRS by `astropy.coordinates.SkyCoord`.
        [("587722984435351614", 150.7455887711, 1.9578882530)],
        units=DEGREES,
        frame="FK4 (equinox B1950)",
        said="transformed from FK4 (equinox B1950) to ICRS",
    ),
    "bom.ecsv": Case("ECSV", [("A", 150.100011, 2.20011)], units=("hour", "deg")),
    "duplicate_column.fits": Case(
        "FITS binary table",
        named(["587722984435351614", "587722984435351615"], TWO_OF_FITS),
        {"survey": "s", "survey_2": "t"},
        said="Several columns are named survey",
    ),
    "headerless.csv": Case(
        "text, comma-separated",
        named([f"12376487201424016{n}" for n in (12, 13, 14)], THREE),
        {"col2": 0.05, "col3": 0.0001},
        options={"ra": "4", "dec": "5"},
    ),
    "ipac.tbl": Case(
        "IPAC table",
        named("123", THREE),
        {"mag": 18.211, "err": 0.012},
        units=DEGREES,
        frame="FK5 (equinox J2000)",
        rejects=tuple(range(8, 17)),
    ),
    "latin1_bytes.parquet": Case(
        "Parquet",
        [("J\u00f6rg-1", 150.1, 2.2), ("J-2", 150.2, 2.3)],
    ),
    "leading_zeros.csv": Case(
        "text, comma-separated",
        [("1237648720142401611", 150.1, 2.2), ("1237648720142401612", 150.2, 2.3)],
        {"plate": "0266", "tile": "007"},
    ),
    "second_table.fits": Case(
        "FITS binary table",
        named("12", TWO_OF_FITS),
        units=DEGREES,
        frame="FK5 (equinox J2000)",
        said="table LDAC_OBJECTS",
    ),
    "semicolon_in_text.csv": Case(
        "text, comma-separated",
        [
            ("587736859305246740", 179.74275117, 53.22835994),
            ("587736859305312276", 180.09807785, 53.1603621),
        ],
        {"tags": "x;y", "BPT_CLASS_NAME": "composite"},
    ),
    "sextractor.cat": Case(
        "SExtractor catalogue",
        named("123", THREE),
        {"MAG_AUTO": 18.211, "MAGERR_AUTO": 0.012},
        units=DEGREES,
        frame="FK5 (equinox J2000)",
    ),
    "small_float_ids.csv": Case(
        "text, comma-separated", [("12", 150.1, 2.2), ("13", 150.2, 2.3)]
    ),
    "tdim_one.fits": Case(
        "FITS binary table",
        named(["587722984435351614", "587722984435351615"], TWO_OF_FITS),
        {"name": "NGC 1"},
    ),
    "unit_in_header.csv": Case(
        "text, comma-separated",
        [("A", 150.100011, 2.20011), ("B", 352.5, -5.25)],
        units=("hour", "deg"),
        said="converted from its unit 'hour'",
    ),
    "vizier.tsv": Case(
        "VizieR TSV",
        [
            ("1237648720142401611", 150.10001, 2.20011),
            ("1237648720142401612", 150.20002, 2.30022),
        ],
        {"rmag": 18.211},
        units=DEGREES,
        frame="ICRS",
    ),
}
#: An image for the tests of cutting, not a catalogue.
IMAGE = "equinox_text.fits"


@pytest.fixture
def folder(shared):
    """Return the folder of the cases."""
    return shared / "cases" / "catalogues"


def test_all_cases(folder):
    """The folder has exactly these files."""
    files = {path.name for path in folder.iterdir() if path.suffix != ".md"}
    assert files == {*CASES, IMAGE}


@pytest.mark.parametrize("name", CASES)
def test_case(folder, name):
    """Identifiers, positions, labels, units and frame are those in the file."""
    case = CASES[name]
    with open_catalogue(folder / name, ReadOptions(**case.options)) as catalogue:
        targets = [(t.id, t.ra, t.dec) for t in catalogue.targets()]
        labels = catalogue.labels().read_all().to_pylist()[0]
    found = catalogue.understanding
    assert [each[0] for each in targets] == [each[0] for each in case.targets]
    for one, other in zip(targets, case.targets, strict=True):
        assert one[1:] == pytest.approx(other[1:], abs=1e-9)
    assert case.labels.items() <= labels.items()
    assert tuple(each.line for each in catalogue.rejects) == case.rejects
    assert (found.format, found.frame) == (case.format, case.frame)
    assert (found.ra_unit, found.dec_unit) == case.units
    assert case.said in " ".join(catalogue.notes)


@pytest.mark.parametrize("name", CASES)
def test_inspected_case(folder, name):
    """``harvester inspect`` shows the same result in words and in JSON."""
    case = CASES[name]
    options = [word for key, to in case.options.items() for word in (f"--{key}", to)]
    shown = CliRunner().invoke(main, ["inspect", str(folder / name), *options])
    assert shown.exit_code == 0
    assert f"Read as {case.format}" in shown.output
    options.append("--json")
    known = CliRunner().invoke(main, ["inspect", str(folder / name), *options])
    first = json.loads(known.output)["sample"][0]
    assert (first["id"], first["ra"], first["dec"]) == (
        case.targets[0][0],
        pytest.approx(case.targets[0][1], abs=1e-9),
        pytest.approx(case.targets[0][2], abs=1e-9),
    )


def test_no_header(folder):
    """Without a header no column is chosen by its values."""
    path = folder / "headerless.csv"
    with pytest.raises(InputError, match="no header") as caught, open_catalogue(path):
        pass
    assert "4: 150.10001  5: 2.20011" in str(caught.value)


def test_image(folder):
    """A FITS image is refused as an image, not as a damaged file."""
    shown = CliRunner().invoke(main, ["inspect", str(folder / IMAGE)])
    assert shown.exit_code == 2
    assert "it holds no table, only images" in shown.output


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("tdim_one.fits", ["objID", "ra", "dec", "name"]),
        ("duplicate_column.fits", ["id", "ra", "dec", "survey", "survey_2"]),
        ("second_table.fits", ["NUMBER", "ALPHA_J2000", "DELTA_J2000"]),
    ],
)
def test_columns_of_fits(folder, name, columns):
    """Columns keep their names, and single values do not become vectors."""
    path = folder / name
    with path.open("rb") as file, open_tables(path, file) as (sheet,):
        assert sheet.table.column_names == columns
        rows = [b.to_pylist() for b in sheet.table.to_batches(max_chunksize=2)]
    assert not any(isinstance(v, list) for row in rows[0] for v in row.values())
