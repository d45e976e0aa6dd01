"""What every MeasurementSpool promises, one test per sentence of the port."""

import errno
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ooni_adapters.spool import FolderSpool, MemorySpool, sync
from ooni_core.errors import Conflict, Unavailable
from ooni_core.intake.ports import MeasurementSpool
from ooni_core.measurement import MeasurementUid, SpoolBucket
from tests.contract.publication.crashing import Checkpoints, cut_system_calls, die, in_child

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def uid_of(body: bytes, *, minutes: int = 0, cc: str = "IT", test_name: str = "webconnectivity") -> MeasurementUid:
    return MeasurementUid.mint(NOON + timedelta(minutes=minutes), cc, test_name, body)


class MeasurementSpoolContract:
    """Subclasses supply only ``spool``."""

    def test_what_was_put_is_got_back_byte_for_byte(self, spool: MeasurementSpool) -> None:
        body = bytes(range(256)) * 40
        spool.put(uid_of(body), body)
        assert spool.get(uid_of(body)) == body

    def test_what_was_never_put_is_none(self, spool: MeasurementSpool) -> None:
        assert spool.get(uid_of(b"{}")) is None

    def test_an_empty_body_is_kept_too(self, spool: MeasurementSpool) -> None:
        spool.put(uid_of(b""), b"")
        assert spool.get(uid_of(b"")) == b""

    def test_putting_the_same_bytes_again_does_nothing(self, spool: MeasurementSpool) -> None:
        uid = uid_of(b"{}")
        spool.put(uid, b"{}")
        spool.put(uid, b"{}")
        assert list(spool.uids(uid.bucket)) == [uid]

    def test_other_bytes_under_the_same_uid_are_refused(self, spool: MeasurementSpool) -> None:
        uid = uid_of(b"{}")
        spool.put(uid, b"{}")
        with pytest.raises(Conflict):
            spool.put(uid, b"[]")
        assert spool.get(uid) == b"{}"

    def test_buckets_come_oldest_hour_first(self, spool: MeasurementSpool) -> None:
        for minutes, cc in ((60, "AA"), (0, "ZW"), (0, "AF"), (-600, "ZW")):
            spool.put(uid_of(b"{}", minutes=minutes, cc=cc), b"{}")
        names = [bucket.name for bucket in spool.buckets()]
        assert names == [
            "2026030402_ZW_webconnectivity",
            "2026030412_AF_webconnectivity",
            "2026030412_ZW_webconnectivity",
            "2026030413_AA_webconnectivity",
        ]

    def test_uids_of_a_bucket_are_sorted_and_only_its_own(self, spool: MeasurementSpool) -> None:
        mine = [uid_of(str(i).encode(), minutes=i % 60) for i in range(30)]
        for i in reversed(range(30)):
            spool.put(mine[i], str(i).encode())
        spool.put(uid_of(b"x", cc="FR"), b"x")
        assert list(spool.uids(mine[0].bucket)) == sorted(mine)

    def test_uids_of_an_unknown_bucket_are_none(self, spool: MeasurementSpool) -> None:
        assert list(spool.uids(SpoolBucket("2026030412", "IT", "ndt"))) == []

    def test_discarded_is_gone_and_its_bucket_too(self, spool: MeasurementSpool) -> None:
        kept, gone = uid_of(b"1"), uid_of(b"2", cc="FR")
        spool.put(kept, b"1")
        spool.put(gone, b"2")
        spool.discard([gone])
        assert spool.get(gone) is None
        assert list(spool.buckets()) == [kept.bucket]

    def test_discarding_what_is_not_there_is_ignored(self, spool: MeasurementSpool) -> None:
        spool.put(uid_of(b"1"), b"1")
        spool.discard([uid_of(b"1"), uid_of(b"1"), uid_of(b"other", cc="DE")])
        assert list(spool.buckets()) == []

    def test_a_discarded_uid_can_be_put_again(self, spool: MeasurementSpool) -> None:
        uid = uid_of(b"1")
        spool.put(uid, b"1")
        spool.discard([uid])
        spool.put(uid, b"1")
        assert spool.get(uid) == b"1"

    def test_many_threads_may_put_and_discard_at_once(self, spool: MeasurementSpool) -> None:
        bodies = [str(i).encode() for i in range(200)]
        stop = threading.Event()

        def tidy() -> None:
            while not stop.is_set():  # removes folders under the feet of those who put into them
                spool.discard([uid_of(b"never", cc=cc) for cc in ("AA", "BB", "CC")])

        def put(i: int) -> None:
            spool.put(uid_of(bodies[i], cc=("AA", "BB", "CC")[i % 3]), bodies[i])

        sweeper = threading.Thread(target=tidy)
        sweeper.start()
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(put, range(200)))
        stop.set()
        sweeper.join()
        found = {uid for bucket in spool.buckets() for uid in spool.uids(bucket)}
        assert len(found) == 200
        assert {spool.get(uid) for uid in found} == set(bodies)

    def test_threads_that_put_the_same_uid_agree_on_one_body(self, spool: MeasurementSpool) -> None:
        uid = uid_of(b"any")

        def put(body: bytes) -> bool:
            try:
                spool.put(uid, body)
            except Conflict:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            kept = list(pool.map(put, [b"a", b"b"] * 20))
        winner = spool.get(uid)
        assert winner in (b"a", b"b")
        assert kept == [body == winner for body in [b"a", b"b"] * 20]


