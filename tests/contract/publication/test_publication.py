"""Publication with real adapters: what is published, under which names, and what happens when something fails."""

import gzip
import json
import multiprocessing
import sqlite3
import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import attrs
import pytest

from ooni_adapters.journal import SqliteJournal
from ooni_adapters.spool import folder
from ooni_core.errors import Conflict, NotFound, Unavailable
from ooni_core.measurement import MeasurementUid
from ooni_core.publication.files import read_sidecar
from ooni_core.publication.lines import content_of
from ooni_core.publication.manifests import read_manifest
from ooni_core.publication.model import BatchState
from tests.contract.publication.world import NOON, World, posted

FOLDER = "raw/20260304/12/IT/webconnectivity/"
STEM = FOLDER + "2026030412_IT_webconnectivity.n0."


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


class TestWhatIsPublished:
    def test_names_and_order_of_upload(self, world: World) -> None:
        put = []
        world.objects = _Watched(world.objects, put.append)
        world.accept(posted(1))
        report = world.service(seekable=True).run()
        assert put == [
            STEM + "0.tar.gz",
            STEM + "0.index.ndjson.gz",
            STEM + "0.jsonl.zst",
            STEM + "0.jsonl.gz",
            "manifests/20260304/12/2026030412.n0.0.json",
        ]
        assert (report.batches, report.measurements, report.problems) == (1, 1, ())

    def test_bodies_are_in_the_postcan_as_received_and_in_the_lines_as_written(self, world: World) -> None:
        bodies = {world.accept(posted(i, pad=i), minutes=i).text: posted(i, pad=i) for i in range(10)}
        world.service().run()
        assert world.cans() == bodies
        published = {uid: world.archive().find(uid) for uid in bodies}
        for uid, body in bodies.items():
            assert published[uid] in body
            assert json.loads(published[uid]) == json.loads(body)["content"]
        everything = [line for lines in world.lines().values() for line in lines]
        assert sorted(everything) == sorted(published.values())

    def test_the_spool_is_empty_afterwards(self, world: World) -> None:
        for i in range(9):
            world.accept(posted(i), cc=("IT", "FR")[i % 2])
        world.service().run()
        assert list(world.spool.buckets()) == []
        assert list((world.root / "measurements" / "uploader" / "work").iterdir()) == []

    def test_a_body_that_is_no_measurement_is_an_empty_line_and_has_no_index_row(self, world: World) -> None:
        good = [world.accept(posted(i), minutes=i) for i in (0, 2)]
        bad = world.accept(b'{"format":"json","content":[]}', minutes=1)
        report = world.service().run()
        assert world.lines()[STEM + "0.jsonl.gz"][1] == b"{}"
        assert world.cans()[bad.text] == b'{"format":"json","content":[]}'
        assert world.index.by_uid(bad.text) is None
        assert [world.index.by_uid(uid.text).linenum for uid in good] == [0, 2]
        assert (report.measurements, report.unpublishable) == (2, 1)
        sidecar = read_sidecar(world.objects.get(STEM + "0.index.ndjson.gz"))
        assert "Expected `object`" in sidecar[1].problem

    @pytest.mark.parametrize(
        "hostile",
        [b"", b"[]", b"null", b'{"format":null}', b'{"content":null}', b"\xff\xfe", b"[" * 100_000, b'{"content":"x"}'],
    )
    def test_a_hostile_body_stops_nobody(self, world: World, hostile: bytes) -> None:
        world.accept(hostile)
        good = world.accept(posted(1), minutes=1)
        assert world.service().run().unpublishable == 1
        assert world.archive().find(good.text) is not None
        assert list(world.spool.buckets()) == []

    def test_batches_are_cut_and_numbered(self, world: World) -> None:
        for i in range(10):
            world.accept(posted(i), minutes=i)
        world.service().run()
        assert world.keys(".jsonl.gz") == [STEM + f"{n}.jsonl.gz" for n in range(3)]
        assert [len(lines) for lines in world.lines().values()] == [4, 4, 2]

    def test_batches_are_cut_by_bytes_too(self, world: World) -> None:
        world.limits = world.limits.__class__(batch_bytes=3000)
        for i in range(6):
            world.accept(posted(i, pad=1000), minutes=i)
        world.service().run()
        assert [len(lines) for lines in world.lines().values()] == [2, 2, 2]

    def test_a_manifest_lists_the_files_of_the_hour(self, world: World) -> None:
        for i in range(5):
            world.accept(posted(i), minutes=i)
        world.accept(b"nonsense", cc="FR")
        world.service().run()
        document = read_manifest(world.objects.get("manifests/20260304/12/2026030412.n0.0.json"))
        assert {file.key for file in document.files} == set(world.keys())
        assert all(world.objects.size(file.key) == file.bytes for file in document.files)
        assert (document.measurements, document.unpublishable) == (5, 1)


