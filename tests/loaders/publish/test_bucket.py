"""A data set goes to a bucket whole and once, and is read back."""

from __future__ import annotations

import json

import boto3
import pytest
import stand_in_store
from publish_command import Command
from small_data_set import contents_of, make_data_set

from harvester.dataset.export.checksums import write_checksums

_TO = "s3://galaxies/sets/demo"


@pytest.fixture
def store():
    """Serve a store."""
    with stand_in_store.serving() as served:
        yield served


@pytest.fixture
def client(store):
    """Give Amazon's own client, and make the bucket."""
    client = boto3.client(
        "s3",
        endpoint_url=store.url,
        region_name="us-east-1",
        aws_access_key_id="standinkey",
        aws_secret_access_key="standinsecret",
    )
    client.create_bucket(Bucket=stand_in_store.BUCKET)
    store.written.clear()
    return client


@pytest.fixture
def to_store(store, tmp_path):
    """Give the command with the keys in its environment."""
    home = tmp_path / "home"
    home.mkdir()
    return Command(home, AWS_ENDPOINT_URL=store.url, **stand_in_store.KEYS)


def _in_bucket(client):
    listed = client.list_objects_v2(Bucket="galaxies", Prefix="sets/demo/")
    names = [one["Key"] for one in listed.get("Contents", [])]
    return {
        name.removeprefix("sets/demo/"): client.get_object(Bucket="galaxies", Key=name)[
            "Body"
        ].read()
        for name in names
    }


def test_whole(client, to_store, data_set):
    """Every file is in the bucket with its bytes, and the reload says so."""
    code, output, errors = to_store(data_set, "--to", _TO)
    assert (code, errors) == (0, "")
    assert _in_bucket(client) == contents_of(data_set)
    assert "labels and pixels of 120 rows are the same" in output


def test_endpoint_option(client, store, to_store, data_set):
    """The store can be named on the command line."""
    del to_store.environment["AWS_ENDPOINT_URL"]
    code, output, errors = to_store(data_set, "--to", _TO, "--endpoint", store.url)
    assert (code, errors) == (0, ""), output
    assert _in_bucket(client) == contents_of(data_set)


def test_large_file_in_parts(client, to_store, tmp_path):
    """Files that are sent in parts arrive whole."""
    data_set = make_data_set(tmp_path / "large", galaxies=1100)
    code, _, errors = to_store(data_set, "--to", _TO)
    assert (code, errors) == (0, "")
    assert _in_bucket(client) == contents_of(data_set)
    key = "sets/demo/images/part-0.parquet"
    found = client.head_object(Bucket="galaxies", Key=key)
    assert found["ETag"].endswith('-2"')


def test_again(client, store, to_store, data_set):
    """The same command again writes nothing."""
    to_store(data_set, "--to", _TO)
    written = dict(store.written)
    code, output, _ = to_store(data_set, "--to", _TO, "--json")
    assert (code, json.loads(output)["sent"]) == (0, 0)
    assert dict(store.written) == written
    assert set(_in_bucket(client)) == set(contents_of(data_set))


@pytest.mark.usefixtures("client")
def test_kill(store, to_store, data_set):
    """After kill -9 during the third file, the same command sends only what lacks."""
    store.held = 2
    process = to_store.start(data_set, "--to", _TO)
    assert store.arrived.wait(60)
    process.kill()
    process.communicate()
    store.release.set()
    store.held = None
    assert sum(store.written.values()) == 2
    code, _, errors = to_store(data_set, "--to", _TO)
    assert (code, errors) == (0, "")
    assert set(store.written.values()) == {1}
    assert len(store.written) == 7


def test_busy_store(client, store, to_store, data_set):
    """A store that is busy for a moment is asked again."""
    store.refusals = [503, 500]
    code, _, _ = to_store(data_set, "--to", _TO)
    assert (code, store.refusals) == (0, [])
    assert _in_bucket(client) == contents_of(data_set)


def test_damaged_object(client, to_store, data_set):
    """An object that was damaged in the bucket is found by the reload, exit code 3."""
    to_store(data_set, "--to", _TO)
    key = "sets/demo/images/part-1.parquet"
    found = client.get_object(Bucket="galaxies", Key=key)
    content = bytearray(found["Body"].read())
    content[len(content) // 2] ^= 1
    metadata = found["Metadata"]
    client.put_object(
        Bucket="galaxies", Key=key, Body=bytes(content), Metadata=metadata
    )
    code, output, _ = to_store(data_set, "--to", _TO)
    assert code == 3
    assert "images/part-1.parquet differs: the pixels of flux sum to" in output


def test_new_edition(client, to_store, data_set):
    """Objects of the earlier edition go, others stay and are named."""
    to_store(data_set, "--to", _TO)
    client.put_object(Bucket="galaxies", Key="sets/demo/notes.txt", Body=b"mine")
    (data_set / "images" / "part-2.parquet").unlink()
    write_checksums(data_set)
    code, output, _ = to_store(data_set, "--to", _TO)
    assert code == 0
    assert set(_in_bucket(client)) == {*contents_of(data_set), "notes.txt"}
    assert "left alone: notes.txt" in output


def test_no_bucket(store, to_store, data_set):
    """A bucket that does not exist is named, without a traceback."""
    code, _, errors = to_store(data_set, "--to", _TO)
    assert code == 2
    assert "there is no such bucket" in errors
    assert "Traceback" not in errors
    assert not store.written


def test_no_keys(store, to_store, data_set):
    """Without keys, the message says which variables to set; no secret is printed."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del to_store.environment[name]
    # Where a machine in a cloud would ask for keys.
    to_store.environment["AWS_METADATA_ENDPOINT"] = f"{store.url}/nothing"
    code, _, errors = to_store(data_set, "--to", _TO)
    assert code == 2
    assert "AWS_ACCESS_KEY_ID" in errors
    assert "Traceback" not in errors


def test_store_without_tls(to_store, data_set):
    """Keys never travel in the open: a distant store must use TLS."""
    endpoint = ["--endpoint", "http://store.example.org"]
    code, _, errors = to_store(data_set, "--to", _TO, *endpoint)
    assert code == 2
    assert "must use https" in errors
