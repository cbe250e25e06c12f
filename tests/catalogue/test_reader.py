"""Catalogues, from the file to the targets."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harvester.archives.sdss.identifiers import IDENTIFIERS
from harvester.catalogue import identifiers, labels, parquet, positions, rows
from harvester.catalogue.options import ReadOptions
from harvester.catalogue.reader import Reject, open_catalogue
from harvester.errors import InputError

DR7 = 587722952231026744


class Whole(NamedTuple):
    """All parts of a catalogue, in memory."""

    targets: list
    labels: pa.Table
    rejects: list[Reject]
    notes: list[str]
    sha256: str
    id_kind: str


def read_whole(path, **columns):
    """Read all parts of a catalogue."""
    options = ReadOptions(**columns)
    with open_catalogue(path, options, schemes=[IDENTIFIERS]) as catalogue:
        return Whole(
            list(catalogue.targets()),
            catalogue.labels().read_all(),
            catalogue.rejects,
            catalogue.notes,
            catalogue.sha256,
            catalogue.id_kind,
        )


@pytest.fixture
def read(tmp_path):
    """Write a catalogue file and read it."""

    def read(data, name="catalogue.csv", **columns):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return read_whole(path, **columns)

    return read


def test_targets(read):
    """Targets come in catalogue order, with exact ids, positions and lines."""
    catalogue = read(f"objid,ra,dec,z\n{DR7},10.5,-20.25,0.1\n{DR7 + 1},361,5,\n")
    first, second = catalogue.targets
    assert (first.number, first.id, first.ra, first.dec) == (0, str(DR7), 10.5, -20.25)
    assert (second.number, second.ra, second.line) == (1, 1.0, 3)
    assert first.stem == str(DR7)
    assert catalogue.labels.to_pylist() == [{"z": 0.1}, {"z": None}]
    assert catalogue.id_kind == "sdss"
    assert any("objid" in note for note in catalogue.notes)


def test_hash_is_of_the_file(read):
    """The hash is that of the bytes on disk, compressed or not."""
    data = gzip.compress(b"id,ra,dec\n1,2,3\n")
    assert read(data, "x.csv.gz").sha256 == hashlib.sha256(data).hexdigest()


def test_bad_rows_are_listed(read):
    """Rows without a position are listed with line, id and reason; others are read."""
    catalogue = read(
        "id,ra,dec,z\na,1,2,0\nb,-9999,-9999,1\nc,,3,2\nd,4,95,3\ne,5,6,4\nf,nan,1,5\n"
    )
    assert [target.id for target in catalogue.targets] == ["a", "e"]
    assert [target.number for target in catalogue.targets] == [0, 1]
    assert [(reject.line, reject.id) for reject in catalogue.rejects] == [
        *((3, "b"), (4, "c"), (5, "d"), (7, "f")),
    ]
    assert all(reject.reason for reject in catalogue.rejects)
    assert catalogue.labels.column("z").to_pylist() == [0, 4]
    assert "Rows left out: 4; targets: 2." in catalogue.notes


def test_broken_lines_are_listed(read):
    """Lines with a wrong number of fields are listed as rejects."""
    good = "".join(f"g{n},{n},2\n" for n in range(40))
    catalogue = read(f"id,ra,dec\n{good}x,1\n")
    assert len(catalogue.targets) == 40
    (reject,) = catalogue.rejects
    assert (reject.line, reject.reason) == (42, "the line has 2 fields instead of 3")


def test_duplicates(read):
    """Rows with the same id and place count once; other repeats stay, with notes."""
    catalogue = read(
        "id,ra,dec\na,10,20\nb,30,40\na,10,20.0001\na,50,60\nc,30,40.0001\nd,1,1\n"
    )
    assert [target.line for target in catalogue.targets] == [2, 3, 5, 6, 7]
    assert [target.stem for target in catalogue.targets] == ["a", "b", "a_2", "c", "d"]
    (reject,) = catalogue.rejects
    assert (reject.line, reject.id, reject.reason) == (4, "a", "duplicate of line 2")
    notes = " ".join(catalogue.notes)
    assert "share their identifier with a row at another position are kept: 2" in notes
    assert "with another identifier are kept: 2 (lines 3, 6)" in notes


def test_position_names(read):
    """If floats have damaged the ids, galaxies are named after their positions."""
    catalogue = read("objid,ra,dec,run\n1.24E+18,183.5313257,0.08969303,752\n")
    (target,) = catalogue.targets
    assert target.id == target.stem == "J121407.51+000522.8"
    assert catalogue.id_kind == ""
    assert catalogue.labels.column_names == ["objid", "run"]
    assert any("1.24E+18" in note for note in catalogue.notes)


def test_rows_without_id(read):
    """A row without an identifier is named after its position, with a note."""
    catalogue = read("id,ra,dec\na,1,2\n,15,30\n")
    assert catalogue.targets[1].id == "J010000.00+300000.0"
    assert any(
        "named after their positions: 1 (line 3)" in note for note in catalogue.notes
    )


MINUS_ZERO = """Title: x
Byte-by-byte Description of file: x
--------------------------------------------------------------------------------
   Bytes Format Units  Label Explanations
