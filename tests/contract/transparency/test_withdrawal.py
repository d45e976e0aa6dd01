"""Withdrawing a published body: gone everywhere, stated in the log, and finished whatever interrupts it."""

import gzip
import hashlib
from datetime import datetime, timedelta

import attrs
import pytest

from ooni_adapters.memory.bodies import MemoryBodyIndex
from ooni_adapters.objectstore.memory import MemoryObjects
from ooni_adapters.signing import ed25519_check
from ooni_adapters.sql.catalog import SqlCatalog
from ooni_adapters.sql.catalog_rollups import SqlRollups
from ooni_adapters.sql.erasure import SqlErasure
from ooni_adapters.sql.tables import FASTPATH, JSONL, MSMT_FEEDBACK, QUARANTINE
from ooni_adapters.system import SystemClock
from ooni_adapters.tiles import ObjectTiles
from ooni_core.catalog.model import CountQuery, MeasurementFilter, TimeWindow
from ooni_core.errors import Conflict, Invalid, NotFound, Unavailable
from ooni_core.measurement import MeasurementUid
from ooni_core.publication.adoption import next_number
from ooni_core.publication.files import read_sidecar
from ooni_core.publication.manifests import read_manifest, verify_files
from ooni_core.publication.model import BatchName
from ooni_core.publication.transparency.audit import BodyAudit, audit_tree
from ooni_core.publication.transparency.leaves import PublishedLeaf, WithdrawalReason
from ooni_core.publication.transparency.log import TransparencyLog
from ooni_core.publication.withdrawal import WithdrawalService
from ooni_entrypoints.cli.rebuild import read_postcan
from tests.contract.publication.world import World, posted

STEM = "raw/20260304/12/IT/webconnectivity/2026030412_IT_webconnectivity."


@attrs.define
class RecordedErasure:
    """An Erasure that only notes what it was asked, and empties the index."""

    index: MemoryBodyIndex
    forgotten: set = attrs.field(factory=set)

    def forget(self, uids):
        self.forgotten |= set(uids)
        for uid in uids:
            self.index.entries.pop(uid.text, None)


class Killed(BaseException):
    """The process was killed here."""


@attrs.define
class FragileObjects:
    """Object store whose process is killed before its n-th change."""

    objects: MemoryObjects
    changes: int = 0
    dies_at: int = -1

    def _change(self, act, *arguments):
        self.changes += 1
        if self.changes == self.dies_at:
            raise Killed
        return act(*arguments)

    def put(self, key, content, copy=""):
        return self._change(self.objects.put, key, content, copy)

    def replace(self, key, parts):
        return self._change(self.objects.replace, key, parts)

    def delete(self, key):
        return self._change(self.objects.delete, key)

    def __getattr__(self, name):
        return getattr(self.objects, name)


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    world.objects = FragileObjects(MemoryObjects())
    return world


@pytest.fixture
def service(world, signer):
    log = TransparencyLog(ObjectTiles(world.objects), [signer], ed25519_check)
    return _service(world, log)


def _service(world, log):
    return WithdrawalService(
        log,
        world.spool,
        world.journal,
        world.objects,
        world.index,
        RecordedErasure(world.index),
        world.clock,
        read_postcan,
    )


def publish(world, service, count=6, **more):
    uids = [world.accept(posted(number), minutes=number) for number in range(count)]
    report = world.service(announce=service.log.append_manifest, **more).run()
    assert report.problems == ()
    return uids


def everything(world):
    """All stored bytes, decompressed where that is needed to see bodies."""
    contents = [world.objects.get(key) for key in world.objects.keys("raw")]
    return b"".join(gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content for content in contents)


def check_consistent(world, service, published, withdrawn):
    """What must hold whenever a withdrawal is finished."""
    view = service.log.view
    told = audit_tree(view, view.checkpoint())
    assert set(told.withdrawn) == set(withdrawn)
    audit = BodyAudit(view, view.checkpoint().size, told.withdrawn, world.objects)
    assert [problem for hour in told.hours for problem in audit.check_hour(hour)] == []
    assert audit.bodies == len(published) - len(withdrawn)
    archive = world.archive()
    for uid in published:
        found = archive.find(uid.text)
        assert (found is None) == (uid in withdrawn)
        assert found is None or PublishedLeaf.of(uid, found) == view.prove(uid).leaf
    documents = [read_manifest(world.objects.get(key)) for key in world.objects.keys("manifests")]
    assert list(verify_files(documents, world.objects, lambda content: hashlib.sha256(content).hexdigest())) == []
    assert set(world.cans()) == {uid.text for uid in published} - {uid.text for uid in withdrawn}


