"""What the reasons of failures mean, as docs/operations.md has it."""

from __future__ import annotations

__all__ = ["MEANINGS", "meaning_of"]

_BROKEN_OFF = "The transfer broke in every attempt."
_NOT_THE_FILE = (
    "A web page or some text came in place of this file, while other files came."
)
_ENDS_PROCESS = (
    "Cutting this galaxy ends the process. Its frame is in the folder quarantine, for "
    "a bug report."
)

#: By the code that a reason begins with.
MEANINGS = {
    "not_found": "The archive names a file that it does not have.",
    "http": "The archive answered with this status, while it served other files.",
    "corrupt": "The file fails its own checksums, or is a different file.",
    "corrupt_at_source": "The file is damaged in the same way each time it is fetched.",
    "truncated": _BROKEN_OFF,
    "stalled": _BROKEN_OFF,
    "reset": _BROKEN_OFF,
    "too_slow": _BROKEN_OFF,
    "html": _NOT_THE_FILE,
    "words": _NOT_THE_FILE,
    "too_large": "The file has no end.",
    "blocked_redirect": "The archive redirects to a place that is no archive.",
    "bad_wcs": "The file has no usable sky coordinates.",
    "bad_frame": "The file has no usable image.",
    "worker_died": _ENDS_PROCESS,
    "worker_hung": _ENDS_PROCESS,
    "unexpected": "A bug; its traceback is in the log of the harvest.",
}


def meaning_of(reason: str) -> str:
    """Explain a reason; empty if it is none of those that are documented."""
    code = reason.partition(" ")[0].rstrip(":")
    return MEANINGS.get("http" if code.startswith("http_") else code, "")
