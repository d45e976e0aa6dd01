"""``ooni sync`` repairs and verifies a copy with the manifests of what was published, over a folder and over S3."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner, Result

from ooni_adapters.objectstore import open_object_store
from ooni_adapters.signing import Ed25519Signer, ed25519_check
from ooni_adapters.tiles import ObjectTiles
from ooni_core.measurement import MeasurementUid
from ooni_core.publication.manifests import ManifestDocument, read_manifest, verify_files
from ooni_core.publication.transparency.leaves import WithdrawalReason
from ooni_core.publication.transparency.log import TransparencyLog
from ooni_core.publication.withdrawal import WithdrawalService
from ooni_entrypoints.cli.rebuild import read_postcan
from ooni_entrypoints.cli.sync import command
from tests.contract.objectstore.conftest import s3_bucket, s3_endpoint
from tests.contract.publication.world import World, posted

__all__ = ["s3_bucket", "s3_endpoint"]

DAY = ("--start-day", "2026-03-04", "--end-day", "2026-03-05")


@attrs.frozen
class Mirror:
    """Published files, and a copy of them."""

    world: World
    folder: Path
    sync: Callable[..., Result]

    def copied(self) -> dict[str, bytes]:
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in files}

    def published(self) -> dict[str, bytes]:
        return {key: self.world.objects.get(key) for key in self.world.keys("")}

    def put_anew(self, key: str, content: bytes) -> None:
        self.world.objects.delete(key)
        self.world.objects.put(key, content)

    def documents(self) -> list[ManifestDocument]:
        return [read_manifest(self.world.objects.get(key)) for key in self.world.objects.keys("manifests")]


@pytest.fixture(params=["folder", "s3"])
def mirror(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mirror:
    world = World(tmp_path / "world")
    source, options = f"file://{tmp_path}/world/objects", []
    if request.param == "s3":
        endpoint, bucket = request.getfixturevalue("s3_endpoint"), request.getfixturevalue("s3_bucket")
        world.objects = open_object_store(f"s3://{bucket}", endpoint=endpoint, key="k", secret="s")
        source, options = f"s3://{bucket}", ["--signed", "--endpoint-url", endpoint]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    for number in range(6):
        world.accept(posted(number), minutes=number * 15)
    assert world.service().run().problems == ()
    copy = tmp_path / "copy"

    def sync(*arguments: str) -> Result:
        return CliRunner().invoke(command, [source, "-o", str(copy), "--files", "all", *DAY, *options, *arguments])

    return Mirror(world, copy, sync)


def flipped(content: bytes) -> bytes:
    return content[:-20] + bytes([content[-20] ^ 1]) + content[-19:]


def test_copy_is_whole_and_matches_every_manifest(mirror: Mirror) -> None:
    result = mirror.sync()
    assert result.exit_code == 0, result.output
    assert mirror.copied() == mirror.published()
    listed = [file for document in mirror.documents() for file in document.files]
    assert {file.key: file.sha256 for file in listed} == {
        key: hashlib.sha256(content).hexdigest() for key, content in mirror.copied().items()
    }
    assert sum(document.measurements for document in mirror.documents()) == 6


def test_changed_byte_of_the_copy_is_found_by_its_hash_and_repaired(mirror: Mirror) -> None:
    mirror.sync()
    victim = next(key for key in mirror.copied() if key.endswith(".tar.gz"))
    (mirror.folder / victim).write_bytes(flipped(mirror.copied()[victim]))
    assert "0 files fetched" in mirror.sync().output
    assert "1 files fetched, 0 failed" in mirror.sync("--verify").output
    assert mirror.copied() == mirror.published()
    assert "0 files fetched" in mirror.sync("--verify").output


def test_published_file_that_is_not_what_its_manifest_says_is_never_copied(mirror: Mirror) -> None:
    victim = mirror.world.keys(".jsonl.gz")[0]
    good = mirror.world.objects.get(victim)
    mirror.put_anew(victim, flipped(good))
    result = mirror.sync()
    assert result.exit_code == 1
    assert f"{victim} cannot be downloaded: SHA256" in result.output
    assert set(mirror.copied()) == set(mirror.published()) - {victim}
    mirror.put_anew(victim, good)
    assert mirror.sync().exit_code == 0
    assert mirror.copied() == mirror.published()


def test_file_that_is_listed_and_gone_is_told(mirror: Mirror) -> None:
    victim = mirror.world.keys(".jsonl.gz")[0]
    mirror.world.objects.delete(victim)
    result = mirror.sync()
    assert result.exit_code == 1
    assert f"has no {victim}" in result.output
    assert set(mirror.copied()) == set(mirror.published())


def test_manifest_that_is_damaged_is_told_and_its_files_are_copied_all_the_same(mirror: Mirror) -> None:
    key = next(iter(mirror.world.objects.keys("manifests")))
    mirror.put_anew(key, mirror.world.objects.get(key)[:-20])
    result = mirror.sync()
    assert result.exit_code == 1
    assert f"{key}: not a manifest" in result.output
    assert mirror.copied() == mirror.published()


def test_files_of_a_withdrawn_body_leave_the_copy_and_their_successors_come(mirror: Mirror) -> None:
    mirror.sync()
    world = mirror.world
    signer = Ed25519Signer("log.example/ooni", bytes(range(32)))
    log = TransparencyLog(ObjectTiles(world.objects), [signer], ed25519_check)
    uid = next(iter(sorted(world.index.entries)))

    class Forgetful:
        def forget(self, uids: object) -> None: ...

    service = WithdrawalService(
        log, world.spool, world.journal, world.objects, world.index, Forgetful(), world.clock, read_postcan
    )
    report = service.withdraw(MeasurementUid(uid), WithdrawalReason.PRIVACY)
    result = mirror.sync()
    assert result.exit_code == 0, result.output
    assert "3 files fetched, 0 failed, 3 removed that were replaced after a withdrawal" in result.output
    assert mirror.copied() == mirror.published()
    assert not set(report.removed) & set(mirror.copied())
    assert (
        list(verify_files(mirror.documents(), world.objects, lambda content: hashlib.sha256(content).hexdigest())) == []
    )


def test_selection_holds_for_what_manifests_list(mirror: Mirror) -> None:
    assert "0 files fetched" in mirror.sync("--probe-cc", "FR").output
    assert mirror.copied() == {}
    assert "0 files fetched" in mirror.sync("--test-name", "signal").output
