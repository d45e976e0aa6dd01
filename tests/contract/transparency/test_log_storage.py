"""What every LogStorage promises, on every object store; and the log on top of it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from ooni_adapters.signing import Ed25519Signer, ed25519_check
from ooni_adapters.tiles import ObjectTiles
from ooni_core.errors import Conflict
from ooni_core.measurement import MeasurementUid
from ooni_core.publication.transparency.audit import audit_tree
from ooni_core.publication.transparency.leaves import PublishedLeaf, WithdrawalReason
from ooni_core.publication.transparency.log import TransparencyLog

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def leaves(hour: str, count: int) -> list[PublishedLeaf]:
    uids = (f"{hour}0000.{n:06d}_IT_webconnectivity_{n:016x}" for n in range(count))
    return [PublishedLeaf.of(MeasurementUid(uid), uid.encode()) for uid in uids]


@pytest.fixture
def storage(objects):
    return ObjectTiles(objects)


def test_file_that_was_added_is_read_back(storage):
    storage.add("tile/0/000.p/5", b"five")
    assert storage.read("tile/0/000.p/5") == b"five"


def test_file_that_is_not_there_is_none(storage):
    assert storage.read("checkpoint") is None


def test_adding_equal_bytes_again_does_nothing_and_other_bytes_are_refused(storage):
    storage.add("appends/0", b"one")
    storage.add("appends/0", b"one")
    with pytest.raises(Conflict):
        storage.add("appends/0", b"two")
    assert storage.read("appends/0") == b"one"


def test_of_two_that_add_at_once_exactly_one_succeeds(storage):
    def attempt(content: bytes) -> bool:
        try:
            storage.add("appends/7", content)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(attempt, [b"%d" % number for number in range(8)]))
    assert sum(results) == 1
    assert storage.read("appends/7") == b"%d" % results.index(True)


def test_pointer_is_replaced(storage):
    for content in (b"old", b"new", b"new"):
        storage.point("checkpoint", content)
    assert storage.read("checkpoint") == b"new"


def test_names_are_those_below_the_folder_sorted(storage):
    for path in ("tile/0/000.p/5", "tile/0/000.p/40", "tile/0/000", "checkpoint"):
        storage.add(path, b"x")
    assert storage.names("tile/0/000.p") == ["tile/0/000.p/40", "tile/0/000.p/5"]
    assert storage.names("tile/1") == []


def test_removed_file_is_gone_and_may_be_removed_again(storage):
    storage.add("pending/a", b"x")
    storage.remove("pending/a")
    storage.remove("pending/a")
    assert storage.read("pending/a") is None


def test_log_grows_is_proved_and_survives_a_restart(log, objects, signer):
    first = log.append_hour("2026112310", leaves("2026112310", 300))
    again = TransparencyLog(ObjectTiles(objects), [signer], ed25519_check)
    second = again.append_hour("2026112311", leaves("2026112311", 20))
    last = again.withdraw(leaves("2026112310", 7)[6].uid, WithdrawalReason.PRIVACY, NOON)
    assert (first.size, second.size, last.size) == (300, 320, 321)
    again.view.verify_extends(first, last)
    told = audit_tree(again.view, last)
    assert (told.measurements, told.hours) == (320, {"2026112310", "2026112311"})
    assert list(told.withdrawn) == [leaves("2026112310", 7)[6].uid]
    assert again.view.prove(leaves("2026112311", 20)[19].uid).published.index == 319
    assert log.settle() == last


def test_hosts_that_append_at_the_same_time_make_one_log(objects, signer):
    def host(number: int) -> None:
        hour = f"20261123{number:02d}"
        TransparencyLog(ObjectTiles(objects), [signer], ed25519_check).append_hour(hour, leaves(hour, 100 + number))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(host, range(8)))
    log = TransparencyLog(ObjectTiles(objects), [signer], ed25519_check)
    checkpoint = log.settle()
    assert checkpoint.size == sum(100 + number for number in range(8))
    assert audit_tree(log.view, checkpoint).measurements == checkpoint.size
    assert {seen.size for seen in [log.view.checkpoint()]} == {checkpoint.size}


def test_log_of_another_key_is_not_extended(log, objects):
    log.append_hour("2026112310", leaves("2026112310", 3))
    stranger = TransparencyLog(ObjectTiles(objects), [Ed25519Signer("log.example/ooni", bytes(32))], ed25519_check)
    with pytest.raises(Exception, match="no known key"):
        stranger.append_hour("2026112311", leaves("2026112311", 3))
