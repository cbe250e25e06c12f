"""The sections of the card: each gives the paragraphs below a heading, as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....archives.registry import kinds
from .citations import label_sources
from .columns import COLUMNS, MASK_BITS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ....ledger.run_dates import RunDates
    from .facts import CardFacts

__all__ = ["SECTIONS"]

#: Labels with a table of their own; further ones are only listed.
_MOST_TABLES = 40

_NAN = (
    "Pixels without a value are NaN in `flux`; look at the mask before a sum or a mean."
)
_SEEING = (
    "The width of the point spread function differs from stamp to stamp and from band "
    "to band: see `psf_fwhm`. A network can learn it instead of the galaxy."
)
_CAVEATS = (_NAN, _SEEING)

_RESAMPLED = (
    "Neighbouring pixels share noise: `ivar` is right for sums over many pixels, and "
    "single pixels scatter less. A pixel is good if all pixels that it is made of are."
)
_REGISTERED = (
    "The astrometry of a band was moved if the galaxy's centre certainly differs from "
    "that in the reference band: by more than 0.1 pixels and three standard errors. "
    "It was moved by at most 0.5 of the widest pixels, or 1 arcsec between surveys. Of "
    "the other bands the centres agree, are too far apart for this, or are not known "
    "well enough (unsure). A true difference of the centres is lost where a band was "
    "moved: `moved_x` and `moved_y` tell by how many pixels."
)

_NO_MATCHES = (
    "No stamp was chosen by matching a position to an object: each is cut at the "
    "position of the catalogue. So there is no match that can be false, and no rate to "
    "measure."
)
_LOWER_LIMIT = (
    "This rate counts only objects of the catalogue; an archive has more, so the true "
    "rate of false matches can be higher."
)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [[_cell(one) for one in row] for row in rows]
    rule = ["---"] * len(head)
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, rule, *lines])


def _cell(value: object) -> str:
    """Write a value so that it stays in its cell."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return " ".join(text.split()).replace("|", "\\|")


def _what(facts: CardFacts) -> list[str]:
    edition = facts.edition
    bands = ", ".join(f"{_title(one.survey)} {one.band}" for one in facts.coverages)
    made = (
        f"Image stamps of {facts.galaxies:,} galaxies in {bands}: {facts.stamps:,} "
        f"stamps. {facts.complete:,} galaxies have a stamp in each band."
    )
    told = [made, *_shapes(facts)]
    if edition.starter is not None:
        told.append(
            f"This is a small edition: at most {edition.starter:,} galaxies of the "
            "whole data set, chosen by a hash of their identifier."
        )
    told.append(f"To load it:\n\n```python\n{edition.loading.strip()}\n```")
    if edition.splits:
        told.append(_table(("split", "galaxies"), edition.splits.items()))
    return told


def _title(survey: str) -> str:
    return kinds()[survey].title if survey in kinds() else survey


def _shapes(facts: CardFacts) -> list[str]:
    shapes = facts.edition.shapes.items()
    sizes = [f"{ny} x {nx} pixels ({_title(name)})" for name, (ny, nx) in shapes]
    return [f"A stamp has {' or '.join(sizes)}, rows first."] if sizes else []


def _labels(facts: CardFacts) -> list[str]:
    if not facts.labels:
        return ["The catalogue has no columns besides identifier and position."]
    shown = facts.categories[:_MOST_TABLES]
    told = [_table((f"`{one.name}`", "galaxies"), one.counts) for one in shown]
    if further := facts.categories[_MOST_TABLES:]:
        names = ", ".join(f"`{one.name}`" for one in further)
        told.append(f"More labels with few values: {names}.")
    if facts.ranges:
        head = ("column", "type", "known", "missing", "smallest", "median", "largest")
        told.append(
            _table(
                head,
                (
                    (f"`{r.name}`", r.type, r.known, r.missing, *(r.spread or "---"))
                    for r in facts.ranges
                ),
            )
        )
    return told


def _coverage(facts: CardFacts) -> list[str]:
    head = ("survey", "band", "galaxies", "with a stamp", "share", "median coverage")
    rows = [
        (
            _title(one.survey),
            one.band,
            one.galaxies,
            one.stamps,
            f"{one.stamps / max(1, one.galaxies):.1%}",
            "-" if one.median is None else f"{one.median:.3f}",
        )
        for one in facts.coverages
    ]
    told = [_table(head, rows)]
    if not facts.missing:
        return [*told, "No stamp is missing."]
    missing = [(_title(survey), *rest) for survey, *rest in facts.missing]
    told.append("Why stamps are missing:")
    return [*told, _table(("survey", "band", "reason", "galaxies"), missing)]


def _columns(facts: CardFacts) -> list[str]:
    known = {**COLUMNS, **facts.edition.columns}
    # An edition may split a column of the manifest, and then has only its own.
    names = list(facts.edition.columns) or list(facts.own_columns)
    rows = [(f"`{name}`", *known.get(name, ("", "label"))) for name in names]
    told = [_table(("column", "unit", "meaning"), rows)]
    if facts.labels:
        told.append("All other columns are labels, as in the catalogue.")
    return told


def _pixels(facts: CardFacts) -> list[str]:
    if not facts.units:
        return ["The run does not record the units of its pixels."]
    head = ["survey", "band", "unit", "stamps", "AB zero point", "pixel (arcsec)"]
    head += ["PSF FWHM (arcsec)", "observed"]
    rows = [
        (
            _title(one.survey),
            one.band,
            f"`{one.unit}`",
            one.stamps,
            *map(_ends, (one.zero_point, one.pixel_scale, one.psf_fwhm)),
            " to ".join(dict.fromkeys(day[:10] for day in one.dates or ("-",))),
        )
        for one in facts.units
    ]
    return [_table(head, rows), *_alignment(facts)]