--------------------------------------------------------------------------------
       1 A1     ---    Name  Name
   3-  4 I2     h      RAh   Hour of Right Ascension (J2000)
   6-  7 I2     min    RAm   Minute
   9- 11 I3     deg    DEd   Degree
  13- 14 I2     arcmin DEm   Minute
--------------------------------------------------------------------------------
A 10 30 -00 12
B 10 31 +00 12
C 10 32 -12 30
"""


@pytest.mark.parametrize(
    "text",
    [
        "Name,RAh,RAm,DEd,DEm\nA,10,30,-0,12\nB,10,31,0,12\nC,10,32,-12,30\n",
        "Name,RAh,RAm,DEd,DEm\nA,10,30,-00,12\nB,10,31,00,12\nC,10,32,-12,30\n",
        MINUS_ZERO,
    ],
)
def test_minus_zero_degrees(read, text):
    """The sign of -0 degrees applies to the minutes in the next column."""
    targets = read(text).targets
    assert [round(each.dec, 6) for each in targets] == [-0.2, 0.2, -12.5]


def test_identifiers_of_no_text(tmp_path):
    """Bytes that are not text are no identifiers; the galaxies are read."""
    path = tmp_path / "x.parquet"
    ids = pa.array([b"\xff\x00\x01", b"\xfe\x02\x03"])
    pq.write_table(pa.table({"id": ids, "ra": [1.5, 2.5], "dec": [3.5, 4.5]}), path)
    whole = read_whole(path)
    assert [target.ra for target in whole.targets] == [1.5, 2.5]
    assert any("it holds bytes that are not text" in note for note in whole.notes)


def test_rounded_ids_are_not_decoded(read):
    """Rounded ids stay text, and are not called SDSS ids."""
    rows = "".join(f"{(DR7 + 64 * n) // 64 * 64},{n},0\n" for n in range(5))
    catalogue = read("objid,ra,dec\n" + rows)
    assert catalogue.targets[0].id == str(DR7 // 64 * 64)
    assert catalogue.id_kind == ""


@pytest.mark.parametrize("kind", ["csv", "fits", "parquet"])
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(ids=st.lists(st.integers(2**53, 2**63 - 1), min_size=1, max_size=5))
def test_ids_round_trip(read, kind, ids):
    """Ids above 2**53 keep all of their digits in every format."""
    places = np.arange(len(ids), dtype=float)
    table = Table({"objid": np.array(ids), "ra": places, "dec": places})
    file = io.BytesIO()
    if kind == "parquet":
        pq.write_table(
            pa.table({name: table[name].data for name in table.colnames}), file
        )
    elif kind == "fits":
        table.write(file, format="fits")
    else:
        rows = (f"{row['objid']},{row['ra']},{row['dec']}" for row in table)
        file.write("\n".join(["objid,ra,dec", *rows]).encode())
    targets = read(file.getvalue(), f"x.{kind}").targets
    assert [target.id for target in targets] == [str(value) for value in ids]


def one_row_fits():
    """Make one row of vectors, as IDL writes a catalogue."""
    columns = {
        "OBJID": ("3K", [DR7, DR7 + 1, DR7 + 2]),
        "RA": ("3D", [1.0, 2.0, 3.0]),
        "DEC": ("3D", [-1.0, 0.0, 1.0]),
        "GZ1_MORPHOLOGY": ("3I", [4, 1, 2]),
        "BPT_CLASS": ("3I", [0, 3, 4]),
        "REDSHIFT": ("3E", [0.5, 0.25, 0.125]),
    }
    hdu = fits.BinTableHDU.from_columns(
        [fits.Column(name, kind, array=[v]) for name, (kind, v) in columns.items()]
    )
    file = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(file)
    return file.getvalue()


def test_one_row_of_vectors(read):
    """A row of vectors becomes many targets, with class names beside the numbers."""
    catalogue = read(gzip.compress(one_row_fits()), "x.fits.gz")
    assert [target.id for target in catalogue.targets] == [
        str(DR7 + n) for n in range(3)
    ]
    assert [target.ra for target in catalogue.targets] == [1.0, 2.0, 3.0]
    assert [target.line for target in catalogue.targets] == [1, 2, 3]
    assert catalogue.labels.to_pydict() == {
        "GZ1_MORPHOLOGY": [4, 1, 2],
        "GZ1_MORPHOLOGY_NAME": ["late", "early", None],
        "BPT_CLASS": [0, 3, 4],
        "BPT_CLASS_NAME": ["none", "seyfert", "liner"],
        "REDSHIFT": [0.5, 0.25, 0.125],
    }
    assert catalogue.labels.schema.field("GZ1_MORPHOLOGY").type == pa.int16()
    assert any("3 rows" in note for note in catalogue.notes)


def test_labels_keep_their_types(read):
    """Labels keep their types; columns that are used are not labels."""
    file = io.BytesIO()
    short = pa.array([1.5], pa.float32())
    pq.write_table(
        pa.table(
            {
                "id": ["007"],
                "ra": short,
                "dec": short,
                "rastring": ["0:6:0"],
                "decstring": ["1:30:0"],
                "code": ["010"],
                "v": [[1, 2]],
                "flag": [True],
                "n": pa.array([3], pa.int8()),
            }
        ),
        file,
    )
    catalogue = read(file.getvalue(), "x.parquet")
    assert catalogue.targets[0].id == "007"
    assert catalogue.labels.to_pylist() == [
        {"code": "010", "v": [1, 2], "flag": True, "n": 3}
    ]
    assert catalogue.labels.schema.field("n").type == pa.int8()


def test_unused_id_columns_are_numbers(read):
    """Labels of a text table that are named like ids become integers again."""
    catalogue = read("objid,specobjid,ra,dec\n5,9223372036854775809,1,2\n")
    assert catalogue.labels.to_pylist() == [{"specobjid": 2**63 + 1}]


def test_only_id_and_position(read):
    """Without labels the table of labels has rows but no columns."""
    labels = read("id,ra,dec\na,1,2\nb,3,4\nc,x,4\n").labels
    assert (labels.num_rows, labels.num_columns) == (2, 0)


def test_columns_are_overruled(read):
    """The columns that the user names are used instead of the guess."""
    catalogue = read(
        "id,ra,dec,my id,a,d\nx,1,2,y,3,4\n",
        id="my id",
        ra="a",
        dec="d",
    )
    (target,) = catalogue.targets
    assert (target.id, target.ra, target.dec) == ("y", 3.0, 4.0)
    assert catalogue.labels.column_names == ["id", "ra", "dec"]


@pytest.mark.parametrize("data", ["", "\n", "id,ra,dec\n", "# id,ra,dec\n"])
def test_empty_catalogue(read, data):
    """An empty catalogue, or a header alone, is refused."""
    with pytest.raises(InputError, match="it has no galaxies"):
        read(data)


def test_one_row(read):
    """A single row is a catalogue."""
    assert len(read("id,ra,dec\na,1,2").targets) == 1


def test_no_file(tmp_path):
    """A missing file, or a folder, is refused with its path."""
    with pytest.raises(
        InputError, match=r"The catalogue .*nothing\.csv does not exist"
    ):
        read_whole(tmp_path / "nothing.csv")
    with pytest.raises(InputError, match="is a folder"):
        read_whole(tmp_path)


def test_errors_name_the_file(read, tmp_path):
    """Every error names the file."""
    for data in ("a,b\n1,2\n", "<html>", "id,ra,dec\n1,2,3\n"):
        with pytest.raises(InputError, match=str(tmp_path)):
            read(data, id="nonsense")


@pytest.mark.parametrize("kind", ["csv", "fits", "parquet"])
def test_batches_leave_no_trace(read, monkeypatch, kind):
    """The size of the batches does not change the catalogue."""
    table = Table(
        {
            "id": ["a", "A", "", "b", "a", "c", "b", "d"],
            "ra": [1.0, 2.0, 3.0, np.nan, 5.0, 6.0, 7.0, 1.0],
            "dec": [1.0, 2.0, 3.0, 4.0, 5.0, 96.0, 7.0, 1.0],
            "BPT_CLASS": np.arange(8, dtype=np.int16),
            "note": list("xyzxyzxy"),
        }
    )
    file = io.BytesIO()
    if kind == "parquet":
        pq.write_table(pa.table({n: table[n].tolist() for n in table.colnames}), file)
    elif kind == "fits":
        table.write(file, format="fits")
    else:
        text = io.StringIO()
        table.write(text, format="ascii.csv")
        file.write(text.getvalue().encode())
    whole = read(file.getvalue(), f"x.{kind}")
    for module in (rows, labels, parquet):
        monkeypatch.setattr(module, "_ROWS", 3)
    for module in (identifiers, positions):
        monkeypatch.setattr(module, "_PART", 3)
    parts = read(file.getvalue(), f"x.{kind}")
    assert parts.labels.equals(whole.labels)
    assert parts._replace(labels=None) == whole._replace(labels=None)
    assert [target.stem for target in parts.targets] == [
        *("a", "A_2", "J001200.00+030000.0", "a_3", "b", "d"),
    ]
    assert [reject.line for reject in parts.rejects] == (
        [5, 7] if kind == "csv" else [4, 6]
    )
    assert parts.labels["BPT_CLASS_NAME"].to_pylist() == [
        *("none", "star-forming", "composite", "liner", None, None)
    ]


def test_damage_among_the_rows(tmp_path):
    """Damage that is found only while labels are read is an error with the path."""
    path = tmp_path / "x.parquet"
    values = np.arange(50_000.0)
    columns = {"id": np.arange(50_000), "ra": values / 1000, "dec": values / 1000}
    pq.write_table(pa.table(columns | {"z": values}), path, use_dictionary=False)
    place = pq.read_metadata(path).row_group(0).column(3).data_page_offset
    with path.open("r+b") as file:
        file.seek(place)
        file.write(b"\xff" * 64)
    with (
        open_catalogue(path) as catalogue,
        pytest.raises(InputError, match=r"x\.parquet is damaged"),
    ):
        catalogue.labels().read_all()


# Real catalogues of Galaxy Zoo.


def exact_ids(path, column):
    """Read one column of a CSV file with only the standard library."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt") as lines:
        return [row[column] for row in csv.DictReader(lines)]


