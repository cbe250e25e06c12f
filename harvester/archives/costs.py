"""What the frames of an archive cost, for the bill."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ..models import Plane, Product, Sample
    from ..transport.transport import Transport

__all__ = ["Costs", "FileLayout", "Sampling"]


class FileLayout(NamedTuple):
    """Where images lie in an uncompressed file; used to estimate its cost."""

    #: Bytes of all headers before the science image, and of each further header.
    first_headers: int
    next_header: int
    #: Requests for the headers of a frame that is fetched by ranges. The first one
    #: covers the headers up to the science image. Each further one covers one header,
    #: up to the last image that stamps are cut from.
    header_requests: int
    #: Indices of the images that stamps are cut from (0: the science image), and the
    #: number of images in the file. Each has the shape of the science image and four
    #: bytes a pixel.
    cut: tuple[int, ...]
    images: int
    #: Index of the image with the errors, which is read for the plane ``ivar`` only;
    #: None: there is none, or ``ivar`` needs no other image.
    errors: int | None = None
    #: Requests of one frame that are under way together, at least. So many fewer frames
    #: in hand keep all connections to a host busy.
    at_once: int = 1

    @property
    def weights_follow(self) -> bool:
        """Whether the stamps are cut from the image and the one right behind it.

        Then that one's header comes with the pixels, and no more than the header.
        """
        return self.cut == (0, 1)


class Costs(Protocol):
    """What frames of the archive cost, for the bill."""

    #: Names of the services that answer queries, that send the files, and that hold
    #: copies of the files; the last is empty if there are no copies.
    query_service: str
    file_service: str
    mirror_service: str
    #: Bytes of a frame, used until a sample or fetched frames give a better figure.
    typical_bytes: int
    #: CPU seconds on one core to decode a whole frame.
    decode_s: float
    #: Side in pixels of the plane psf; 0 if stamps have none.
    psf_side: int
    #: Layout of uncompressed files; None if the files are compressed.
    layout: FileLayout | None

    def neighbours(self, side: int, stamps: int) -> float:
        """Give how many neighbours the stamps of a frame need, as a mean.

        Parameters
        ----------
        side
            Side of the stamps, in pixels.
        stamps
            Stamps that are cut from the frame.
        """
        ...

    def pixel_arcsec(self, instrument: str) -> float:
        """Give the width of a pixel in arcsec."""
        ...

    def field_arcsec(self, instrument: str) -> tuple[float, float]:
        """Give the sides of one pointing in arcsec, longer one first."""
        ...

    def queries(
        self, unlocated: Sequence[int], lost: int, planes: Collection[Plane] = ()
    ) -> int:
        """Count the queries to come.

        Parameters
        ----------
        unlocated
            Targets of each survey that are not located yet.
        lost
            Targets whose frame is known to be missing.
        planes
            Those of the stamps: for the PSF an archive may have to be asked.
        """
        ...


class Sampling(Protocol):
    """Asks the archive about a sample of the frames to come, for a better bill."""

    #: Size of the sample, in frames.
    most: int
    #: A run with fewer frames to come than this does not ask.
    worth_asking: int

    async def ask(
        self,
        transport: Transport,
        frames: Sequence[tuple[int, Product]],
        official: Mapping[str, str],
        samples: list[Sample],
    ) -> None:
        """Append the archive's answers about the numbered products as they come."""
        ...
