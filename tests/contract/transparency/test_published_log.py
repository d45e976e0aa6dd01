"""The log beside published files: what publication announces is logged, and the audit finds every difference."""

import gzip

import pytest

from ooni_adapters.signing import ed25519_check
from ooni_adapters.tiles import ObjectTiles
from ooni_core.errors import NotFound, Unavailable
from ooni_core.publication.transparency.audit import BodyAudit, audit_tree
from ooni_core.publication.transparency.leaves import PublishedLeaf, WithdrawalReason
from ooni_core.publication.transparency.log import TransparencyLog
from ooni_core.publication.transparency.merkle import ProofFailed
from tests.contract.publication.world import NOON, World, posted

HOUR = "2026030412"


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def world_log(world, signer):
    return TransparencyLog(ObjectTiles(world.objects), [signer], ed25519_check)


def publish(world, log, count=10):
    uids = [world.accept(posted(number), minutes=number) for number in range(count)]
    world.accept(b"[]", minutes=59)
    world.service(announce=log.append_manifest).run()
    return uids


def findings(world, log):
    checkpoint = log.view.checkpoint()
    told = audit_tree(log.view, checkpoint)
    audit = BodyAudit(log.view, checkpoint.size, told.withdrawn, world.objects)
    return [problem for hour in audit.hours(told.hours) for problem in audit.check_hour(hour)], audit


def test_every_published_body_is_logged_and_unreadable_ones_are_not(world, world_log):
    uids = publish(world, world_log)
    assert world_log.view.checkpoint().size == 10
    archive = world.archive()
    for uid in uids:
        body = archive.find(uid.text)
        assert world_log.view.prove(uid).leaf == PublishedLeaf.of(uid, body)
    problems, audit = findings(world, world_log)
    assert (problems, audit.bodies, audit.files) == ([], 10, 3)


def test_log_that_fails_is_told_again_by_the_next_run(world, world_log):
    def failing(manifest):
        raise Unavailable("the store is away")

    uid = world.accept(posted(1))
    report = world.service(announce=failing).run()
    assert "the store is away" in " ".join(report.problems)
    with pytest.raises(NotFound):
        world_log.view.checkpoint()
    world.service(announce=world_log.append_manifest).run()
    assert world_log.view.prove(uid).published.index == 0


def test_late_measurements_of_an_hour_are_logged_once(world, world_log):
    publish(world, world_log)
    world.accept(posted(77), minutes=30)
    world.service(announce=world_log.append_manifest).run()
    world.service(announce=world_log.append_manifest).run()
    assert world_log.view.checkpoint().size == 11
    assert findings(world, world_log)[0] == []


def test_altered_body_is_found(world, world_log):
    publish(world, world_log)
    key = world.keys(".jsonl.gz")[0]
    changed = gzip.decompress(world.objects.get(key)).replace(b"https://1.example/", b"https://9.example/")
    world.objects.replace(key, [gzip.compress(changed)])
    problems, audit = findings(world, world_log)
    assert len(problems) == 1
    assert "is not what was published" in problems[0]
    assert audit.bodies == 9


def test_removed_file_is_found(world, world_log):
    publish(world, world_log)
    world.objects.delete(world.keys(".jsonl.gz")[0])
    problems, _ = findings(world, world_log)
    assert len(problems) == 4
    assert all("its body is missing" in problem for problem in problems)


def test_body_that_was_never_logged_is_found(world, world_log):
    publish(world, world_log)
    world.accept(posted(50), minutes=40)
    world.service().run()  # nobody told the log
    problems, _ = findings(world, world_log)
    assert ["is not in the log" in problem for problem in problems] == [True]


def test_hour_that_the_log_does_not_know_is_found_unless_it_is_older_than_the_log(world, world_log):
    world.accept(posted(100), minutes=-60)
    world.service().run()
    publish(world, world_log, count=1)
    assert findings(world, world_log)[0] == []
    forgotten = world.accept(posted(101), minutes=60)
    world.service(announce=lambda manifest: None).run()
    [problem] = findings(world, world_log)[0]
    assert problem.startswith(f"{forgotten.text} in ")
    assert problem.endswith("is not in the log, or published twice")


def test_withdrawn_body_that_is_still_there_is_found(world, world_log):
    uids = publish(world, world_log)
    world_log.withdraw(uids[3], WithdrawalReason.PRIVACY, NOON)
    problems, _ = findings(world, world_log)
    assert len(problems) == 1
    assert "was withdrawn, and its body is still here" in problems[0]


@pytest.mark.parametrize(
    ("damage", "words"), [(lambda _: None, "no index beside it"), (lambda _: b"no gzip", "cannot be read")]
)
def test_file_whose_index_is_gone_or_damaged_is_told(damage, words, world, world_log):
    publish(world, world_log, 3)
    key = world.keys(".index.ndjson.gz")[0]
    content = damage(world.objects.get(key))
    world.objects.delete(key)
    if content is not None:
        world.objects.put(key, content)
    problems, _ = findings(world, world_log)
    assert words in problems[0]


@pytest.mark.parametrize("path", ["tile/entries/000.p/10", "tile/0/000.p/10"])
def test_every_damaged_byte_of_the_log_is_found(path, world, world_log):
    publish(world, world_log)
    key = f"transparency/{path}"
    good = world.objects.get(key)
    for at in range(0, len(good), 7):
        world.objects.replace(key, [good[:at], bytes([good[at] ^ 0x20]), good[at + 1 :]])
        with pytest.raises(ProofFailed):
            audit_tree(world_log.view, world_log.view.checkpoint())