@pytest.mark.parametrize("name", ["darg_mergers.csv", "darg_mergers.fits"])
def test_mergers(shared, name):
    """GZ Mergers: the first of two galaxies, exact; damaged ids have a note."""
    folder = shared / "data" / "catalogues"
    catalogue = read_whole(folder / name)
    ids = exact_ids(folder / "darg_mergers.csv", "object1")
    assert [target.id for target in catalogue.targets] == ids
    assert catalogue.id_kind == "sdss"
    notes = " ".join(catalogue.notes)
    assert "object2 are multiples of 64" in notes
    assert "two galaxies" in notes
    assert catalogue.labels.schema.field("object2").type == pa.int64()


def test_zoo2_in_both_forms(shared):
    """GZ2 table 5: the CSV and the FITS name the same galaxies, 0.06 arcsec apart."""
    folder = shared / "data" / "catalogues"
    text = read_whole(folder / "gz2_table5.csv.gz")
    table = read_whole(folder / "gz2_table5.fits.gz")
    ids = exact_ids(folder / "gz2_table5.csv.gz", "objid")
    assert [target.id for target in text.targets] == ids
    assert [target.id for target in table.targets] == ids
    assert text.labels.column_names == table.labels.column_names
    apart = [abs(a.ra - b.ra) for a, b in zip(text.targets, table.targets, strict=True)]
    assert 0 < max(apart) < 0.06 / 3600
    assert any("4 bytes" in note for note in table.notes)


