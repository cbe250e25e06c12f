"""What the columns of the manifest mean, for the card of a data set."""

from __future__ import annotations

__all__ = ["COLUMNS", "MASK_BITS"]

#: Unit and meaning of each column of the manifest that is not a label.
COLUMNS: dict[str, tuple[str, str]] = {
    "target": ("", "number of the galaxy in its catalogue, from 0"),
    "id_str": ("", "identifier of the galaxy, as its catalogue spells it"),
    "ra": ("deg", "right ascension of the galaxy, ICRS"),
    "dec": ("deg", "declination of the galaxy, ICRS"),
    "survey": ("", "archive that the stamp is from"),
    "band": ("", "filter of the stamp"),
    "status": ("", "state of the galaxy in this band"),
    "reason": ("", "short code: why there is no stamp"),
    "file_loc": ("", "path of the stamp in the run"),
    "coverage": ("", "fraction (0 to 1) of the stamp's pixels that have a value"),
    "product": ("", "the archive's name of the image that the stamp is cut from"),
    "sha256": ("", "SHA-256 of the stamp's file"),
    "substitute": ("", "whether the stamp is of a second-best image"),
    "substitute_reason": ("", "why the best image was not used"),
    "missing_reason": ("", "why there is no stamp, from a closed list"),
    "x": ("pixel", "column of the galaxy in the stamp, from 0, not rounded"),
    "y": ("pixel", "row of the galaxy in the stamp, from 0, not rounded"),
    "nx": ("pixel", "width of the stamp"),
    "ny": ("pixel", "height of the stamp"),
    "x0": ("pixel", "column of the stamp's first pixel in its image, from 0"),
    "y0": ("pixel", "row of the stamp's first pixel in its image, from 0"),
    "pixel_scale": ("arcsec", "width of a pixel"),
    "orientation": ("deg", "position angle of the +y axis, from north to east"),
    "flipped": ("", "whether east is right of north"),
    "unit": ("", "unit of the pixels, as FITS spells it"),
    "zero_point": ("mag", "AB magnitude of one unit"),
    "to_njy": ("nJy", "nanojansky of one unit"),
    "exposure_s": ("s", "exposure time"),
    "date_obs": ("", "begin of the observation, ISO 8601"),
    "psf_fwhm": ("arcsec", "full width at half maximum of the point spread function"),
    "psf_source": ("", "where the width of the point spread function is from"),
    "corr_noise": ("", "noise of large areas, divided by what `ivar` says"),
    "noise_source": ("", "how `ivar` was made"),
    "flags": ("", "quality flags, with spaces between"),
    "parent": ("", "ETag or SHA-256 of the image that the stamp is cut from"),
    "filled_from": ("", "neighbouring images that lacking rows were taken from"),
    "filled_parent": ("", "ETag or SHA-256 of those images"),
    "parent_url": ("", "address of the image that the stamp is cut from"),
    "n_candidates": (
        "",
        "objects near the position that the archive could choose from",
    ),
    "match_ambiguous": (
        "",
        "whether the nearest of them is far, so that it may be another galaxy",
    ),
    "sep_arcsec": ("arcsec", "distance from the position to the chosen object"),
    # Of aligned stamps.
    "registered": ("", "whether the band was moved to agree with the reference band"),
    "moved_x": ("pixel", "by how much along columns, of the stamp as it was cut"),
    "moved_y": ("pixel", "by how much along rows, of the stamp as it was cut"),
}

#: Bits of the plane ``mask``: name, value, meaning.
MASK_BITS = (
    ("GOOD", 1, "the pixel has a value and no bad bit"),
    ("OUTSIDE", 2, "outside of the image"),
    ("NO_DATA", 4, "no data in the image"),
    ("SATURATED", 8, "saturated"),
    ("FILLED", 16, "completed from the neighbouring field; may be GOOD too"),
    ("INTERPOLATED", 32, "interpolated"),
    ("NO_NOISE", 64, "its noise is not known"),
)