class TestMemorySpool(MeasurementSpoolContract):
    @pytest.fixture
    def spool(self) -> MeasurementSpool:
        return MemorySpool()


class TestFolderSpool(MeasurementSpoolContract):
    @pytest.fixture
    def spool(self, tmp_path: Path) -> MeasurementSpool:
        return FolderSpool(tmp_path)


class TestFolderSpoolWithoutSyncfs(MeasurementSpoolContract):
    """Where the kernel cannot synchronise a whole file system reliably."""

    @pytest.fixture
    def spool(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MeasurementSpool:
        monkeypatch.setattr(sync, "_LIBC", None)
        return FolderSpool(tmp_path)


class TestFolderLayout:
    def test_a_body_is_one_file_named_by_uid_in_the_folder_of_its_hour(self, tmp_path: Path) -> None:
        uid = uid_of(b"{}")
        FolderSpool(tmp_path).put(uid, b"{}")
        files = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()]
        assert files == [f"incoming/2026030412_IT_webconnectivity/{uid.text}.post"]

    def test_foreign_names_are_left_alone(self, tmp_path: Path) -> None:
        spool = FolderSpool(tmp_path)
        uid = uid_of(b"{}")
        spool.put(uid, b"{}")
        folder = tmp_path / "incoming" / uid.bucket.name
        (folder / "notes.txt").write_text("x")
        (folder / f"{uid_of(b'half').text}.post.tmp").write_text("half")
        (folder / "../not_a_bucket").mkdir()
        (folder / "../2026139912_IT_ndt").mkdir()
        assert list(spool.uids(uid.bucket)) == [uid]
        assert list(spool.buckets()) == [uid.bucket]
        spool.discard([uid])
        assert min(path.name for path in folder.iterdir()).endswith(".post.tmp")

    def test_left_over_partial_files_go_with_the_last_body(self, tmp_path: Path) -> None:
        spool = FolderSpool(tmp_path)
        uid = uid_of(b"{}")
        spool.put(uid, b"{}")
        stale = tmp_path / "incoming" / uid.bucket.name / "dead.post.tmp"
        stale.write_text("half")
        an_hour_ago = time.time() - 3600
        os.utime(stale, (an_hour_ago, an_hour_ago))
        spool.discard([uid])
        assert list((tmp_path / "incoming").iterdir()) == []

    def test_two_processes_worth_of_spools_share_a_folder(self, tmp_path: Path) -> None:
        uid = uid_of(b"{}")
        FolderSpool(tmp_path).put(uid, b"{}")
        assert FolderSpool(tmp_path).get(uid) == b"{}"


