"""The card of a data set states the facts of its manifest, and whom to credit."""

from __future__ import annotations

import json
import re

import pyarrow as pa
import pytest

from harvester.archives.registry import kinds
from harvester.dataset.export.card.card import write_card
from harvester.dataset.export.card.citations import label_sources
from harvester.dataset.export.card.columns import COLUMNS, MASK_BITS
from harvester.dataset.export.card.facts import DataEdition, card_facts
from harvester.dataset.export.card.sections import SECTIONS
from harvester.ledger.manifest_rows import MANIFEST_COLUMNS
from harvester.models.planes import Bit

_OWN = [
    "id_str", "ra", "dec", "survey", "band", "status", "file_loc", "coverage",
    "missing_reason", "unit", "zero_point", "pixel_scale", "psf_fwhm", "date_obs",
    "sep_arcsec", "match_ambiguous",
]  # fmt: skip

_ORIGIN = {
    "version": "0.1.0",
    "settings": {"surveys": "sdss:r", "sdss release": "17"},
    "settings_sha256": "5e77" * 16,
    "catalogue": "/home/astronomer/galaxies.fits",
    "catalogue_sha256": "ca7a" * 16,
    "own_columns": _OWN,
    "planes": ["flux", "mask"],
}


def _row(number, survey, band, *, made=True, **more):
    return {
        "id_str": f"g{number}",
        "ra": 10.0 + number / 60,
        "dec": 0.0,
        "survey": survey,
        "band": band,
        "status": "done" if made else "no_coverage",
        "file_loc": f"cutouts/{survey}/{band}/{number}.fits" if made else None,
        "coverage": 0.9 if made else None,
        "missing_reason": "" if made else "outside_footprint",
        "unit": "nanomaggy" if made else "",
        "zero_point": 22.5 if made else None,
        "pixel_scale": 0.396 if made else None,
        "psf_fwhm": 1.0 + number / 10 if made else None,
        "date_obs": "2003-01-28T01:00:00" if made else "",
        "sep_arcsec": None,
        "match_ambiguous": None,
        "t03_bar_a06_bar_count": number,
        "shape": "spiral" if number % 2 else "elliptical",
        **more,
    }


def _manifest(rows, **origin):
    meta = json.dumps({**_ORIGIN, **origin}).encode()
    return pa.Table.from_pylist(rows).replace_schema_metadata({b"harvester": meta})


def _rows():
    rows = [_row(n, "sdss", "r") for n in range(5)]
    return [*rows, *(_row(n, "hst", "F160W", made=n < 2) for n in range(5))]


def _edition(**more):
    return DataEdition(name="five", format="hats", loading='load("five")', **more)


def _card(folder, table, **more):
    readme, _ = write_card(folder, card_facts(table, _edition(**more)))
    return readme.read_text("utf-8")


def test_every_column_has_a_meaning():
    """The card explains each column of the manifest, and each bit of the mask."""
    assert set(MANIFEST_COLUMNS) <= set(COLUMNS)
    assert {name: value for name, value, _ in MASK_BITS} == {
        bit.name: bit.value for bit in Bit
    }


def test_counts(tmp_path):
    """Galaxies, stamps, labels and coverage are those of the manifest."""
    text = _card(tmp_path, _manifest(_rows()), splits={"train": 4, "test": 1})
    assert "Image stamps of 5 galaxies in SDSS r, HST F160W: 7 stamps." in text
    assert "2 galaxies have a stamp in each band." in text
    assert "| elliptical | 3 |\n| spiral | 2 |" in text
    assert "| HST | F160W | 5 | 2 | 40.0% | 0.900 |" in text
    assert "| HST | F160W | outside_footprint | 3 |" in text
    assert "| train | 4 |\n| test | 1 |" in text


def test_units_and_mask(tmp_path):
    """Units, zero points and the polarity of the mask are stated."""
    text = _card(tmp_path, _manifest(_rows()))
    assert (
        "| SDSS | r | `nanomaggy` | 5 | 22.5 | 0.396 | 1 to 1.4 | 2003-01-28 |" in text
    )
    assert "**True is good.**" in text


def test_how_it_was_made(tmp_path):
    """Version, settings, their hash, the catalogue and the dates are stated."""
    rows = [_row(0, "sdss", "r"), _row(1, "sdss", "r", date_obs="1999-03-21T05:00:00")]
    text = _card(tmp_path, _manifest(rows), options={"--min-coverage": "0.95"})
    made = text.partition("## How it was made")[2].partition("\n## ")[0]
    assert "| harvester | `0.1.0` |" in made
    assert f"| settings, SHA-256 | `{'5e77' * 16}` |" in made
    assert "| setting `sdss release` | `17` |" in made
    assert "| option `--min-coverage` | `0.95` |" in made
    assert "| observed | `1999-03-21 to 2003-01-28` |" in made