class TestWhichHours:
    def test_the_open_hour_waits(self, world: World) -> None:
        world.clock.instant = NOON + timedelta(minutes=64)
        world.accept(posted(1), minutes=59)
        assert world.service().run().batches == 0
        world.clock.instant = NOON + timedelta(minutes=65)
        assert world.service().run().batches == 1

    def test_the_open_hour_can_be_sealed_at_once(self, world: World) -> None:
        world.clock.instant = NOON + timedelta(minutes=1)
        world.accept(posted(1))
        assert world.service().run(include_open_hour=True).measurements == 1

    def test_a_late_measurement_gets_the_next_number(self, world: World) -> None:
        world.accept(posted(1))
        world.service().run()
        before = {key: world.objects.get(key) for key in world.objects.keys("raw")}
        late = world.accept(posted(2), minutes=1)
        world.service().run()
        assert {key: world.objects.get(key) for key in before} == before
        assert world.index.by_uid(late.text).s3path == STEM + "1.jsonl.gz"
        assert len(list(world.objects.keys("manifests"))) == 2

    def test_a_clock_that_jumps_publishes_nothing_twice(self, world: World) -> None:
        uids = []
        for hours in (3, -1, 27, 2, 48):
            world.clock.instant = NOON + timedelta(hours=hours)
            uids.append(world.accept(posted(hours), minutes=hours))
            world.service().run()
        assert set(world.cans()) == {uid.text for uid in uids}

    def test_two_hosts_never_use_the_same_name(self, world: World, tmp_path: Path) -> None:
        other = World(tmp_path / "other", index=world.index)
        other.objects = world.objects
        for host, identity in ((world, "n0"), (other, "n1")):
            host.accept(posted(len(identity) + int(identity[1])))
            host.service(identity=identity).run()
        assert world.keys(".jsonl.gz") == [STEM + "0.jsonl.gz", STEM.replace("n0", "n1") + "0.jsonl.gz"]

    @pytest.mark.parametrize("at_once", [False, True])
    def test_two_hosts_that_were_given_the_same_identity_overwrite_nothing(
        self, world: World, tmp_path: Path, at_once: bool
    ) -> None:
        """It is a mistake of the operator; names are kept apart by the store, which refuses a name that is taken."""
        other = World(tmp_path / "other", index=world.index)
        other.objects = world.objects
        accepted = {host.accept(posted(number)).text: posted(number) for number, host in ((1, world), (2, other))}
        store = world.objects
        if at_once:

            class Racing:
                """The other host publishes between our look into the folder and our put."""

                def keys(self, prefix: str) -> list[str]:
                    found = store.keys(prefix)
                    if prefix.endswith("webconnectivity"):
                        assert other.service().run().problems in {(), conflict}
                    return found

                def __getattr__(self, name: str) -> object:
                    return getattr(store, name)

            world.objects = Racing()
        conflict = (f"{STEM}0.tar.gz is already stored with other bytes; a new name is used",)
        first = {}
        for host in (world, other):
            assert host.service().run().problems in {(), conflict}
            assert {key: store.get(key) for key in first} == first, "a published file was changed"
            first = {key: store.get(key) for key in store.keys("")}
        world.objects = store
        assert world.cans() == accepted
        whole = [key for key in world.keys(".jsonl.gz") if world.lines()[key]]
        assert [len(world.lines()[key]) for key in whole] == [1, 1]
        assert all(world.archive().find(uid) is not None for uid in accepted)

    def test_the_backlog_raises_an_alarm_when_it_is_old(self, world: World) -> None:
        world.clock.instant = NOON + timedelta(hours=2)
        world.accept(posted(1))
        assert world.service().backlog().alarm == ""
        world.clock.instant = NOON + timedelta(hours=4)
        backlog = world.service().backlog()
        assert (backlog.measurements, backlog.hours_late) == (1, 2)
        assert "the oldest since hour 2026030412" in backlog.alarm


