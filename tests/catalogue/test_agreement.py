"""Identifiers that agree with the positions, or contradict them."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from harvester.archives.sdss import names as sdss_names
from harvester.archives.sdss import scans as sdss_scans
from harvester.archives.sdss.identifiers import IDENTIFIERS
from harvester.catalogue import reader
from harvester.catalogue.identifier_scheme import PlaceTest
from harvester.catalogue.options import ReadOptions
from harvester.errors import InputError

inspect_catalogue = partial(reader.inspect_catalogue, schemes=[IDENTIFIERS])
open_catalogue = partial(reader.open_catalogue, schemes=[IDENTIFIERS])

#: Fields of run 94, whose scanned area is not known: one field every 0.15 degrees.
FIELDS = np.arange(100, 124, 2)
STEP = 0.1498


def sdss_id(field, run=94, camcol=3):
    """Make an object id of DR8 for a field."""
    return (2 << 59) + (301 << 48) + (run << 32) + (camcol << 29) + (field << 16) + 7


@pytest.fixture
def write(tmp_path):
    """Write a catalogue of rows."""

    def write(header, *rows, name="galaxies.csv"):
        path = tmp_path / name
        lines = [header, *(",".join(map(str, row)) for row in rows)]
        path.write_text("".join(f"{line}\n" for line in lines))
        return path

    return write


def of_run(scale=1.0):
    """Return identifiers of a run with positions along it, in the given unit."""
    return [(sdss_id(n), (150 + n * STEP) / scale, 0.5) for n in FIELDS.tolist()]


def test_agreeing(write):
    """Identifiers along a run agree with positions along it."""
    found = inspect_catalogue(write("objid,ra,dec", *of_run())).agreement
    assert (found.compared, found.agreeing) == (12, 12)
    assert str(found).startswith("12 of 12 SDSS identifiers in column objid agree")


def test_hours_contradict(write):
    """Hours without a unit are refused, because the identifiers contradict them."""
    path = write("objid,ra,dec", *of_run(15))
    with pytest.raises(InputError, match=r"only . of 12 SDSS .*with --unit hour"):
        inspect_catalogue(path)
    found = inspect_catalogue(path, ReadOptions(unit="hour"))
    assert found.agreement.agreeing == 12
    assert found.sample[0].ra == pytest.approx(150 + 100 * STEP)


#: One galaxy in each of four runs, with identifiers of DR7 and ICRS degrees.
ALONE = [
    (sdss_id(100, run=run), start + 0.1497 * 100.5, 0.1)
    for run, start in ((745, 158.67), (752, 143.49), (756, 115.76), (2583, 302.9))
]


def test_one_galaxy_a_run(write):
    """A galaxy that is alone in its run is compared with the run's scanned area."""
    found = inspect_catalogue(write("objid,ra,dec", *ALONE)).agreement
    assert (found.compared, found.agreeing) == (4, 4)
    hours = [(name, ra / 15, dec) for name, ra, dec in ALONE]
    with pytest.raises(InputError, match=r"only 0 of 4 SDSS .*with --unit hour"):
        inspect_catalogue(write("objid,ra,dec", *hours))


@pytest.mark.parametrize(("rows", "is_refused"), [(24, False), (25, True)])
def test_galaxies_elsewhere(write, rows, is_refused):
    """Many galaxies outside the scanned area are refused; a few are only reported."""
    known = np.flatnonzero(np.isfinite(sdss_scans._scans()[0])).tolist()[:rows]
    table = [
        (sdss_id(sdss_names._runs()[run][0], run=run), 10 + n / 8, 60)
        for n, run in enumerate(known)
    ]
    path = write("objid,ra,dec", *table)
    if is_refused:
        with pytest.raises(InputError, match="only 0 of 25 SDSS"):
            inspect_catalogue(path)
        return
    assert any("0 of 24 SDSS" in each for each in inspect_catalogue(path).words())


def test_few_hours_contradict(write):
    """Two identifiers are enough if they would agree with hours."""
    path = write("objid,ra,dec", *of_run(15)[::11])
    with pytest.raises(InputError, match="with --unit hour"):
        inspect_catalogue(path)


