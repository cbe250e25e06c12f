"""Addresses of object stores are read as users of fsspec write them."""

from __future__ import annotations

import pytest

from harvester.dataset.object_store.address import StoreAddress, is_store_url
from harvester.errors import InputError


@pytest.mark.parametrize(
    ("text", "spelled", "folder"),
    [
        ("s3://zoo/a/b/", "s3://zoo/a/b", "s3-zoo-a-b"),
        ("s3a://zoo/a", "s3://zoo/a", "s3-zoo-a"),
        ("gcs://zoo/a", "gs://zoo/a", "gs-zoo-a"),
        ("gs://zoo/a", "gs://zoo/a", "gs-zoo-a"),
        ("az://zoo/a", "az://zoo/a", "az-zoo-a"),
        ("abfs://zoo/a", "az://zoo/a", "az-zoo-a"),
        (
            "abfss://zoo@mine.dfs.core.windows.net/a",
            "abfss://zoo@mine.dfs.core.windows.net/a",
            "az-mine-zoo-a",
        ),
        ("file:///data/zoo", "file:///data/zoo", "file-data-zoo"),
        ("hf://buckets/me/zoo/a", "hf://buckets/me/zoo/a", "hf-me-zoo-a"),
    ],
)
def test_forms(text, spelled, folder):
    """Each form is read, has one spelling, and names a folder on disk."""
    address = StoreAddress.parse(text)
    assert (str(address), address.folder_name) == (spelled, folder)
    assert StoreAddress.parse(str(address)) == address


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("s3://zoo", "name a folder in the bucket"),
        ("s3://zoo/a/../b", "name a folder in the bucket"),
        ("s3://ZOO/a", "no name of a bucket"),
        ("s3://key:secret@zoo/a", "must have no keys"),
        ("s3://key@zoo/a", "must have no keys"),
        ("abfss://zoo:secret@mine.dfs.core.windows.net/a", "must have no keys"),
        ("abfss://zoo@mine.example.org/a", "no account of Azure"),
        ("s3://zoo/a?versionId=secret", "no [?]"),
        ("ftp://zoo/a", "no address of an object store"),
        ("hf://datasets/me/zoo", "harvester publish"),
        ("file://host/data", "write the whole path"),
    ],
)
def test_refused(text, words):
    """What is none is refused with the remedy, and a secret is not repeated."""
    with pytest.raises(InputError, match=words) as caught:
        StoreAddress.parse(text)
    assert "secret" not in str(caught.value)


def test_paths_are_none():
    """The path of a folder is no address, also with a colon in it."""
    assert not any(map(is_store_url, ("out", "/data/out", "s3:out", "C:/out")))
    assert is_store_url("s3://zoo/a")