class TestFailingMedium:
    def test_a_full_disk_is_unavailable_and_heals_by_itself(self, tmp_path: Path, monkeypatch) -> None:
        spool, uid = FolderSpool(tmp_path), uid_of(b"{}")
        with monkeypatch.context() as full:
            full.setattr(os, "write", _fails(errno.ENOSPC))
            with pytest.raises(Unavailable, match="No space left"):
                spool.put(uid, b"{}")
        assert spool.get(uid) is None
        assert list(tmp_path.rglob("*.tmp")) == []
        spool.put(uid, b"{}")
        assert spool.get(uid) == b"{}"

    def test_puts_are_refused_before_the_disk_is_full(self, tmp_path: Path) -> None:
        spool = FolderSpool(tmp_path, reserve_bytes=2**62)
        with pytest.raises(Unavailable, match="bytes are free"):
            spool.put(uid_of(b"{}"), b"{}")
        assert list(spool.buckets()) == []

    @pytest.mark.parametrize("name", ["open", "fsync", "replace"])
    def test_a_put_that_failed_is_whole_or_absent_and_may_be_repeated(self, tmp_path: Path, monkeypatch, name) -> None:
        spool, uid = FolderSpool(tmp_path), uid_of(b"{}")
        with monkeypatch.context() as failing:
            failing.setattr(os, name, _fails(errno.EIO))
            with pytest.raises(Unavailable):
                spool.put(uid, b"{}")
        assert spool.get(uid) in (None, b"{}")
        spool.put(uid, b"{}")
        assert spool.get(uid) == b"{}"

    def test_a_repeated_put_synchronises_the_names_that_failed_before(self, tmp_path: Path, monkeypatch) -> None:
        spool, uid = FolderSpool(tmp_path), uid_of(b"{}")
        synced = []
        monkeypatch.setattr("ooni_adapters.spool.folder.sync_folders", lambda folders: synced.append(list(folders)))
        spool.put(uid, b"{}")
        spool.put(uid, b"{}")
        folder = tmp_path / "incoming" / uid.bucket.name
        assert synced == [[folder, tmp_path / "incoming", tmp_path]] * 2

    def test_one_bad_item_fails_only_itself(self, tmp_path: Path, monkeypatch) -> None:
        spool = FolderSpool(tmp_path)
        bodies = [str(i).encode() for i in range(40)]
        bad, really = bodies[7], os.write
        monkeypatch.setattr(os, "write", lambda fd, data: _fails(errno.EIO)() if data == bad else really(fd, data))

        def put(body: bytes) -> bool:
            try:
                spool.put(uid_of(body), body)
            except Unavailable:
                return False
            return True

        with ThreadPoolExecutor(16) as pool:
            assert list(pool.map(put, bodies)) == [body != bad for body in bodies]

    def test_when_syncfs_fails_each_file_is_asked_for_itself(self, tmp_path: Path, monkeypatch) -> None:
        files = [os.open(tmp_path / str(i), os.O_CREAT | os.O_WRONLY) for i in range(5)]
        monkeypatch.setattr(sync, "_syncfs", lambda descriptor: False)
        really = os.fsync
        monkeypatch.setattr(os, "fsync", lambda fd: _fails(errno.EIO)() if fd == files[3] else really(fd))
        errors = sync.sync_files(files)
        for descriptor in files:
            os.close(descriptor)
        assert [error is None for error in errors] == [True, True, True, False, True]

    def test_an_unreadable_spool_is_unavailable_not_empty(self, tmp_path: Path, monkeypatch) -> None:
        spool, uid = FolderSpool(tmp_path), uid_of(b"{}")
        spool.put(uid, b"{}")
        monkeypatch.setattr(os, "scandir", _fails(errno.EIO))
        monkeypatch.setattr("ooni_adapters.spool.folder._content", _fails(errno.EIO))
        with pytest.raises(Unavailable):
            spool.get(uid)
        with pytest.raises(Unavailable):
            spool.buckets()
        with pytest.raises(Unavailable):
            spool.uids(uid.bucket)

    def test_a_failing_discard_of_many_says_so_and_the_rest_is_discarded_the_next_time(
        self, tmp_path: Path, monkeypatch
    ) -> None:
        spool = FolderSpool(tmp_path, fsync=False)
        bodies = [str(i).encode() for i in range(300)]
        uids = [uid_of(body) for body in bodies]
        for uid, body in zip(uids, bodies, strict=True):
            spool.put(uid, body)
        bad, really = str(spool.path(uids[123])), os.unlink
        monkeypatch.setattr(os, "unlink", lambda file: _fails(errno.EIO)() if file == bad else really(file))
        with pytest.raises(Unavailable):
            spool.discard(uids)
        assert spool.get(uids[123]) == bodies[123]
        monkeypatch.undo()
        spool.discard(uids)
        assert list(spool.buckets()) == []
        assert list((tmp_path / "incoming").iterdir()) == []


class TestGroupCommit:
    def test_simultaneous_puts_share_rounds_of_synchronising(self, tmp_path: Path, monkeypatch) -> None:
        rounds = []
        spool = FolderSpool(tmp_path)
        really = sync.sync_files

        def counted(descriptors: list[int]) -> list[OSError | None]:
            rounds.append(len(descriptors))
            time.sleep(0.01)
            return really(descriptors)

        monkeypatch.setattr("ooni_adapters.spool.folder.sync_files", counted)
        bodies = [str(i).encode() for i in range(64)]
        with ThreadPoolExecutor(64) as pool:
            list(pool.map(lambda body: spool.put(uid_of(body), body), bodies))
        assert sum(rounds) == 64
        assert len(rounds) < 32


def _fails(number: int):
    def fail(*args: object, **kwargs: object) -> int:
        raise OSError(number, os.strerror(number))

    return fail


class TestKilledPut:
    def test_a_put_that_is_killed_anywhere_is_whole_or_absent_and_may_be_repeated(self, tmp_path: Path) -> None:
        body = b"x" * 10_000
        uid = uid_of(body)
        for number in range(1, 100):
            spool = FolderSpool(tmp_path / str(number))

            def put(spool: FolderSpool = spool, number: int = number) -> None:
                with cut_system_calls(Checkpoints(number, die), after=True):
                    spool.put(uid, body)

            killed = in_child(put) != 0
            assert spool.get(uid) in ((None, body) if killed else (body,))
            spool.put(uid, body)
            assert spool.get(uid) == body
            if not killed:
                assert number > 10
                return
        raise AssertionError("the put never ended")