class TestFailures:
    def test_nothing_is_discarded_before_it_is_scored(self, world: World) -> None:
        uid = world.accept(posted(1))
        asked: list[Sequence[MeasurementUid]] = []

        def scoring_is_down(uids: Sequence[MeasurementUid]) -> None:
            asked.append(uids)
            raise Unavailable("scoring is down")

        report = world.service(before_discard=scoring_is_down).run()
        assert report.problems == ("2026030412_IT_webconnectivity.n0.0: scoring is down",)
        assert asked == [(uid,)]
        assert world.spool.get(uid) == posted(1)
        assert world.service().run().resumed == 1
        assert world.spool.get(uid) is None
        assert len(world.cans()) == 1

    def test_a_failing_store_delays_and_loses_nothing(self, world: World) -> None:
        bodies = {world.accept(posted(i), minutes=i).text: posted(i) for i in range(6)}
        store, world.objects = world.objects, _Failing(world.objects, 2)
        first = world.service().run()
        assert len(first.problems) == 2
        world.objects = store
        second = world.service().run()
        assert second.problems == ()
        assert second.resumed == 2
        assert world.cans() == bodies

    def test_a_store_that_fails_again_and_again_ends_the_run(self, world: World) -> None:
        for cc in ("AA", "BB", "CC", "DD", "EE"):
            world.accept(posted(1), cc=cc)
        world.objects = _Failing(world.objects, 0)
        assert len(world.service().run().problems) <= 4
        assert len(list(world.spool.buckets())) == 5

    def test_a_failing_index_delays_and_loses_nothing(self, world: World) -> None:
        uid = world.accept(posted(1))

        class Down:
            def put(self, entries: object) -> None:
                raise Unavailable("no database")

        assert world.service(index=Down()).run().batches == 0
        assert world.spool.get(uid) is not None
        assert world.service().run().resumed == 1
        assert world.archive().find(uid.text) is not None

    def test_an_index_that_forgets_keeps_the_bodies_in_the_spool(self, world: World) -> None:
        uid = world.accept(posted(1))

        class Forgetful:
            def put(self, entries: object) -> None: ...

            def by_uid(self, measurement_uid: str) -> None:
                return None

        report = world.service(index=Forgetful()).run()
        assert "does not return what was put" in report.problems[0]
        assert world.spool.get(uid) is not None

    def test_an_unreadable_body_stays_and_stops_nobody(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        bad, good = world.accept(posted(1)), world.accept(posted(2), minutes=1)
        really = folder._content

        def read(file: str) -> bytes:
            if bad.text in file:
                raise OSError(5, "Input/output error")
            return really(file)

        with monkeypatch.context() as broken:
            broken.setattr(folder, "_content", read)
            report = world.service().run()
        assert report.measurements == 1
        assert "Input/output error" in report.problems[0]
        assert list(world.spool.uids(bad.bucket)) == [bad]
        world.service().run()
        assert set(world.cans()) == {bad.text, good.text}

    def test_a_name_that_is_taken_is_never_overwritten(self, world: World) -> None:
        class Eventual:
            """Its listing does not show at first what is there."""

            def __init__(self, store: object) -> None:
                self.store, self.blind = store, 2

            def keys(self, prefix: str) -> list[str]:
                self.blind -= prefix.endswith("webconnectivity")
                return [] if self.blind >= 0 else self.store.keys(prefix)

            def __getattr__(self, name: str) -> object:
                return getattr(self.store, name)

        world.objects.put(STEM + "0.tar.gz", b"somebody else's")
        uid = world.accept(posted(1))
        world.objects = Eventual(world.objects)
        report = world.service().run()
        assert world.objects.get(STEM + "0.tar.gz") == b"somebody else's"
        assert world.index.by_uid(uid.text).s3path == STEM + "1.jsonl.gz"
        assert "a new name is used" in report.problems[0]

    def test_a_put_repeated_after_publication_is_not_published_again(self, world: World) -> None:
        uid = world.accept(posted(1))
        world.service().run()
        world.spool.put(uid, posted(1))
        assert world.service().run().problems == ()
        assert list(world.spool.buckets()) == []
        assert list(world.cans()) == [uid.text]

    def test_other_bytes_under_a_published_uid_are_kept_and_told(self, world: World) -> None:
        uid = world.accept(posted(1))
        world.service().run()
        world.spool.put(uid, b"forged")
        assert "other bytes" in world.service().run().problems[0]
        assert world.spool.get(uid) == b"forged"

    def test_a_lost_journal_publishes_nothing_twice(self, world: World) -> None:
        for i in range(6):
            world.accept(posted(i), minutes=i)

        def never(uids: object) -> None:
            raise Unavailable("not yet")

        world.service(before_discard=never).run()
        before = world.lines()
        assert sum(map(len, before.values())) == 6
        world.journal.close()
        for path in (world.root / "measurements" / "uploader").rglob("*"):
            if path.is_file():
                path.unlink()
        world.index.entries.clear()
        world.journal = SqliteJournal(world.root / "measurements")
        late = world.accept(posted(7), minutes=30)
        report = world.service().run()
        assert report.problems == ()
        assert {key: world.lines()[key] for key in before} == before
        assert sum(map(len, world.lines().values())) == 7
        assert len(world.index.entries) == 7
        assert world.index.by_uid(late.text).s3path == STEM + "2.jsonl.gz"
        assert list(world.spool.buckets()) == []

    def test_a_file_lost_before_its_upload_is_built_again(self, world: World) -> None:
        uid = world.accept(posted(1))
        with_failing = world.service(objects=_Failing(world.objects, 0))
        with_failing.run()
        for path in (world.root / "measurements" / "uploader" / "work").rglob("*.gz"):
            path.unlink()  # the published file may be another name of it
            path.write_bytes(b"damaged")
        report = world.service().run()
        assert "built again" in report.problems[0]
        assert world.cans() == {uid.text: posted(1)}

    def test_a_batch_whose_bodies_vanished_is_given_up(self, world: World) -> None:
        uid = world.accept(posted(1))
        world.journal.plan(uid.bucket, "n0", [uid])
        world.spool.path(uid).unlink()
        assert "given up" in world.service().run().problems[0]
        assert world.service().run().problems == ()

    def test_a_second_run_at_the_same_time_does_nothing(self, world: World) -> None:
        world.accept(posted(1))
        with SqliteJournal(world.root / "measurements").exclusive() as alone:
            assert alone
            assert world.service().run().busy
        assert world.service().run().batches == 1

    def test_a_run_of_another_process_excludes_this_one_and_ends_with_it(self, world: World) -> None:
        world.accept(posted(1))
        context = multiprocessing.get_context("fork")
        here, there = context.Pipe()
        process = context.Process(target=_hold, args=(world.root / "measurements", there))
        process.start()
        assert here.recv() == "held"
        assert world.service().run().busy
        process.kill()
        process.join()
        assert world.service().run().batches == 1

    def test_old_batches_are_forgotten_and_their_names_are_not_used_again(self, world: World) -> None:
        world.accept(posted(1))
        world.service().run()
        world.clock.instant += timedelta(days=30)
        world.service().run()
        assert not world.journal.knows(MeasurementUid.mint(NOON, "IT", "webconnectivity", b"").bucket, "n0")
        world.accept(posted(2), minutes=1)
        world.service().run()
        assert world.keys(".jsonl.gz") == [STEM + "0.jsonl.gz", STEM + "1.jsonl.gz"]
        assert [json.loads(line)["input"] for lines in world.lines().values() for line in lines] == [
            "https://1.example/",
            "https://2.example/",
        ]

    def test_a_broken_journal_is_unavailable(self, world: World) -> None:
        world.accept(posted(1))
        folder = world.root / "measurements" / "uploader"
        folder.mkdir(parents=True)
        (folder / "journal.sqlite").write_bytes(b"not a database at all, but long enough to be read as a header" * 20)
        with pytest.raises(Unavailable, match="journal"):
            world.service().run()

    def test_a_journal_from_before_lines_stood_apart_is_taken_up(self, world: World) -> None:
        uid = world.accept(posted(1))
        world.service(objects=_Failing(world.objects, 0)).run()
        world.journal.close()
        db = sqlite3.connect(world.root / "measurements" / "uploader" / "journal.sqlite")
        db.executescript("""
            ALTER TABLE batches ADD COLUMN lines BLOB NOT NULL DEFAULT x'';
            UPDATE batches SET lines = (SELECT lines FROM batch_lines WHERE batch_id = id);
            DROP TABLE batch_lines;
        """)
        db.close()
        assert world.service().run().resumed == 1
        assert world.cans() == {uid.text: posted(1)}
        assert world.archive().find(uid.text) == content_of(posted(1)).text


class TestFinishing:
    def test_a_batch_is_finished_while_the_next_one_is_built(self, world: World) -> None:
        uids = [world.accept(posted(i), minutes=i) for i in range(12)]
        while_first = threading.Event()

        def put(key: str, content: bytes, copy: str = "") -> None:
            if key.endswith(".0.tar.gz"):
                assert while_first.wait(10), "the next batch is not built before the first one is published"
            world.objects.put(key, content, copy)

        def read(uid: MeasurementUid) -> bytes | None:
            if uid == uids[7]:
                while_first.set()
            return world.spool.get(uid)

        report = world.service(objects=_Instead(world.objects, put=put), spool=_Instead(world.spool, get=read)).run()
        assert (report.batches, report.measurements, report.problems) == (3, 12, ())

    def test_batches_planned_when_the_store_is_given_up_wait_for_the_next_run(self, world: World) -> None:
        for i in range(40):
            world.accept(posted(i), minutes=i)
        limits = attrs.evolve(world.limits, give_up_after=2)
        report = world.service(objects=_Failing(world.objects, 0), limits=limits).run()
        assert len(report.problems) == 2
        assert [batch.state for batch in world.journal.unfinished()][:2] == [BatchState.BUILT, BatchState.BUILT]
        assert world.service().run().measurements == 40
        assert sorted(world.cans().values()) == sorted(posted(i) for i in range(40))


class _Instead:
    """Stands before an adapter, with other methods in place of some."""

    def __init__(self, inner: object, **methods: object) -> None:
        self.inner = inner
        vars(self).update(methods)

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


class TestDeterminism:
    def test_the_same_measurements_give_the_same_files(self, tmp_path: Path) -> None:
        contents = []
        for name in ("one", "two"):
            world = World(tmp_path / name)
            for i in range(30):
                world.accept(posted(i, pad=i), minutes=i)
            world.service(seekable=True).run()
            contents.append({key: world.objects.get(key) for key in world.objects.keys("")})
        assert contents[0] == contents[1]

    def test_gzip_headers_hold_no_time_and_no_name(self, world: World) -> None:
        world.accept(posted(1))
        world.service().run()
        for key in world.keys(".gz"):
            assert world.objects.get(key)[3:8] == bytes(5)
            assert gzip.decompress(world.objects.get(key))


def _hold(root: Path, pipe: object) -> None:
    with SqliteJournal(root).exclusive():
        pipe.send("held")
        pipe.recv()


class _Watched:
    """An object store that tells what is put."""

    def __init__(self, store: object, told: object) -> None:
        self.store, self.told = store, told

    def put(self, key: str, content: bytes, copy: str = "") -> None:
        self.told(key)
        self.store.put(key, content, copy)

    def __getattr__(self, name: str) -> object:
        return getattr(self.store, name)


class _Failing:
    """An object store that takes a number of files and then fails; the failing put took effect all the same."""

    def __init__(self, store: object, good: int) -> None:
        self.store, self.good = store, good

    def put(self, key: str, content: bytes, copy: str = "") -> None:
        self.good -= 1
        if self.good == -1:
            self.store.put(key, content, copy)
        if self.good < 0:
            raise Unavailable("the answer got lost")
        self.store.put(key, content, copy)

    def __getattr__(self, name: str) -> object:
        return getattr(self.store, name)


def test_errors_of_the_store_are_the_errors_of_the_port(world: World) -> None:
    with pytest.raises(NotFound):
        world.objects.get("raw/none")
    world.objects.put("raw/x", b"1")
    with pytest.raises(Conflict):
        world.objects.put("raw/x", b"2")