def test_body_is_gone_everywhere_and_the_hash_stays(world, service):
    uids = publish(world, service, seekable=True)
    assert b"https://2.example/" in everything(world)
    before = service.log.view.prove(uids[2]).leaf
    report = service.withdraw(uids[2], WithdrawalReason.PRIVACY)
    assert b"https://2.example/" not in everything(world)
    suffixes = [".tar.gz", ".index.ndjson.gz", ".jsonl.zst", ".jsonl.gz"]
    assert list(report.written) == [STEM + "n0w1.0" + suffix for suffix in suffixes]
    assert set(report.removed) == {STEM + "n0.0" + suffix for suffix in suffixes}
    proof = service.log.view.prove(uids[2])
    assert (proof.leaf, proof.withdrawal.reason) == (before, "privacy")
    assert service.erasure.forgotten == {uids[2]}
    check_consistent(world, service, uids, [uids[2]])


def test_other_measurements_keep_their_line_numbers_and_bytes(world, service):
    uids = publish(world, service)
    before = world.lines()[STEM + "n0.0.jsonl.gz"]
    service.withdraw(uids[2], WithdrawalReason.PRIVACY)
    after = world.lines()[STEM + "n0w1.0.jsonl.gz"]
    assert after == [b"{}" if number == 2 else line for number, line in enumerate(before)]
    lines = read_sidecar(world.objects.get(STEM + "n0w1.0.index.ndjson.gz"))
    assert [line.problem for line in lines] == ["", "", "withdrawn", ""]
    assert (lines[2].measurement_uid, lines[2].report_id, lines[2].input) == (uids[2].text, "", "")


def test_manifest_says_which_files_were_replaced(world, service):
    uids = publish(world, service)
    report = service.withdraw(uids[2], WithdrawalReason.PRIVACY)
    document = read_manifest(world.objects.get("manifests/20260304/12/2026030412_IT_webconnectivity.n0w1.0.json"))
    assert set(document.replaces) == set(report.removed)
    assert [file.key for file in document.files] == list(report.written)
    assert (document.measurements, document.unpublishable) == (3, 1)


def test_repeated_withdrawal_changes_nothing(world, service):
    uids = publish(world, service)
    first = service.withdraw(uids[2], WithdrawalReason.PRIVACY)
    stored = {key: world.objects.get(key) for key in world.objects.keys("")}
    world.clock.instant += timedelta(days=1)
    again = service.withdraw(uids[2], WithdrawalReason.LEGAL)
    assert (again.written, again.removed, again.log_size) == ((), (), first.log_size)
    assert {key: world.objects.get(key) for key in world.objects.keys("")} == stored


def test_several_withdrawals_from_one_file_and_from_others(world, service):
    uids = publish(world, service)
    for number in (1, 2, 5):
        service.withdraw(uids[number], WithdrawalReason.SAFETY)
    assert world.keys(".jsonl.gz") == [STEM + "n0w1.1.jsonl.gz", STEM + "n0w2.0.jsonl.gz"]
    check_consistent(world, service, uids, [uids[1], uids[2], uids[5]])


def test_whole_file_can_be_withdrawn(world, service):
    uids = publish(world, service, count=2)
    for uid in uids:
        service.withdraw(uid, WithdrawalReason.ERROR)
    check_consistent(world, service, uids, uids)


def test_measurement_that_nobody_knows_is_refused(world, service):
    publish(world, service)
    before = service.log.settle()
    with pytest.raises(NotFound, match="no published body"):
        service.withdraw(
            MeasurementUid("20260304120000.000000_IT_webconnectivity_0000000000000000"), WithdrawalReason.LEGAL
        )
    assert service.log.settle() == before


def test_measurement_that_is_not_published_yet_is_refused(world, service):
    uid = world.accept(posted(1))
    with pytest.raises(Conflict, match="ooni publish --now"):
        service.withdraw(uid, WithdrawalReason.PRIVACY)
    assert world.spool.get(uid) is not None


def test_body_published_before_there_was_a_log_is_logged_first(world, service):
    uids = [world.accept(posted(number), minutes=number) for number in range(3)]
    world.service().run()
    service.withdraw(uids[1], WithdrawalReason.PRIVACY)
    proof = service.log.view.prove(uids[1])
    assert proof.leaf.length == len(b'{"report_id": "report1", "input": "https://1.example/", "n": 1.0, "pad": ""}')
    assert proof.withdrawal.leaf == 0
    assert world.archive().find(uids[1].text) is None
    assert world.archive().find(uids[0].text) is not None


def test_file_of_another_program_without_an_index_is_refused_untouched(world, service):
    uids = publish(world, service)
    for key in world.keys(".index.ndjson.gz"):
        world.objects.delete(key)
    with pytest.raises(Invalid, match="no index beside it"):
        service.withdraw(uids[2], WithdrawalReason.PRIVACY)
    assert service.log.settle().size == 6


def test_withdrawal_waits_for_publication(world, service):
    uids = publish(world, service)
    with world.journal.exclusive() as alone:
        assert alone
        with pytest.raises(Unavailable, match="under way"):
            service.withdraw(uids[2], WithdrawalReason.PRIVACY)