def test_no_section_is_empty(tmp_path):
    """Each section has text, also for a run of an earlier version without facts."""
    table = pa.Table.from_pylist(_rows()[:1]).select(
        ["id_str", "ra", "dec", "survey", "band", "status", "file_loc", "coverage"]
    )
    text = _card(tmp_path, table)
    found = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    assert found[1::2] == [title for title, _ in SECTIONS if title]
    assert all(section.strip() for section in found[2::2])


def test_nothing_of_this_machine(tmp_path):
    """The folder of the catalogue is private and left out."""
    text = _card(tmp_path, _manifest(_rows()))
    assert "galaxies.fits" in text
    assert "astronomer" not in text


def test_front_matter(tmp_path):
    """The front matter of a format stands before the heading."""
    facts = card_facts(_manifest(_rows()), _edition())
    readme, _ = write_card(tmp_path, facts, "license: other\n")
    assert readme.read_text().startswith("---\nlicense: other\n---\n\n# five\n")


def test_same_bytes(tmp_path):
    """The same manifest gives the same files."""
    facts = card_facts(_manifest(_rows()), _edition(starter=5))
    once = [path.read_bytes() for path in write_card(tmp_path, facts)]
    again = [path.read_bytes() for path in write_card(tmp_path, facts)]
    assert once == again
    assert b"small edition: at most 5 galaxies" in once[0]


def test_credits(tmp_path):
    """Archives with a stamp are acknowledged in their words, others are not."""
    text = _card(tmp_path, _manifest(_rows()))
    for name, said in (("sdss", True), ("hst", True), ("jwst", False)):
        sentence = kinds()[name].credit_of({}).acknowledgement
        assert (sentence in text) is said
    bibliography = (tmp_path / "CITATION.bib").read_text()
    keys = re.findall(r"^@\w+\{(.+),$", bibliography, re.MULTILINE)
    wanted = {"york2000", "abdurrouf2022", "willett2013", "astropy2022"}
    assert wanted <= set(keys)
    assert len(keys) == len(set(keys))
    assert bibliography.count("{") == bibliography.count("}")


@pytest.mark.parametrize(
    ("release", "phase"), [("12", "SDSS-III"), ("16", "Survey IV"), ("18", "Survey V")]
)
def test_release(tmp_path, release, phase):
    """The acknowledgement is that of the phase which made the data release."""
    table = _manifest(_rows(), settings={"sdss release": release})
    text = _card(tmp_path, table)
    assert f"Funding for {'the Sloan Digital Sky ' * (release > '12')}{phase}" in text
    assert f"the paper of data release {release}" in text


@pytest.mark.parametrize(
    ("column", "title"),
    [
        ("smooth-or-featured-gz2_smooth", "Galaxy Zoo 2"),
        ("bar-hubble_yes", "Galaxy Zoo: Hubble"),
        ("GZ1_MORPHOLOGY", "Galaxy Zoo 1"),
        ("redshift", None),
    ],
)
def test_label_sources(column, title):
    """A catalogue of labels is known by its columns, and never guessed otherwise."""
    assert [one.title for one in label_sources([column])] == ([title] if title else [])


def test_no_match_no_rate(tmp_path):
    """Where no position was matched, the card says so and gives no rate."""
    text = _card(tmp_path, _manifest(_rows()))
    assert "No stamp was chosen by matching a position" in text


def test_false_match_rate(tmp_path):
    """Galaxies 60 arcsec apart find their neighbour in two of eight directions."""
    rows = [
        _row(n, "sdss", "r", sep_arcsec=0.5, match_ambiguous=n == 1) for n in range(5)
    ]
    shifted = card_facts(_manifest(rows), _edition()).shifted
    assert (shifted.matched, shifted.ambiguous, shifted.tried) == (5, 1, 40)
    # Each of the four pairs is found from both sides.
    assert shifted.found == 8
    assert "8 (20.00%) have an object" in _card(tmp_path, _manifest(rows))


def test_exact_positions(tmp_path):
    """Where all matches are exact, an arcsecond is searched, not nothing."""
    rows = [
        _row(n, "sdss", "r", sep_arcsec=0.0, match_ambiguous=False) for n in range(5)
    ]
    shifted = card_facts(_manifest(rows), _edition()).shifted
    assert (shifted.radius_arcsec, shifted.found) == (1.0, 8)
    assert "within 1 arcsec" in _card(tmp_path, _manifest(rows))


def test_values_stay_in_their_cells(tmp_path):
    """A label with a bar or a line break does not break its table."""
    rows = [_row(0, "sdss", "r", shape="a|b\nc"), _row(1, "sdss", "r")]
    assert "| a\\|b c | 1 |" in _card(tmp_path, _manifest(rows))
