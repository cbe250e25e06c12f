"""Instruments and filters of HST, in the spelling of MAST.

The lists come from the instrument handbooks of STScI (WFC3 chapters 6 and 7, ACS
chapter 5, WFPC2 chapter 3, NICMOS chapter 4, STIS chapter 5), because MAST has no query
for them.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["COMMON", "FILTERS", "nearest", "normal_name"]

_WFPC2 = (
    "F122M F130LP F160BW F165LP F170W F185W F218W F255W F300W F336W F343N F375N F380W "
    "F390N F410M F437N F439W F450W F467M F469N F487N F502N F547M F555W F569W F588N "
    "F606W F622W F631N F656N F658N F673N F675W F702W F785LP F791W F814W F850LP F953N "
    "F1042M"
)

#: Filters by camera, for cameras with drizzled images.
FILTERS = {
    name: tuple(filters.split())
    for name, filters in {
        "WFC3/IR": (
            "F098M F105W F110W F125W F126N F127M F128N F130N F132N F139M F140W F153M "
            "F160W F164N F167N"
        ),
        "WFC3/UVIS": (
            "F200LP F218W F225W F275W F280N F300X F336W F343N F350LP F373N F390M F390W "
            "F395N F410M F438W F467M F469N F475W F475X F487N F502N F547M F555W F600LP "
            "F606W F621M F625W F631N F645N F656N F657N F658N F665N F673N F680N F689M "
            "F763M F775W F814W F845M F850LP F953N FQ232N FQ243N FQ378N FQ387N FQ422M "
            "FQ436N FQ437N FQ492N FQ508N FQ575N FQ619N FQ634N FQ672N FQ674N FQ727N "
            "FQ750N FQ889N FQ906N FQ924N FQ937N"
        ),
        "ACS/WFC": (
            "F435W F475W F502N F550M F555W F606W F625W F658N F660N F775W F814W F850LP "
            "F892N FR388N FR423N FR459M FR462N FR505N FR551N FR601N FR647M FR656N "
            "FR716N FR782N FR853N FR914M FR931N FR1016N"
        ),
        "ACS/HRC": (
            "F220W F250W F330W F344N F435W F475W F502N F550M F555W F606W F625W F658N "
            "F660N F775W F814W F850LP F892N FR388N FR459M FR505N FR656N FR914M"
        ),
        "ACS/SBC": "F115LP F122M F125LP F140LP F150LP F165LP",
        "WFPC2": _WFPC2,
        "WFPC2/PC": _WFPC2,
        "WFPC2/WFC": _WFPC2,
        "NICMOS/NIC1": (
            "F090M F095N F097N F108N F110M F110W F113N F140W F145M F160W F164N F165M "
            "F166N F170M F187N F190N"
        ),
        "NICMOS/NIC2": (
            "F110W F160W F165M F171M F180M F187N F187W F190N F204M F205W F207M F212N "
            "F215N F216N F222M F237M"
        ),
        "NICMOS/NIC3": (
            "F108N F110W F113N F150W F160W F164N F166N F175W F187N F190N F196N F200N "
            "F212N F215N F222M F240M"
        ),
        "STIS/CCD": "50CCD F28X50LP F28X50OII F28X50OIII",
    }.items()
}

#: Wide filters with thousands of images: an empty list for one of them is an error.
COMMON = {
    "WFC3/IR": "F098M F105W F110W F125W F140W F160W",
    "WFC3/UVIS": "F225W F275W F336W F390W F438W F475W F555W F606W F775W F814W",
    "ACS/WFC": "F435W F475W F555W F606W F625W F775W F814W F850LP",
}


def normal_name(text: str) -> str:
    """Spell an instrument or filter as MAST does: ``wfc3-ir`` becomes ``WFC3/IR``."""
    name = text.strip().upper()
    joined = re.sub(r"[\s_\-/]+", "/", name)
    return next((known for known in FILTERS if known == joined), name)


def nearest(name: str, known: Iterable[str], most: int = 3) -> list[str]:
    """Give the known names that are most similar to an unknown one, best first."""
    return get_close_matches(normal_name(name), sorted(set(known)), n=most, cutoff=0.4)