def test_publication_goes_on_beside_withdrawn_files(world, service):
    uids = publish(world, service)
    service.withdraw(uids[5], WithdrawalReason.PRIVACY)
    uids.append(world.accept(posted(77), minutes=40))
    world.service(announce=service.log.append_manifest).run()
    check_consistent(world, service, uids, [uids[5]])
    assert next_number(world.objects, uids[0].bucket, "n0") == 3


def test_number_of_a_withdrawn_batch_is_not_used_again_when_the_journal_is_lost(world, service):
    uids = publish(world, service, count=2)
    service.withdraw(uids[0], WithdrawalReason.PRIVACY)
    assert next_number(world.objects, uids[0].bucket, "n0") == 1
    assert BatchName.parse(world.keys(".jsonl.gz")[0])[0].original.stem.endswith(".n0.0")


def test_kill_at_any_change_is_finished_by_asking_again(tmp_path, signer):
    def run(number: int, dies_at: int):
        world = World(tmp_path / f"{number}")
        world.objects = FragileObjects(MemoryObjects())
        service = _service(world, TransparencyLog(ObjectTiles(world.objects), [signer], ed25519_check))
        uids = publish(world, service, seekable=True)
        world.objects.changes, world.objects.dies_at = 0, dies_at
        return world, service, uids

    world, service, uids = run(0, -1)
    service.withdraw(uids[2], WithdrawalReason.PRIVACY)
    changes = world.objects.changes
    expected = {key: world.objects.get(key) for key in world.objects.keys("raw")}
    assert changes > 15
    for dies_at in range(1, changes + 1):
        world, service, uids = run(dies_at, dies_at)
        with pytest.raises(Killed):
            service.withdraw(uids[2], WithdrawalReason.PRIVACY)
        # Nobody else's body is ever out of reach.
        assert all(world.archive().find(uid.text) for uid in uids if uid != uids[2])
        fresh = _service(world, TransparencyLog(ObjectTiles(world.objects), [signer], ed25519_check))
        fresh.withdraw(uids[2], WithdrawalReason.PRIVACY)
        assert {key: world.objects.get(key) for key in world.objects.keys("raw")} == expected
        check_consistent(world, fresh, uids, [uids[2]])


def test_other_withdrawal_finishes_one_that_was_cut(world, service):
    uids = publish(world, service)
    world.objects.changes, world.objects.dies_at = 0, 14
    with pytest.raises(Killed):
        service.withdraw(uids[2], WithdrawalReason.PRIVACY)
    assert service.withdraw(uids[1], WithdrawalReason.PRIVACY).removed
    check_consistent(world, service, uids, [uids[1], uids[2]])


@pytest.mark.parametrize("kind", ["duckdb_memory", "chdb"])
def test_rows_about_a_withdrawn_measurement_are_deleted(kind, request):
    engine = request.getfixturevalue(kind)
    gone, kept = (
        MeasurementUid(f"20260304120000.00000{number}_IT_webconnectivity_000000000000000{number}") for number in (1, 2)
    )
    for uid in (gone, kept):
        for table in (FASTPATH, JSONL, QUARANTINE):
            engine.insert(table, [{"measurement_uid": uid.text}])
        engine.insert(MSMT_FEEDBACK, [{"measurement_uid": uid.text, "account_id": name} for name in ("a", "b")])
    erasure = SqlErasure(engine, SystemClock())
    erasure.forget([])
    erasure.forget([gone])
    erasure.forget([gone])
    for table, rows in ((FASTPATH, 1), (JSONL, 1), (QUARANTINE, 1), (MSMT_FEEDBACK, 2)):
        found = engine.query(f"SELECT measurement_uid FROM {table.name}")
        assert [text for (text,) in found.tuples] == [kept.text] * rows


def test_charts_no_longer_count_a_withdrawn_measurement(duckdb_memory):
    engine = duckdb_memory
    uids = [
        MeasurementUid(f"20260304120000.00000{number}_IT_webconnectivity_000000000000000{number}")
        for number in range(3)
    ]
    start = datetime(2026, 3, 4, 12)
    engine.insert(
        FASTPATH,
        [
            {"measurement_uid": uid.text, "probe_cc": "IT", "measurement_start_time": start, "update_time": start}
            for uid in uids
        ],
    )
    clock = SystemClock()
    catalog = SqlCatalog(engine, 30)

    def counted():
        query = CountQuery(
            MeasurementFilter(probe_ccs=("IT",), window=TimeWindow(start.replace(hour=0), start + timedelta(days=2)))
        )
        return [cell.counts.measurements for cell in catalog.count(query).cells]

    SqlRollups(engine, clock).refresh()
    assert counted() == [3]
    SqlErasure(engine, clock).forget(uids[:1])
    assert counted() == [2]
    SqlErasure(engine, clock).forget(uids[1:])
    assert counted() == [0]