def test_misplaced_identifiers(write):
    """Shuffled identifiers are refused, unless the user names another column."""
    ids, ra, dec = zip(*of_run(), strict=True)
    shuffled = np.random.default_rng(5).permutation(ids)
    names = [f"g{n}" for n in range(len(ids))]
    path = write("objid,ra,dec,key", *zip(shuffled, ra, dec, names, strict=True))
    with pytest.raises(InputError, match="Choose other columns"):
        inspect_catalogue(path)
    assert inspect_catalogue(path, ReadOptions(id="key")).targets == 12


def test_few_are_told(write):
    """Two identifiers that contradict their positions do not stop a run."""
    rows = [(sdss_id(100), 150, 0), (sdss_id(500), 151, 0)]
    words = inspect_catalogue(write("objid,ra,dec", *rows)).words()
    assert any("0 of 2 SDSS identifiers" in each for each in words)


NAMES = ["J100024.00+021200.0", "SDSSJ100128.01-021800.3", "2MASX J10015678+0203456"]
PLACES = SkyCoord(["10:00:24 2:12:00", "10:01:28 -2:18:00", "10:01:56.8 2:03:45"],
                  unit=("hourangle", "deg"))  # fmt: skip


@pytest.mark.parametrize(
    ("places", "option"),
    [
        (PLACES, ""),
        (SkyCoord(PLACES.ra / 15, PLACES.dec), "--unit hour"),
        (SkyCoord(PLACES.ra / 57.29578, PLACES.dec / 57.29578), "--unit rad"),
        (PLACES.fk4, "--frame fk4"),
        (PLACES.galactic, "--frame galactic"),
    ],
)
def test_names_are_positions(write, places, option):
    """Names made of positions are compared, and the message names the remedy."""
    lon, lat = places.spherical.lon.deg, places.spherical.lat.deg
    path = write("name,ra,dec", *zip(NAMES, lon, lat, strict=True))
    if not option:
        found = inspect_catalogue(path).agreement
        assert (found.what, found.compared, found.agreeing) == ("names", 3, 3)
        return
    with pytest.raises(InputError, match=f"They would agree with {option}: give that"):
        inspect_catalogue(path)
    key, value = option[2:].split()
    found = inspect_catalogue(path, ReadOptions(**{key: value}))
    assert found.agreement.agreeing == 3


def test_old_names(write):
    """Names with B1950 positions are transformed before they are compared."""
    place = SkyCoord("12:34:56 +12:34:56", unit=("hourangle", "deg"), frame="fk4").icrs
    path = write("name,ra,dec", ("PKS B123456+123456", place.ra.deg, place.dec.deg))
    assert inspect_catalogue(path).agreement.agreeing == 1


@pytest.mark.parametrize(
    ("rows", "question"),
    [
        ([(1.5, -40), (12.2, 10), (23.9, 50)], "are they hours"),
        ([(0.5, -1.1), (3.2, 0.1), (6.1, 1.2)], "are they radians"),
        ([(150.5, -40), (12.2, 10), (23.9, 50)], ""),
        ([(22.5, 0.1), (23.2, 0.2), (23.9, 0.3)], ""),
    ],
)
def test_questions(write, rows, question):
    """If numbers are small enough to be hours or radians, a note asks about it."""
    rows = [(f"g{n}", *row) for n, row in enumerate(rows)]
    words = " ".join(inspect_catalogue(write("id,ra,dec", *rows)).words())
    assert question in words
    assert ("are they" in words) == bool(question)
    by_name = inspect_catalogue(write("id,ra,dec", *rows), ReadOptions(ra="ra"))
    assert question in " ".join(by_name.words())
    options = ReadOptions(unit="deg")
    said = inspect_catalogue(write("id,ra,dec", *rows), options).words()
    assert "are they" not in " ".join(said)


