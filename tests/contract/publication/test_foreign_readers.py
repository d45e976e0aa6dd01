"""Published files are opened by programs that no one here wrote."""

import io
import json
import shutil
import subprocess
import warnings
from pathlib import Path

import pytest

from ooni_adapters.objectstore import open_object_store
from ooni_core.publication.lines import content_of
from tests.contract.publication.world import World, posted

BODIES = [posted(i, pad=i * 50, probe_cc="IT", test_name="web_connectivity") for i in range(25)]
CONTENTS = [json.loads(content_of(body).text) for body in BODIES]


def publish(world: World) -> list[str]:
    """Publish BODIES; return their uids."""
    world.limits = world.limits.__class__()
    uids = [world.accept(body, minutes=number).text for number, body in enumerate(BODIES)]
    assert world.service(seekable=True).run().problems == ()
    return uids


@pytest.fixture
def published(tmp_path: Path) -> dict[str, Path]:
    """The files of one batch on disk, by suffix."""
    world = World(tmp_path)
    publish(world)
    stem = next(key for key in world.keys(".tar.gz")).removesuffix(".tar.gz")
    suffixes = (".tar.gz", ".jsonl.gz", ".jsonl.zst", ".index.ndjson.gz")
    return {suffix: tmp_path / "objects" / f"{stem}{suffix}" for suffix in suffixes}


def output_of(*command: object) -> bytes:
    program = shutil.which(str(command[0]))
    assert program, f"{command[0]} is not installed; make test installs it"
    return subprocess.run([program, *map(str, command[1:])], check=True, capture_output=True).stdout


def test_zcat(published: dict[str, Path]) -> None:
    assert [json.loads(line) for line in output_of("zcat", published[".jsonl.gz"]).splitlines()] == CONTENTS


def test_gzip_checks_every_member(published: dict[str, Path]) -> None:
    for suffix in (".jsonl.gz", ".tar.gz", ".index.ndjson.gz"):
        output_of("gzip", "--test", published[suffix])


def test_tar(published: dict[str, Path], tmp_path: Path) -> None:
    output_of("tar", "--extract", "--gzip", "--file", published[".tar.gz"], "--directory", tmp_path)
    files = sorted((tmp_path / "2026030412_IT_webconnectivity").iterdir())
    assert [file.read_bytes() for file in files] == BODIES
    assert all(file.stat().st_mode & 0o777 == 0o644 for file in files)


def test_zstd(published: dict[str, Path]) -> None:
    output_of("zstd", "--test", published[".jsonl.zst"])
    plain = output_of("zstd", "--decompress", "--stdout", published[".jsonl.zst"])
    assert plain == output_of("zcat", published[".jsonl.gz"])


def test_pandas(published: dict[str, Path]) -> None:
    import pandas as pd

    frame = pd.read_json(published[".jsonl.gz"], lines=True)
    assert list(frame["input"]) == [content["input"] for content in CONTENTS]
    index = pd.read_json(published[".index.ndjson.gz"], lines=True, compression="gzip", dtype=False)
    assert list(index["linenum"]) == list(range(25))


def test_duckdb(published: dict[str, Path]) -> None:
    import duckdb

    with duckdb.connect() as db:
        query = "SELECT lines.input FROM read_json(?, format='newline_delimited', compression=?) AS lines"
        for suffix, compression in ((".jsonl.gz", "gzip"), (".jsonl.zst", "zstd")):
            rows = db.execute(query, [str(published[suffix]), compression]).fetchall()
            assert [row[0] for row in rows] == [content["input"] for content in CONTENTS]


def test_oonidata_from_an_s3_server(tmp_path: Path, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own business
        from oonidata import dataclient

    def client() -> object:
        return boto3.client(
            "s3", endpoint_url=s3_endpoint, aws_access_key_id="k", aws_secret_access_key="s", region_name="us-east-1"
        )

    client().create_bucket(Bucket=dataclient.MC_BUCKET_NAME)
    monkeypatch.setattr(dataclient, "create_s3_client", client)
    monkeypatch.setattr(dataclient, "s3", client())
    world = World(tmp_path)
    world.objects = open_object_store(f"s3://{dataclient.MC_BUCKET_NAME}", endpoint=s3_endpoint, key="k", secret="s")
    publish(world)
    asked = {"start_day": "2026-03-04", "end_day": "2026-03-05", "probe_cc": "IT", "test_name": "web_connectivity"}
    assert list(dataclient.iter_measurements(**asked, from_cans=False)) == CONTENTS
    from_cans = list(dataclient.iter_measurements(**asked, from_cans=True))
    assert [each["input"] for each in from_cans] == [content["input"] for content in CONTENTS]


def test_the_whole_way_through_s3(tmp_path: Path, s3_endpoint: str, s3_bucket: str) -> None:
    world = World(tmp_path)
    world.objects = open_object_store(f"s3://{s3_bucket}/published", endpoint=s3_endpoint, key="k", secret="s")
    uids = publish(world)
    archive = world.archive()
    assert [json.loads(archive.find(uid)) for uid in uids] == CONTENTS
    assert world.cans() == dict(zip(uids, BODIES, strict=True))
    assert io.BytesIO(world.objects.get(world.keys(".jsonl.zst")[0])).read(4) == b"\x28\xb5\x2f\xfd"
