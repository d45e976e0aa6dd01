"""What real object stores do on a bad day: too many requests, lost answers, answers cut short."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from ooni_adapters.objectstore.s3 import S3Objects, s3_objects
from ooni_core.errors import Conflict, Unavailable
from ooni_core.publication.service import PublicationLimits
from ooni_entrypoints.composition import open_objects
from ooni_entrypoints.settings import Settings, StorageSettings
from tests.contract.objectstore.faulty import Faults, faulty_proxy
from tests.contract.publication.world import World, posted

KEY = "raw/x/file.tar.gz"
CONTENT = bytes(range(256)) * 100


@pytest.fixture
def proxy(s3_endpoint: str) -> Iterator[tuple[str, Faults]]:
    with faulty_proxy(s3_endpoint) as running:
        yield running


@pytest.fixture
def faults(proxy: tuple[str, Faults]) -> Faults:
    return proxy[1]


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def objects(proxy: tuple[str, Faults], s3_bucket: str, pauses: list[float]) -> S3Objects:
    store = s3_objects(s3_bucket, "p", endpoint=proxy[0], key="k", secret="s", attempts=4, timeout=60)
    return attrs.evolve(store, sleep=pauses.append)


@pytest.mark.parametrize("fault", ["slow", "error", "lost"])
def test_a_put_is_tried_again(objects: S3Objects, faults: Faults, pauses: list[float], fault: str) -> None:
    faults.coming = [fault, fault]
    objects.put(KEY, CONTENT)
    assert objects.get(KEY) == CONTENT
    assert 1 <= len(pauses) <= 2  # the HTTP client repeats some requests by itself


def test_pauses_grow_and_differ(objects: S3Objects, faults: Faults, pauses: list[float]) -> None:
    for number in range(4):
        faults.coming = ["slow"] * 3
        objects.put(f"{KEY}{number}", b"x")
    firsts, seconds, thirds = pauses[::3], pauses[1::3], pauses[2::3]
    assert max(firsts) <= 0.4
    assert max(firsts) <= 2 * min(firsts)
    assert sum(firsts) < sum(seconds) < sum(thirds)
    assert len(set(firsts)) > 1


def test_a_store_that_never_answers_well_is_unavailable(objects: S3Objects, faults: Faults) -> None:
    faults.coming = ["slow"] * 4
    with pytest.raises(Unavailable, match="4 times"):
        objects.put(KEY, CONTENT)
    assert objects.size(KEY) is None


def test_a_put_that_took_effect_unheard_is_not_a_conflict(objects: S3Objects, faults: Faults) -> None:
    faults.coming = ["lost"]
    objects.put(KEY, CONTENT)
    assert faults.seen[:2] == ["PUT lost", "PUT"]


def test_other_bytes_are_a_conflict_also_when_answers_get_lost(objects: S3Objects, faults: Faults) -> None:
    objects.put(KEY, b"first")
    faults.coming = ["lost", "slow"]
    with pytest.raises(Conflict):
        objects.put(KEY, b"second")
    assert objects.get(KEY) == b"first"


@pytest.mark.parametrize("fault", ["truncated", "slow", "lost", "error"])
def test_a_read_is_whole_or_tried_again(objects: S3Objects, faults: Faults, fault: str) -> None:
    objects.put(KEY, CONTENT)
    faults.coming = [fault]
    assert objects.get(KEY) == CONTENT
    faults.coming = [fault]
    assert objects.get_range(KEY, 1000, 2000) == CONTENT[1000:3000]
    faults.coming = [fault] if fault != "truncated" else []
    assert objects.size(KEY) == len(CONTENT)
    faults.coming = [fault]
    assert list(objects.keys("raw")) == [KEY]
    faults.coming = [fault]
    objects.delete(KEY)
    assert objects.size(KEY) is None


def test_a_read_that_is_always_cut_short_is_unavailable(objects: S3Objects, faults: Faults) -> None:
    objects.put(KEY, CONTENT)
    faults.coming = ["truncated"] * 100
    with pytest.raises(Unavailable):
        objects.get(KEY)


def test_a_big_object_goes_in_parts_and_survives_a_fault_of_one(
    objects: S3Objects, faults: Faults, monkeypatch
) -> None:
    monkeypatch.setattr("ooni_adapters.objectstore.s3._PART_BYTES", 5 * 2**20)
    content = b"0123456789abcdef" * (11 * 2**16)
    faults.coming = ["", "slow"]
    objects.put(KEY, content)
    assert sum(each.startswith("PUT") for each in faults.seen) > 3
    assert objects.size(KEY) == len(content)
    assert objects.get_range(KEY, 6 * 2**20, 16) == content[:16]
    objects.put(KEY, content)
    with pytest.raises(Conflict):
        objects.put(KEY, content[::-1])


def test_a_missing_bucket_is_told(s3_endpoint: str) -> None:
    store = attrs.evolve(s3_objects("nobody-has-this", endpoint=s3_endpoint, key="k", secret="s"), sleep=lambda _: None)
    with pytest.raises(Unavailable, match="there is no bucket nobody-has-this"):
        store.put(KEY, CONTENT)


def test_public_buckets_are_read_without_credentials(objects: S3Objects, s3_endpoint: str, s3_bucket: str) -> None:
    objects.put(KEY, CONTENT)
    objects.files.call_s3("put_object_acl", Bucket=s3_bucket, Key=f"p/{KEY}", ACL="public-read")
    anonymous = s3_objects(s3_bucket, "p", endpoint=s3_endpoint, anonymous=True)
    assert anonymous.get(KEY) == CONTENT


def test_an_unreachable_store_is_unavailable() -> None:
    store = attrs.evolve(
        s3_objects("bucket", endpoint="http://127.0.0.1:1", key="k", secret="s", attempts=2), sleep=lambda _: None
    )
    with pytest.raises(Unavailable):
        store.get(KEY)


def test_a_put_that_took_effect_before_the_time_was_over_is_not_a_conflict(
    proxy: tuple[str, Faults], s3_bucket: str, pauses: list[float]
) -> None:
    settings = Settings(
        storage=StorageSettings(
            objects=f"s3://{s3_bucket}/p",
            s3_endpoint=proxy[0],
            s3_key="k",
            s3_secret="s",
            s3_region="us-east-1",
            s3_seconds=0.3,
            s3_attempts=4,
        )
    )
    objects, faults = attrs.evolve(open_objects(settings), sleep=pauses.append), proxy[1]
    faults.coming = ["silent"]
    objects.put(KEY, CONTENT)
    assert faults.seen[:2] == ["PUT silent", "PUT"]
    assert objects.get(KEY) == CONTENT
    pauses.clear()
    faults.coming = ["silent"] * 4
    with pytest.raises(Unavailable, match="4 times"):
        objects.get(KEY)
    assert len(pauses) == 3


def test_a_listing_that_is_behind_is_no_reason_to_overwrite(objects: S3Objects, faults: Faults, tmp_path: Path) -> None:
    world = World(tmp_path)
    world.objects = objects
    first = world.accept(posted(1))
    assert world.service().run().problems == ()
    before = {key: objects.get(key) for key in objects.keys("")}
    world.journal.close()
    shutil.rmtree(tmp_path / "measurements" / "uploader")
    second = world.accept(posted(2), minutes=1)
    faults.stale_listings = 4  # two for each look: an empty folder is asked for twice
    report = world.service().run()
    assert faults.stale_listings == 0
    assert "a new name is used" in report.problems[0]
    assert {key: objects.get(key) for key in before} == before
    assert sorted(world.cans()) == [first.text, second.text]
    assert world.archive().find(second.text) is not None


def test_one_body_costs_one_request_of_one_member(objects: S3Objects, faults: Faults, tmp_path: Path) -> None:
    world = World(tmp_path, limits=PublicationLimits())
    world.objects = objects
    uids = [world.accept(posted(number, pad=500), minutes=number / 10) for number in range(60)]
    assert world.service().run().problems == ()
    entry = world.index.by_uid(uids[33].text)
    faults.seen.clear()
    faults.headers.clear()
    assert json.loads(world.archive().find(uids[33].text))["input"] == "https://33.example/"
    assert faults.seen == ["GET"]
    last = entry.member_offset + entry.member_length - 1
    assert faults.headers[0]["range"] == f"bytes={entry.member_offset}-{last}"
    assert entry.member_length < objects.size(entry.s3path) / 4


def test_credentials_come_from_a_profile_or_not_at_all(
    proxy: tuple[str, Faults], s3_bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint, faults = proxy
    (tmp_path / "credentials").write_text("[ooni]\naws_access_key_id = PROFILEKEY\naws_secret_access_key = s\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    s3_objects(s3_bucket, endpoint=endpoint, profile="ooni", region="eu-central-1").size(KEY)
    assert "Credential=PROFILEKEY/" in faults.headers[-1]["authorization"]
    assert "/eu-central-1/" in faults.headers[-1]["authorization"]
    s3_objects(s3_bucket, endpoint=endpoint, key="GIVENKEY", secret="s").size(KEY)
    assert "Credential=GIVENKEY/" in faults.headers[-1]["authorization"]
    s3_objects(s3_bucket, endpoint=endpoint, anonymous=True).size(KEY)
    assert "authorization" not in faults.headers[-1]
