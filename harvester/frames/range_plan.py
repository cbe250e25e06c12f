"""Finds the bytes of a remote file that stamps need, from its headers.

The weights follow the image in most files. Their header can be assumed then: it
describes an image of the same shape and type, and its length is known from other files.
So the rows of image and weights are fetched together with this header. `is_proved`
tells afterwards whether the real header says the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..cutouts.frame_file import BadFrameError, CorruptFrameError, Frame
from .pieces import UnheldError
from .spans import StoredPlane, spans_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..archives.reading import Reading
    from ..cutouts.cutouts import NeededPixels
    from ..cutouts.frame_file import Hdu
    from .pieces import Pieces
    from .spans import Span

    FindPixels = Callable[[Frame], NeededPixels]

__all__ = ["FindPixels", "Plan", "is_proved", "plan"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to fetch of a file beside the headers."""

    #: Length of the local file in bytes; `cut_frame` reads nothing after it.
    length: int
    #: In ascending order, without overlap.
    spans: tuple[Span, ...]
    #: The HDUs up to the last one that is needed.
    hdus: tuple[Hdu, ...] = ()
    #: Place of the header that was assumed; None: all headers have come.
    assumed: Span | None = None
    #: Offset of the first pixel of the image; 0 if it is not known by its name.
    first_pixel: int = 0
    #: Length of the header of the weights, if they follow the image.
    weight_header: int | None = None


def plan(
    pieces: Pieces,
    find: FindPixels,
    reading: Reading,
    weight_header: int | None = None,
) -> Plan:
    """Find the spans with all pixels of the stamps, in every plane.

    Parameters
    ----------
    weight_header
        Length in bytes of the header that is assumed between the image and its weights;
        None: nothing is assumed.

    Raises
    ------
    UnheldError
        A header must be fetched first.
    CorruptFrameError, BadFrameError, BadWcsError
        The frame cannot be cut.
    """
    hdus = _read_hdus(pieces, reading, weight_header)
    are_all = _are_all_seen(hdus, reading)
    pieces.end = hdus[-1].end if are_all else pieces.total
    pixels = find(Frame(pieces))
    image = next((at for at, one in enumerate(hdus) if _is_science(one, reading)), None)
    follows = are_all and image == len(hdus) - 2
    return Plan(
        pieces.end,
        spans_of(_planes(pixels), pixels.boxes),
        tuple(hdus),
        next(((at, at + len(it)) for at, it in pieces.assumed.items()), None),
        0 if image is None else hdus[image].start,
        len(hdus[-1].cards) if follows else None,
    )


def is_proved(planned: Plan, pieces: Pieces) -> bool:
    """Whether the header that was assumed describes the same image as the real one.

    Then a plan from the real header has the same spans.
    """
    assert planned.assumed is not None
    pieces.assumed.clear()
    try:
        hdu = Frame(pieces).read_hdu(planned.assumed[0])
    except (UnheldError, CorruptFrameError, BadFrameError):
        return False
    return _geometry(hdu) == _geometry(planned.hdus[-1])


def _geometry(hdu: Hdu) -> tuple[object, ...]:
    """Give all that the plan depends on."""
    return hdu.is_image, hdu.name, hdu.shape, hdu.bitpix, hdu.start, hdu.end


def _read_hdus(
    pieces: Pieces, reading: Reading, weight_header: int | None
) -> list[Hdu]:
    """Read the HDUs up to the image and its weights, or to the end of the file.

    The worker uses the first image with the right name and the first weights of its
    shape. So later HDUs are not needed, and their headers cost no requests. A file that
    ends after an HDU is valid.
    """
    pieces.end = pieces.total
    pieces.assumed.clear()
    seen: list[Hdu] = []
    for hdu in Frame(pieces).hdus():
        seen.append(hdu)
        if _are_all_seen(seen, reading):
            break
        if weight_header and _is_science(hdu, reading):
            _assume_weights(pieces, hdu, reading.weight, weight_header)
    return seen


def _assume_weights(pieces: Pieces, image: Hdu, name: str, length: int) -> None:
    """Assume a header of this length after an image, if the file is long enough."""
    if pieces.total < image.end + length + (image.end - image.start):
        return
    ny, nx = image.shape
    cards = (
        "XTENSION= 'IMAGE   '",
        f"BITPIX  = {image.bitpix}",
        "NAXIS   = 2",
        f"NAXIS1  = {nx}",
        f"NAXIS2  = {ny}",
        "PCOUNT  = 0",
        "GCOUNT  = 1",
        f"EXTNAME = '{name}'",
    )
    text = "".join(card.ljust(80) for card in cards)
    # The END card must be in the last block, because it tells where the pixels begin.
    pieces.assumed[image.end] = (text.ljust(length - 80) + "END".ljust(80)).encode()


def _is_science(hdu: Hdu, reading: Reading) -> bool:
    return bool(reading.science) and hdu.name == reading.science and hdu.is_image


def _are_all_seen(seen: Sequence[Hdu], reading: Reading) -> bool:
    """Whether the image and its weights are among these first HDUs of a file."""
    if not reading.science:
        return True
    image = next((one for one in seen if _is_science(one, reading)), None)
    if image is None or not reading.weight:
        return image is not None
    return any(o.name == reading.weight and o.shape == image.shape for o in seen)


def _planes(pixels: NeededPixels) -> list[StoredPlane]:
    return [
        StoredPlane(hdu.start, hdu.shape[1], abs(hdu.bitpix) // 8)
        for hdu in pixels.planes
    ]
