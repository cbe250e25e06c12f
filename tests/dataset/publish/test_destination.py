"""Destinations are read exactly; what is doubtful is refused with the right form."""

from __future__ import annotations

import pytest

from harvester.dataset.publish.destination import parse_destination
from harvester.errors import InputError


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("hf://astro/galaxies", ("hf", "astro/galaxies", "main")),
        ("hf://datasets/astro/galaxies@v1.0", ("hf", "astro/galaxies", "v1.0")),
        ("hf://astro/my-set.2@refs/pr/1", ("hf", "astro/my-set.2", "refs/pr/1")),
        ("s3://bucket/sets/demo/", ("s3", "bucket", "sets/demo")),
    ],
)
def test_read(text, parts):
    """Scheme, place and branch or prefix are told apart."""
    found = parse_destination(text)
    assert (found.scheme, found.place, found.within) == parts


@pytest.mark.parametrize(
    "text",
    [
        *(
            "hf://galaxies",
            "hf://a/b/c",
            "hf://a/b@",
            "hf:/a/b",
            "a/b",
            "",
            "hf://a/.b",
        ),
        *("s3://bucket", "s3://bucket/", "s3://B/x", "s3://bucket/a/../b"),
        *("https://huggingface.co/datasets/a/b", "gs://bucket/x", "s3://bucket/a//b"),
    ],
)
def test_refused(text):
    """Anything else is refused, and the message shows a form that is right."""
    with pytest.raises(InputError, match=r"hf://NAMESPACE/NAME|s3://bucket/galaxies"):
        parse_destination(text)