def test_all_rejected(write):
    """If no row is a target, the error states the reasons and how it was read."""
    rows = [("a", 200, 100), ("b", -9999, 5), ("c", 10, 95)]
    with pytest.raises(InputError) as caught:
        inspect_catalogue(write("id,ra,dec", *rows))
    words = str(caught.value)
    assert "none of its rows can be used: Dec ... is beyond the poles (2 rows)" in words
    assert "RA ... stands for no value (1 rows)" in words
    assert "for example line 2: Dec" in words
    assert "column ra in deg" in words
    assert "--unit" in words
    assert words.endswith("Are RA and Dec swapped?")


def test_most_unreadable(write):
    """If most positions cannot be read, the catalogue is refused."""
    rows = [("a", 10.5, 2), ("b", "x12", 5), ("c", "x13", 5), ("d", "", 5)]
    with pytest.raises(InputError, match="2 of 3 positions cannot be used") as caught:
        inspect_catalogue(write("id,ra,dec", *rows))
    assert "RA 'x12' is not an angle (line 3); RA 'x13' is not an angle" in str(
        caught.value
    )
    assert "--ra" in str(caught.value)
    found = inspect_catalogue(write("id,ra,dec", *rows, ("e", 11.5, 3)))
    assert (found.targets, found.rows) == (2, 5)


def test_one_point(write):
    """Three or more galaxies with the same position are refused."""
    rows = [(f"g{n}", 150.1, 2.2) for n in range(3)]
    with pytest.raises(InputError, match=r"all 3 galaxies .* RA 150\.1"):
        inspect_catalogue(write("id,ra,dec", *rows))
    assert inspect_catalogue(write("id,ra,dec", *rows[:2])).targets == 2


def test_understanding(write):
    """The summary of how a catalogue was read is available in words and in JSON."""
    rows = [("a", 10.5, -20.25), ("b", "x", 5), ("c", 23.5, 41)]
    found = inspect_catalogue(write("name,RA (hours),Dec (deg)", *rows))
    words = found.words()
    assert (
        "The identifier was taken from column name, the position from columns "
        "RA (hours) and Dec (deg)."
    ) in words
    assert "Line 2: a at 10.5, -20.25: RA 157.500000, Dec -20.250000 degrees" in words
    assert "Line 3: b at x, 5.0: not a target" in words
    assert "Rows left out: 1; targets: 2." in words
    assert "Why rows were left out: RA ... is not an angle (1)." in words
    known = json.loads(json.dumps(found.to_json()))
    assert (known["ra_unit"], known["dec_unit"], known["frame"]) == (
        *("hour", "deg", "ICRS (none is stated)"),
    )
    assert (known["rows"], known["targets"], known["id"]) == (3, 2, "name")
    assert known["rejects"] == {"RA ... is not an angle": 1}
    assert known["sample"][0]["ra"] == 157.5


# Lists of identifiers without positions.


def ids_of(path, known):
    """Read a list; look up only ``known``, and record which identifiers were asked."""
    asked = []

    def look_up(archive, ids):
        assert archive == "sdss"
        asked.append(list(ids))
        return {each: known[each] for each in ids if each in known}

    with open_catalogue(path, look_up=look_up) as catalogue:
        return list(catalogue.targets()), catalogue.rejects, asked, catalogue.notes


@pytest.mark.parametrize("header", ["objid", "DR7OBJID,z", "mine", ""])
def test_list_of_identifiers(write, header):
    """Identifiers without positions are looked up once each, in one request."""
    first, second = str(sdss_id(100)), str(sdss_id(101))
    rest = (0.1,) * header.count(",")
    rows = [(first, *rest), (second, *rest), (first, *rest)]
    path = write(header, *rows) if header else write(first, (second,), (first,))
    targets, rejects, asked, notes = ids_of(path, {first: (150.25, 2.5)})
    assert asked == [[first, second]]
    assert [(t.id, t.ra, t.dec) for t in targets] == [(first, 150.25, 2.5)]
    reasons = {reject.reason.partition(" of ")[0] for reject in rejects}
    assert reasons == {"SDSS knows no object with this identifier", "duplicate"}
    assert any("were looked up at SDSS" in note for note in notes)


