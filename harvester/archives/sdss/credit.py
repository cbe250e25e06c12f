"""What SDSS asks of a publication: it depends on the data release.

Facts: https://www.sdss.org/collaboration/citing-sdss/ and, for the releases up to 17,
https://www.sdss4.org/collaboration/citing-sdss/. Both pages also have the list of the
participating institutions, which belongs into the acknowledgements of a paper.
"""

from __future__ import annotations

from ..credit import Credit

__all__ = ["CAVEATS", "credit_of"]

#: What users of the pixels must know.
CAVEATS: tuple[str, ...] = (
    (
        "SDSS rounds the pixels of its frames to 10 significant binary digits, so that "
        "they compress: a pixel is exact to about 0.1 % of its own value."
    ),
    (
        "Each SDSS band is taken by a CCD of its own. Unless they were resampled onto "
        "one grid, stamps of a galaxy in two bands are shifted against each other by "
        "up to a pixel."
    ),
    (
        "Bad columns, bleed trails and saturation of SDSS are known only as far as "
        "they can be told from the frame itself."
    ),
)

_PAGE = "https://www.sdss.org/collaboration/citing-sdss/"
_PAGE_4 = "https://www.sdss4.org/collaboration/citing-sdss/"

_SDSS_3 = (
    "Funding for SDSS-III has been provided by the Alfred P. Sloan Foundation, the "
    "Participating Institutions, the National Science Foundation, and the U.S. "
    "Department of Energy Office of Science. The SDSS-III web site is "
    "http://www.sdss3.org/."
)
_SDSS_4 = (
    "Funding for the Sloan Digital Sky Survey IV has been provided by the Alfred P. "
    "Sloan Foundation, the U.S. Department of Energy Office of Science, and the "
    "Participating Institutions. SDSS acknowledges support and resources from the "
    "Center for High-Performance Computing at the University of Utah. The SDSS web "
    "site is www.sdss4.org."
)
_SDSS_5 = (
    "Funding for the Sloan Digital Sky Survey V has been provided by the Alfred P. "
    "Sloan Foundation, the Heising-Simons Foundation, the National Science Foundation, "
    "and the Participating Institutions. SDSS acknowledges support and resources from "
    "the Center for High-Performance Computing at the University of Utah. SDSS "
    "telescopes are located at Apache Point Observatory, funded by the Astrophysical "
    "Research Consortium and operated by New Mexico State University, and at Las "
    "Campanas Observatory, operated by the Carnegie Institution for Science. The SDSS "
    "web site is www.sdss.org."
)

#: Last releases of SDSS-III and SDSS-IV.
_LAST_OF_3, _LAST_OF_4 = 12, 17

_INSTITUTIONS = (
    "The acknowledgement goes on with the list of the participating institutions: copy "
    "it from the page."
)

_ALWAYS = (
    r"""@article{york2000,
  author = {{York}, D. G. and others},
  title = {{The Sloan Digital Sky Survey: Technical Summary}},
  journal = {The Astronomical Journal},
  year = 2000,
  volume = 120,
  pages = {1579--1587},
  doi = {10.1086/301513}
}""",
    r"""@article{gunn1998,
  author = {{Gunn}, J. E. and others},
  title = {{The Sloan Digital Sky Survey Photometric Camera}},
  journal = {The Astronomical Journal},
  year = 1998,
  volume = 116,
  pages = {3040},
  doi = {10.1086/300645}
}""",
    r"""@article{gunn2006,
  author = {{Gunn}, J. E. and others},
  title = {{The 2.5 m Telescope of the Sloan Digital Sky Survey}},
  journal = {The Astronomical Journal},
  year = 2006,
  volume = 131,
  pages = {2332},
  doi = {10.1086/500975}
}""",
    r"""@article{doi2010,
  author = {{Doi}, M. and others},
  title = {{Photometric Response Functions of the Sloan Digital Sky Survey Imager}},
  journal = {The Astronomical Journal},
  year = 2010,
  volume = 139,
  number = 4,
  pages = {1628--1648},
  doi = {10.1088/0004-6256/139/4/1628}
}""",
)

#: Papers of the data releases, as far as they were looked up.
_RELEASES = {
    17: r"""@article{abdurrouf2022,
  author = {{Abdurro'uf} and others},
  title = {{The Seventeenth Data Release of the Sloan Digital Sky Surveys: Complete
    Release of MaNGA, MaStar, and APOGEE-2 Data}},
  journal = {The Astrophysical Journal Supplement Series},
  year = 2022,
  volume = 259,
  number = 2,
  eid = {35},
  doi = {10.3847/1538-4365/ac4414}
}""",
}


def credit_of(release: int) -> Credit:
    """Give what SDSS asks of a publication with pixels of a data release."""
    paper = _RELEASES.get(release)
    requests = [_INSTITUTIONS]
    if not paper:
        requests.append(f"Also cite the paper of data release {release}, see the page.")
    return Credit(
        _PAGE if release > _LAST_OF_4 else _PAGE_4,
        "the SDSS acknowledgement and the paper of the data release",
        _sentences(release),
        tuple(requests),
        (*_ALWAYS, *([paper] if paper else [])),
    )


def _sentences(release: int) -> str:
    if release <= _LAST_OF_3:
        return _SDSS_3
    return _SDSS_4 if release <= _LAST_OF_4 else _SDSS_5
