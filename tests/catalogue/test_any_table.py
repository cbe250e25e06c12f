"""Any table is read or refused; nothing else happens."""

from __future__ import annotations

import io
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harvester.catalogue.options import ReadOptions
from harvester.catalogue.reader import open_catalogue
from harvester.catalogue.sheets import Sheet, StatedFrame
from harvester.catalogue.source import find_source, read_source
from harvester.errors import InputError

WORDS = st.sampled_from(
    [
        *("ra", "dec", "RA", "DE", "alpha", "delta", "lon", "lat", "l", "b", "glon"),
        *("_", "(", ")", "[", "]", "-", ".", "deg", "hours", "rad", "h", "m", "s", "d"),
        *(
            "J2000",
            "B1950",
            "1950",
            "icrs",
            "err",
            "e_",
            "1",
            "2",
            "sdss",
            "id",
            "name",
        ),
    ]
)
NAMES = st.lists(WORDS, min_size=1, max_size=4).map("".join)
#: Names that are recognised, so that the later steps are tested too.
KNOWN = st.sampled_from(
    ["ra", "dec", "id", "RAh", "RAm", "DEd", "DEm", "DE-", "l", "b"]
)
ROWS = 3
COLUMNS = st.one_of(
    st.lists(st.floats(), min_size=ROWS, max_size=ROWS),
    st.lists(st.none() | st.integers(-(2**62), 2**62), min_size=ROWS, max_size=ROWS),
    st.lists(st.integers(-90, 90), min_size=ROWS, max_size=ROWS),
    st.lists(
        st.none() | st.text("0123456789:.+-hmsd JB", max_size=22),
        min_size=ROWS,
        max_size=ROWS,
    ),
    st.lists(st.binary(max_size=5), min_size=ROWS, max_size=ROWS),
    st.sampled_from(
        [
            [True, False, None],
            [None] * ROWS,
            [[1.0], [2.0], []],
            [{"a": 1}, None, {"a": 2}],
            [date(2026, 1, 1)] * ROWS,
            pa.array(["a", "b", "a"]).dictionary_encode(),
            pa.array([1, 2, 3], pa.decimal128(20, 0)),
            pa.array([1, 2, 3], pa.uint8()),
            pa.array([b"abc", b"def", b"\xff\x00\x01"], pa.binary(3)),
            pa.array(np.array([1.5, 2, np.nan], np.float16)),
        ]
    ),
)
TABLES = st.dictionaries(NAMES | KNOWN, COLUMNS, min_size=1, max_size=7)
TEXTS = st.sampled_from(
    ["", "deg", "h:m:s", "furlong", "rad", "(", "J2000", "err", "[]"]
)
FRAMES = st.builds(
    StatedFrame,
    st.sampled_from(["", "ICRS", "FK4", "eq_FK5", "galactic", "odd", "(", "B1950"]),
    st.sampled_from(["", "1950", "J2000.0", "soon"]),
    st.sampled_from(["", "1983.5", "?"]),
)
OPTIONS = st.builds(
    ReadOptions,
    id=st.sampled_from(["", "id", "1"]),
    ra=st.sampled_from(["", "", "ra", "2", "0"]),
    dec=st.sampled_from(["", "", "dec", "3"]),
    unit=st.sampled_from(["", "", "deg", "hour", "rad"]),
    frame=st.sampled_from(["", "", "fk4", "galactic", "ecliptic", "odd"]),
)


@settings(max_examples=300)
@given(TABLES, TEXTS, FRAMES, st.booleans(), OPTIONS)
def test_columns(table, unit, frame, has_names, options):
    """Every position that is read is on the sphere, or the table is refused."""
    whole = Sheet.of(pa.table(table), {})
    names = whole.table.column_names
    sheet = Sheet(
        whole.table,
        whole.lines,
        units=dict.fromkeys(names[::2], unit),
        frames=dict.fromkeys(names[1::3], frame),
        frame=frame,
        has_names=has_names,
    )
    try:
        source = find_source(sheet, options)
        if source.columns is None:
            return
        positions, _ = read_source(source, options)
    except InputError:
        return
    sound = ~np.isnan(positions.ra)
    assert np.all((positions.ra[sound] >= 0) & (positions.ra[sound] < 360))
    assert np.all(np.abs(positions.dec[sound]) <= 90)
    assert set(np.flatnonzero(~sound)) == set(positions.problems)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TABLES, OPTIONS)
def test_files(tmp_path, table, options):
    """A file is read to its end, or refused."""
    file = io.BytesIO()
    places = {"ra": [10.0, 20.0, 30.0], "dec": [1.0, -2.0, 3.0]}
    pq.write_table(pa.table(table | places), file)
    path = tmp_path / "x.parquet"
    path.write_bytes(file.getvalue())
    try:
        with open_catalogue(path, options) as catalogue:
            targets = list(catalogue.targets())
            assert catalogue.labels().read_all().num_rows == len(targets) > 0
            assert catalogue.understanding.to_json()["targets"] == len(targets)
    except InputError:
        return