def test_list_without_sdss(write):
    """Without a look-up the list is refused, and inspecting says what a run will do."""
    path = write("objid", (sdss_id(100),), (sdss_id(101),))
    complaint = "A run looks their positions up at SDSS"
    with pytest.raises(InputError, match=complaint), open_catalogue(path):
        pass
    found = inspect_catalogue(path)
    assert found.looked_up_at == "SDSS"
    assert any("they will be looked up at SDSS" in each for each in found.words())


def test_no_scheme(write):
    """Without a scheme identifiers are only names, and are not compared."""
    found = reader.inspect_catalogue(write("objid,ra,dec", *of_run(15)))
    assert (found.id, found.targets, found.agreement.compared) == ("objid", 12, 0)
    path = write("objid", (sdss_id(100),), (sdss_id(101),))
    with pytest.raises(InputError, match="no two columns"):
        reader.inspect_catalogue(path)


class OfAnotherArchive:
    """A scheme of whole numbers below a thousand, which are declinations."""

    name, title, columns, can_look_up = "other", "Other", ("othernumber",), True

    def is_look_alike(self, column):
        """Return whether the column holds numbers of plates."""
        return column.startswith("plate")

    def are_identifiers(self, numbers):
        """Accept small numbers."""
        return numbers < 1000

    def place_test(self, numbers, ra, dec):
        """Compare declinations, except for the number 7."""
        rows = np.flatnonzero(np.isfinite(ra) & (numbers != 7))
        dec = numbers[rows].astype(float)
        return PlaceTest(rows, lambda _, at: np.abs(at - dec) < 0.5, fewest=2)


OTHERS = [IDENTIFIERS, OfAnotherArchive()]


def test_other_scheme(write):
    """Identifiers of any archive are compared, with its title in the message."""
    rows = [(7, 1, 10.0, 80.0), (20, 2, 11.0, 20.1), (30, 3, 12.0, 30.1)]
    path = write("id,other_number,ra,dec", *[(b, a, *at) for a, b, *at in rows])
    with reader.open_catalogue(path, schemes=OTHERS) as catalogue:
        found = catalogue.understanding.agreement
        assert catalogue.id_kind == "other"
        assert catalogue.understanding.id == "other_number"
    assert str(found) == (
        "2 of 2 Other identifiers in column other_number agree with their positions"
    )
    path = write("other_number,ra,dec", (20, 11, 40), (30, 12, 50), name="wrong.csv")
    with pytest.raises(InputError, match="only 0 of 2 Other identifiers"):
        reader.inspect_catalogue(path, schemes=OTHERS)


def test_other_look_alike(write):
    """A column that only looks like identifiers of an archive is not compared."""
    path = write("plate_id,ra,dec", (20, 11, 40), (30, 12, 50))
    with reader.open_catalogue(path, schemes=OTHERS) as catalogue:
        assert catalogue.id_kind == ""
        assert catalogue.understanding.agreement.compared == 0


def test_other_list(write):
    """The positions of a list are looked up at the archive of its identifiers."""
    asked = []
    path = write("other_number", (5,), (6,))

    def look_up(archive, ids):
        asked.append((archive, ids))
        return {"5": (10.5, 5.0)}

    with reader.open_catalogue(path, schemes=OTHERS, look_up=look_up) as catalogue:
        assert [(t.id, t.ra, t.dec) for t in catalogue.targets()] == [("5", 10.5, 5.0)]
        (reject,) = catalogue.rejects
    assert asked == [("other", ["5", "6"])]
    assert reject.reason == "Other knows no object with this identifier"
    assert reader.inspect_catalogue(path, schemes=OTHERS).looked_up_at == "Other"


def test_unknown_identifiers(write):
    """If SDSS knows none of the identifiers, the catalogue is refused."""
    path = write("objid", (sdss_id(100),), (sdss_id(101),))
    with pytest.raises(InputError, match=r"SDSS knows no object .*\(2 rows\)"):
        ids_of(path, {})


@pytest.mark.parametrize("header", ["specobjid", "n"])
def test_no_list(write, header):
    """Identifiers of spectra and small numbers are not looked up."""
    value = 299489677444933632 if header == "specobjid" else 5
    with pytest.raises(InputError, match="no two columns"):
        inspect_catalogue(write(header, (value,), (value + 1,)))
