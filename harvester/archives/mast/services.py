"""The services of MAST: its portal, and the public bucket with copies of its files."""

from __future__ import annotations

from ..kind import ServiceKind, Token

__all__ = ["BUCKET", "MAST", "S3"]

#: Seconds for a query; astroquery has the same limit.
_QUERY_S = 600

#: The public bucket of the missions at STScI.
BUCKET = "stpubdata"

MAST = ServiceKind(
    "mast",
    "https://mast.stsci.edu",
    rate=5,
    answer_s=_QUERY_S,
    domains=("stsci.edu",),
    token=Token("MAST_API_TOKEN", ("hst", "token_elsewhere")),
    remedies=("a token (MAST_API_TOKEN)",),
)

S3 = ServiceKind("s3", "https://s3.amazonaws.com", rate=50, files=16, bucket=BUCKET)