def _alignment(facts: CardFacts) -> list[str]:
    """Tell how aligned stamps were made; nothing of others."""
    aligned = facts.origin.get("aligned")
    if not isinstance(aligned, dict):
        return []
    made = (
        "The stamps were resampled onto one pixel grid for each galaxy "
        f"(`--align {aligned['to']}`, `{aligned['how']}`): bands and surveys have "
        f"common pixels. {_RESAMPLED}"
    )
    if not facts.moves:
        return [made, "No band was moved: their astrometry is that of the frames."]
    head = ["survey", "band", "reference", "agreed", "moved", "median, largest move"]
    head += ["apart", "unsure"]
    rows = [
        (
            _title(one.survey),
            one.band,
            *(one.words.get(word, 0) for word in ("reference", "agreed", "moved")),
            ", ".join(f"{move:.2f}" for move in one.moves or ()) or "-",
            *(one.words.get(word, 0) for word in ("apart", "unsure")),
        )
        for one in facts.moves
    ]
    return [made, _REGISTERED, _table(head, rows)]


def _ends(ends: tuple[float, float] | None) -> str:
    if ends is None:
        return "-"
    return " to ".join(dict.fromkeys(f"{end:.4g}" for end in ends))


def _planes(facts: CardFacts) -> list[str]:
    planes = facts.origin.get("planes")
    names = [str(one) for one in planes] if isinstance(planes, list) else ["flux"]
    told = [f"Planes of each stamp: {', '.join(f'`{one}`' for one in names)}."]
    if "ivar" in names:
        told.append("`ivar` is 1 / noise^2 in 1 / unit^2, and 0 where it is not known.")
    if "psf" in names:
        told.append("`psf` sums to 1; its centre is the middle pixel.")
    if "mask" not in names:
        return [*told, "There is no mask: pixels without a value are NaN."]
    told.append(
        "**True is good.** A mask that is stored as boolean is true where the pixel is "
        "good. A mask that is stored as a number has these bits:"
    )
    rows = [(f"`{name}`", value, meaning) for name, value, meaning in MASK_BITS]
    return [*told, _table(("bit", "value", "meaning"), rows)]


def _made(facts: CardFacts) -> list[str]:
    origin, edition = facts.origin, facts.edition
    rows = [
        ("harvester", origin.get("version", "unknown")),
        ("settings, SHA-256", origin.get("settings_sha256", "unknown")),
        ("catalogue", str(origin.get("catalogue", "unknown")).rpartition("/")[2]),
        ("catalogue, SHA-256", origin.get("catalogue_sha256", "unknown")),
        ("harvest began", edition.dates.began or "not known"),
        ("harvest was settled", _settled(edition.dates)),
        ("format", edition.format),
        *((f"setting `{name}`", value) for name, value in facts.identity.items()),
        *((f"option `{name}`", value) for name, value in edition.options.items()),
    ]
    if facts.observed:
        rows.append(("observed", " to ".join(dict.fromkeys(facts.observed))))
    return [_table(("what", "value"), ((w, _code(v)) for w, v in rows if v != ""))]


def _settled(dates: RunDates) -> str:
    return dates.settled or ("not yet" if dates.began else "not known")


def _code(value: object) -> str:
    return f"`{value}`"


def _caveats(facts: CardFacts) -> list[str]:
    of_archives = [text for name in facts.archives for text in kinds()[name].caveats]
    return ["\n".join(f"- {text}" for text in (*_CAVEATS, *of_archives))]


def _false_matches(facts: CardFacts) -> list[str]:
    shifted = facts.shifted
    if shifted is None:
        return [_NO_MATCHES]
    matched = (
        f"{shifted.matched:,} galaxies were matched by position, "
        f"{shifted.ambiguous:,} of them with several objects to choose from."
    )
    found = (
        f"Their positions were shifted by {shifted.shift_arcsec:g} arcsec in "
        f"{shifted.tried // shifted.matched} directions. Of these {shifted.tried:,} "
        f"shifted positions, {shifted.found:,} ({shifted.rate:.2%}) have an object of "
        f"the catalogue within {shifted.radius_arcsec:.3g} arcsec: the largest "
        "separation of a match, and at least 1 arcsec."
    )
    return [f"{matched} {found}", _LOWER_LIMIT]


def _thanks(facts: CardFacts) -> list[str]:
    told = []
    for name in facts.archives:
        credit = kinds()[name].credit_of(facts.identity)
        told.append(f"**{kinds()[name].title}**: {credit.words} ({credit.page}).")
        if credit.acknowledgement:
            told.append(f"> {credit.acknowledgement}")
        if credit.requests:
            told.append("\n".join(f"- {request}" for request in credit.requests))
    sources = label_sources(facts.labels)
    told += [f"**Labels**: cite {one.title}, see {one.page}." for one in sources]
    if facts.labels and not sources:
        told.append("**Labels**: cite the catalogue that the labels are from.")
    told.append(
        "**Software**: this data set was made with galaxy-harvester, which uses "
        "astropy, astroquery and numpy."
    )
    return [*told, "[CITATION.bib](CITATION.bib) has the papers to cite."]


#: Heading and content of each section; the first has no heading.
SECTIONS: tuple[tuple[str, Callable[[CardFacts], list[str]]], ...] = (
    ("", _what),
    ("Labels", _labels),
    ("Coverage", _coverage),
    ("Columns", _columns),
    ("Pixels and units", _pixels),
    ("Planes and mask", _planes),
    ("How it was made", _made),
    ("Caveats", _caveats),
    ("False matches", _false_matches),
    ("Acknowledgements and citations", _thanks),
)