def test_one_row_layout(shared):
    """The vector layout of the AGN host catalogue gives 900 galaxies, not one."""
    path = shared / "data" / "catalogues" / "derived_gz1_onerow_layout_open.fits.gz"
    catalogue = read_whole(path)
    assert len(catalogue.targets) == 900
    merger = next(t for t in catalogue.targets if t.id == "588290881638760664")
    assert (merger.ra, merger.dec) == pytest.approx((3.62980, 15.81727), abs=1e-5)
    words = set(catalogue.labels.column("GZ1_MORPHOLOGY_NAME").to_pylist())
    assert words <= {"indeterminate", "early", "merger", "late"}


@pytest.mark.parametrize(
    ("folder", "name", "rows", "first"),
    [
        ("data/catalogues", "peas_tbl4.csv", 80, "587725073921409255"),
        ("fixtures/sdss/catalogs", "peas_tbl4.fits", 80, "587725073921409255"),
        ("data/catalogues", "RedSpiralsA1.txt", 294, "587731186741346415"),
        ("fixtures/sdss/catalogs", "target_info.txt", 54, "587722984435351614"),
        (
            "fixtures/sdss/catalogs",
            "hoyle_barlengths.head25.csv",
            25,
            "587722981747982465",
        ),
    ],
)
def test_small_catalogues(shared, folder, name, rows, first):
    """Padded, headerless and tab-separated catalogues are read completely."""
    numbers = {"ra": "2", "dec": "3"} if name == "RedSpiralsA1.txt" else {}
    catalogue = read_whole(shared / folder / name, **numbers)
    assert len(catalogue.targets) == rows
    assert catalogue.rejects == []
    assert catalogue.targets[0].id == first
    assert catalogue.id_kind == "sdss"
    assert all(
        pa.types.is_floating(field.type)
        for field in catalogue.labels.schema
        if field.name in {"L_FUV", "METALLICITY", "col4", "length_avg"}
    )


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("example_ring_catalog_basic.csv", r"names of column id_str \(J000411"),
        ("target_sdss_dr7_dr8.txt", "PRI_DR7_ID"),
        ("overlap-catalog.txt", r"names such as J000007\.03\+081645\.1"),
        ("mergers_columndescription.txt", "do not split into columns"),
    ],
)
def test_catalogues_without_positions(shared, name, complaint):
    """Catalogues without positions are refused, and their columns are listed."""
    with pytest.raises(InputError, match=complaint):
        read_whole(shared / "data" / "catalogues" / name)


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.text("1.5,;\t|# \"\n:-+eEaé'", max_size=200),
        st.text('15.,"\n -#', max_size=120).map("id,ra,dec\n".__add__),
        st.binary(max_size=200).map(b"SIMPLE  =".__add__),
        st.binary(max_size=200).map(b"PAR1".__add__),
        st.text(max_size=100).map("# %ECSV 1.0\n# ---\n".__add__),
    )
)
def test_arbitrary_bytes(read, data):
    """Any bytes give a catalogue or an error with a sentence, never a crash."""
    try:
        catalogue = read(data, "x")
    except InputError:
        return
    assert catalogue.labels.num_rows == len(catalogue.targets)
    numbers = [target.number for target in catalogue.targets]
    assert numbers == list(range(len(numbers)))
