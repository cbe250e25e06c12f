"""The words in the names of position columns, for `position_names`."""

from __future__ import annotations

from .angle_units import DEGREES, HOURS, RADIANS, AngleUnit

__all__ = [
    "BARE_GALACTIC",
    "FAMILIES",
    "NON_POSITION_WORDS",
    "TAGS",
    "TEXT_WORDS",
    "UNIT_WORDS",
]

#: Galactic coordinates with names of one letter, which may also be photometric bands.
BARE_GALACTIC = ("l", "b", "galactic")

#: Words for longitude and latitude, and their coordinate system; the best ones first.
FAMILIES: tuple[tuple[str, str, str], ...] = (
    ("ra|r_a", "declination|decl|dec|de", ""),
    ("right_?asc(?:ension)?", "decl?(?:ination)?", ""),
    ("alpha", "delta", ""),
    ("alphawin", "deltawin", ""),
    ("alphapeak|alphapsf", "deltapeak|deltapsf", ""),
    ("x_?world", "y_?world", ""),
    ("xwin_?world|xpeak_?world", "ywin_?world|ypeak_?world", ""),
    (
        "glon|gal_?l(?:ong?)?|galactic_lon(?:gitude|g)?",
        "glat|gal_?(?:lat|b)|galactic_lat(?:itude)?",
        "galactic",
    ),
    ("galactic_l|l_?ii", "galactic_b|b_?ii", "galactic"),
    BARE_GALACTIC,
    (
        "sgl(?:on)?|supergalactic_lon(?:gitude)?",
        "sgb|sglat|supergalactic_lat(?:itude)?",
        "supergalactic",
    ),
    (
        "elon|ecl_?lon|ecliptic_lon(?:gitude)?",
        "elat|ecl_?lat|ecliptic_lat(?:itude)?",
        "ecliptic",
    ),
    # These have no system of their own: the metadata of the file must state it.
    ("lon(?:gitude)?", "lat(?:itude)?", "?"),
)

#: Words in the names of columns that do not hold positions.
NON_POSITION_WORDS = frozenset(
    (
        *("accuracy", "bias", "corr", "cos", "count", "cov", "d", "del", "delt"),
        *("delta", "diff", "difference", "dist", "distance", "dither", "dot", "e"),
        *("er", "err", "error", "errors", "errs", "fake", "field", "flag", "fwhm"),
        *("hat", "hi", "high", "idx", "index", "ivar", "jitter", "lim", "limit", "lo"),
        *("low", "lower", "max", "min", "mock", "motion", "mu", "n", "nobs", "num"),
        *("off", "offs", "offset", "offsets", "pix", "pixel", "pixels", "plate"),
        *("plug", "pm", "pointing", "prec", "precision", "propmo", "px", "qual"),
        *("quality", "ran", "rand", "random", "range", "rate", "res", "resid"),
        *("residual", "rms", "rmse", "s", "sd", "sep", "separation", "shift"),
        *("shifted", "shifts", "sig", "sigma", "sin", "sn", "snr", "std", "stddev"),
        *("stdev", "step", "tile", "u", "unc", "uncert", "uncertainty", "upper", "var"),
        *("variance", "vel", "weight", "width", "wt", "xi"),
    )
)

#: Words for the survey, the object or the fit that a coordinate belongs to. They only
#: distinguish columns; they do not select an archive.
TAGS = frozenset(
    (
        *("2mass", "acs", "aegis", "allwise", "auto", "bcg", "best", "candels", "cat"),
        *("catalog", "catalogue", "cen", "cent", "center", "centre", "centroid"),
        *("cfht", "cfhtls", "chandra", "corrected", "cosmos", "ctr", "decals", "deep2"),
        *("des", "desi", "egs", "euclid", "final", "first", "fit", "g", "gaia", "gal"),
        *("galaxy", "galex", "gama", "goods", "herschel", "host", "hsc", "hst"),
        *("hyperleda", "i", "imag", "ir", "irac", "iras", "iso", "jwst", "kids"),
        *("leda", "legacy", "lofar", "ls", "main", "mast", "mean", "med", "median"),
        *("mips", "mir", "model", "ned", "new", "ngc", "nir", "nsa", "nvss", "obj"),
        *("object", "old", "opt", "optical", "orig", "original", "panstarrs", "peak"),
        *("phot", "photo", "ps1", "psf", "r", "radio", "rc3", "ref", "rosat", "sdss"),
        *("simbad", "sky", "source", "spec", "spitzer", "src", "stack", "targ"),
        *("target", "twomass", "u", "uds", "ugc", "ukidss", "uv", "viking", "vipers"),
        *("vista", "vla", "vlass", "wcs", "wfc", "wfc3", "win", "wise", "world", "x"),
        *("xmm", "xray", "y", "z", "zcosmos"),
    )
)

#: Words for text columns, whose values show their own form, such as ``12:34:56.7``.
TEXT_WORDS = frozenset(
    (
        *("ddmmss", "dms", "hhmmss", "hms", "sex", "sexagesimal", "str", "string"),
        *("text", "txt"),
    )
)

#: Units in the names of columns.
UNIT_WORDS: dict[str, AngleUnit] = {
    **dict.fromkeys(
        ("degrees", "degree", "deg", "degs", "ddeg", "dd", "decimal"), DEGREES
    ),
    **dict.fromkeys(("radians", "radian", "rad"), RADIANS),
    **dict.fromkeys(("hours", "hour", "hourangle", "hrs", "hr"), HOURS),
}
