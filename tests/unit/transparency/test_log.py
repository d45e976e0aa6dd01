"""The log: what is appended is found and proved, once, whatever happens in between."""

import random
from datetime import UTC, datetime
from functools import cache

import pytest

from ooni_core.errors import Conflict, Invalid, NotFound, Unavailable
from ooni_core.measurement import MeasurementUid
from ooni_core.publication.transparency.leaves import PublishedLeaf, WithdrawalLeaf, WithdrawalReason, read_leaf
from ooni_core.publication.transparency.merkle import ProofFailed, leaf_hash
from ooni_core.publication.transparency.note import VerifierKey
from ooni_core.publication.transparency.view import Segment

HOUR = "2026112310"
NOON = datetime(2026, 11, 24, 12, 0, 0, 999999, tzinfo=UTC)


@cache
def leaf(number: int, hour: str) -> PublishedLeaf:
    uid = f"{hour}{number // 60 % 60:02d}{number % 60:02d}.{number:06d}_IT_webconnectivity_{number:016x}"
    return PublishedLeaf.of(MeasurementUid(uid), uid.encode())


def leaves(count: int, hour: str = HOUR, first: int = 0) -> list[PublishedLeaf]:
    return [leaf(number, hour) for number in range(first, first + count)]


def all_entries(view) -> list[bytes]:
    size = view.checkpoint().size
    return list(view.entries(0, size, size))


def check_whole(view, tree_by_definition) -> list[bytes]:
    """Everything a reader can check of a log: its root, and that all of its files belong to it."""
    entries, checkpoint = all_entries(view), view.checkpoint()
    assert tree_by_definition(entries).mth(0, len(entries)) == checkpoint.root
    return entries


@pytest.mark.parametrize("count", [1, 2, 255, 256, 257, 600])
def test_every_leaf_of_an_hour_is_found_and_proved(count, files, open_log, make_tree):
    log = open_log(files)
    checkpoint = log.append_hour(HOUR, leaves(count))
    assert (checkpoint.size, checkpoint) == (count, log.view.checkpoint())
    assert check_whole(log.view, make_tree) == [leaf.entry for leaf in leaves(count)]
    for number, leaf in enumerate(leaves(count)):
        proof = log.view.prove(leaf.uid)
        assert (proof.leaf, proof.published.index, proof.withdrawal) == (leaf, number, None)
        assert proof.proof.verify(leaf_hash(leaf.entry), log.view.origin, log.view.keys, log.check) == checkpoint


@pytest.mark.parametrize("crowded", ["0000", "3000", "5959"])
def test_leaves_of_an_hour_in_which_all_came_at_once_are_found(crowded, files, open_log):
    seconds = ["0001", *[crowded] * 2000, "5958"]
    uids = [MeasurementUid(f"{HOUR}{mmss}.{n:06d}_IT_webconnectivity_{n:016x}") for n, mmss in enumerate(seconds)]
    log = open_log(files)
    log.append_hour(HOUR, [PublishedLeaf.of(uid, uid.text.encode()) for uid in uids])
    for number, uid in enumerate(sorted(uids)):
        if number % 97 == 0 or number in (1, 2000, 2001):
            assert log.view.prove(uid).published.index == number
    for never in (f"{HOUR}0000.000000", f"{HOUR}{crowded}.999999", f"{HOUR}5959.999999"):
        with pytest.raises(NotFound):
            log.view.prove(MeasurementUid(f"{never}_FR_webconnectivity_{0:016x}"))


def test_leaves_stand_in_the_order_of_their_uids(files, open_log):
    log, mixed = open_log(files), leaves(300)
    random.Random(1).shuffle(mixed)
    log.append_hour(HOUR, mixed)
    assert all_entries(log.view) == sorted(leaf.entry for leaf in mixed)


def test_hours_of_any_size_add_up_to_one_consistent_log(files, open_log, make_tree):
    log, old, expected = open_log(files), [], []
    for number, count in enumerate([3, 0, 252, 1, 1, 700, 256, 40]):
        hour = f"20261123{number:02d}"
        old.append(log.append_hour(hour, leaves(count, hour)))
        expected += [leaf.entry for leaf in leaves(count, hour)]
    assert check_whole(log.view, make_tree) == expected
    for earlier in old:
        log.view.verify_extends(earlier, old[-1])


def test_repeated_hour_adds_nothing(files, open_log):
    first = open_log(files).append_hour(HOUR, leaves(300))
    before = dict(files.files)
    assert open_log(files).append_hour(HOUR, leaves(300)) == first
    assert open_log(files).append_hour(HOUR, leaves(120)) == first
    assert files.files == before


def test_hour_can_be_continued_and_overlap(files, open_log, make_tree):
    log = open_log(files)
    log.append_hour(HOUR, leaves(100))
    log.append_hour("2026112311", leaves(5, "2026112311"))
    assert log.append_hour(HOUR, leaves(150)).size == 155
    assert sorted(check_whole(log.view, make_tree)) == sorted(
        leaf.entry for leaf in leaves(150) + leaves(5, "2026112311")
    )
    assert log.view.prove(leaves(150)[149].uid).published.index == 154


def test_empty_hour_leaves_no_trace(files, open_log):
    assert open_log(files).append_hour(HOUR, []).size == 0
    assert files.files == {}


def test_other_bytes_under_a_logged_uid_are_refused(files, open_log):
    log = open_log(files)
    log.append_hour(HOUR, leaves(3))
    before = dict(files.files)
    with pytest.raises(Conflict, match="other bytes"):
        log.append_hour(HOUR, [PublishedLeaf.of(leaves(1)[0].uid, b"altered"), *leaves(2, first=7)])
    assert files.files == before


def test_measurement_of_another_hour_is_refused(files, open_log):
    with pytest.raises(Invalid, match="did not arrive in hour"):
        open_log(files).append_hour("2026112309", leaves(1))
    assert files.files == {}


def test_unknown_measurement_is_not_found(files, open_log):
    log = open_log(files)
    with pytest.raises(NotFound, match="no checkpoint"):
        log.view.prove(leaves(1)[0].uid)
    log.append_hour(HOUR, leaves(300))
    for uid in (leaves(1, "2026112311")[0].uid, leaves(1, first=300)[0].uid):
        with pytest.raises(NotFound, match="says nothing"):
            log.view.prove(uid)


def test_withdrawal_is_stated_signed_and_proved(files, open_log, make_tree, signature_check):
    log = open_log(files)
    log.append_hour(HOUR, leaves(300))
    uid = leaves(300)[40].uid
    log.withdraw(uid, WithdrawalReason.PRIVACY, NOON)
    proof = log.view.prove(uid)
    assert proof.leaf == leaves(300)[40]
    assert isinstance(proof.withdrawal, WithdrawalLeaf)
    assert (proof.withdrawal.leaf, proof.withdrawal.reason, proof.withdrawal.sha256) == (
        40,
        "privacy",
        proof.leaf.sha256,
    )
    assert proof.withdrawal.time == NOON.replace(microsecond=0)
    assert proof.withdrawal.note.verified(log.view.keys, signature_check) == proof.withdrawal.note.text
    proof.withdrawal_proof.verify(leaf_hash(proof.withdrawal.entry), log.view.origin, log.view.keys, signature_check)
    assert [found.leaf.uid for found in log.view.withdrawals(301)] == [uid]
    assert list(log.view.withdrawals(300)) == []
    assert len(check_whole(log.view, make_tree)) == 301


def test_repeated_withdrawal_adds_nothing(files, open_log):
    log = open_log(files)
    log.append_hour(HOUR, leaves(3))
    once = log.withdraw(leaves(1)[0].uid, WithdrawalReason.LEGAL, NOON)
    assert open_log(files).withdraw(leaves(1)[0].uid, WithdrawalReason.PRIVACY, NOON.replace(hour=13)) == once


def test_withdrawal_of_what_was_never_logged_is_refused(files, open_log):
    with pytest.raises(NotFound, match="does not say"):
        open_log(files).withdraw(leaves(1)[0].uid, WithdrawalReason.PRIVACY, NOON)


def test_hour_can_be_repeated_after_a_withdrawal(files, open_log):
    log = open_log(files)
    log.append_hour(HOUR, leaves(3))
    withdrawn = log.withdraw(leaves(1)[0].uid, WithdrawalReason.SAFETY, NOON)
    assert log.append_hour(HOUR, leaves(3)) == withdrawn


def _three_appends(log) -> None:
    log.append_hour(HOUR, leaves(250))
    log.append_hour("2026112311", leaves(270, "2026112311"))
    log.withdraw(leaves(250)[249].uid, WithdrawalReason.PRIVACY, NOON)


@pytest.mark.parametrize("dies_after", [False, True], ids=["before the change", "after the change"])
def test_kill_at_any_change_loses_nothing_and_adds_nothing_twice(dies_after, files, open_log, interrupted, make_tree):
    _three_appends(open_log(files))
    expected, changes = files.files, files.changes
    for dies_at in range(1, changes + 1):
        broken = type(files)(dies_at=dies_at, dies_after=dies_after)
        with pytest.raises(interrupted):
            _three_appends(open_log(broken))
        broken.dies_at = None
        # Readers of the half-written log see a valid one, if any.
        if broken.read("checkpoint"):
            check_whole(open_log(broken).view, make_tree)
        _three_appends(open_log(broken))
        leftovers = {path for path in broken.files if path.startswith("pending/") or ".p/" in path}
        assert {path: content for path, content in broken.files.items() if path not in leftovers} == {
            path: content for path, content in expected.items() if path not in leftovers
        }
        assert check_whole(open_log(broken).view, make_tree) == check_whole(open_log(files).view, make_tree)
    assert changes > 30


def test_kill_at_two_changes_in_a_row_is_survived_too(files, open_log, interrupted, make_tree):
    _three_appends(open_log(files))
    for first in range(1, files.changes + 1, 3):
        for second in range(1, 12):
            broken = type(files)(dies_at=first)
            with pytest.raises(interrupted):
                _three_appends(open_log(broken))
            broken.changes, broken.dies_at = 0, second
            try:
                _three_appends(open_log(broken))
            except interrupted:
                broken.dies_at = None
                _three_appends(open_log(broken))
            assert all_entries(open_log(broken).view) == all_entries(open_log(files).view)


def test_append_that_was_begun_is_finished_by_whoever_comes_next(files, open_log, interrupted):
    files.dies_at = 3  # entries and decision are there, nothing else
    with pytest.raises(interrupted):
        open_log(files).append_hour(HOUR, leaves(10))
    files.dies_at = None
    assert open_log(files).append_hour("2026112311", leaves(1, "2026112311")).size == 11
    assert open_log(files).append_hour(HOUR, leaves(10)).size == 11


def test_two_hosts_that_append_at_once_never_fork_the_log(files, open_log, make_tree):
    """One host stops between choosing its place and taking it; the other takes that place meanwhile."""
    slow, fast = open_log(files), open_log(files, number=2, former_keys=_keys_of(open_log(files)))
    slow.former_keys = _keys_of(open_log(files, number=2))
    slow.append_hour("2026112309", leaves(4, "2026112309"))
    fast.settle()
    original, raced = files.add, []

    def add_after_the_other(path, content):
        if path.startswith("appends/") and not raced:
            raced.append(path)
            fast.append_hour("2026112311", leaves(3, "2026112311"))
        original(path, content)

    type(files).add, restored = lambda self, path, content: add_after_the_other(path, content), type(files).add
    try:
        slow.append_hour(HOUR, leaves(5))
    finally:
        type(files).add = restored
    expected = leaves(4, "2026112309") + leaves(3, "2026112311") + leaves(5)
    assert raced
    assert check_whole(slow.view, make_tree) == [leaf.entry for leaf in expected]
    assert fast.settle() == slow.settle()


def _keys_of(log) -> list[VerifierKey]:
    return [VerifierKey(signer.name, signer.public_key) for signer in log.signers]


def test_same_append_sealed_by_hosts_with_different_keys_is_one_statement(files, open_log, interrupted):
    both = [*_keys_of(open_log(files)), *_keys_of(open_log(files, number=2))]
    copy = type(files)()
    for store, number in ((files, 1), (copy, 2)):
        open_log(store, number, both).append_hour(HOUR, leaves(10))
    sealed = copy.files["checkpoints/00000000000000000010"]
    assert sealed != files.files["checkpoints/00000000000000000010"]
    log = open_log(files, 1, both)
    assert log._seal("checkpoints/00000000000000000010", log.view.opened(sealed)) == files.files["checkpoint"]


def test_sealing_a_second_tree_of_the_same_size_is_refused(files, open_log):
    log, other = open_log(files), open_log(type(files)())
    log.append_hour(HOUR, leaves(10))
    foreign = other.append_hour("2026112311", leaves(10, "2026112311"))
    with pytest.raises(ProofFailed, match="two different trees"):
        log._seal("checkpoints/00000000000000000010", foreign)


def test_key_can_be_rotated(files, open_log, make_key):
    old = open_log(files, number=1)
    first = old.append_hour(HOUR, leaves(3))
    both = open_log(files, number=2)
    both.signers = [make_key(2), make_key(1)]
    second = both.append_hour("2026112311", leaves(2, "2026112311"))
    assert old.view.checkpoint() == second  # readers who know only the old key still can
    new = open_log(files, number=2, former_keys=_keys_of(old))
    third = new.append_hour("2026112312", leaves(2, "2026112312"))
    new.view.verify_extends(first, third)
    with pytest.raises(ProofFailed, match="no known key"):
        old.view.checkpoint()


def test_lost_checkpoint_copy_is_restored(files, open_log):
    sealed = open_log(files).append_hour(HOUR, leaves(3))
    del files.files["checkpoint"]
    assert open_log(files).settle() == sealed
    assert open_log(files).view.checkpoint() == sealed


def test_stale_checkpoint_copy_is_brought_up_to_date(files, open_log):
    open_log(files).append_hour(HOUR, leaves(3))
    stale = files.files["checkpoint"]
    sealed = open_log(files).append_hour("2026112311", leaves(2, "2026112311"))
    files.files["checkpoint"] = stale
    assert open_log(files).settle() == sealed
    assert open_log(files).view.checkpoint() == sealed


@pytest.mark.parametrize("path", ["tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"])
def test_log_with_damaged_tiles_is_not_extended(path, files, open_log):
    open_log(files).append_hour(HOUR, leaves(300))
    good = files.files[path]
    for at in range(0, len(good), 97):
        files.files[path] = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
        before = files.read("checkpoint")
        with pytest.raises(ProofFailed):
            open_log(files).append_hour("2026112311", leaves(1, "2026112311"))
        assert files.read("checkpoint") == before


def test_damaged_pending_entries_are_not_signed(files, open_log, interrupted):
    files.dies_at = 3
    with pytest.raises(interrupted):
        open_log(files).append_hour(HOUR, leaves(3))
    files.dies_at = None
    pending = files.names("pending")[0]
    good = files.files[pending]
    files.files[pending] = good[:-1] + bytes([good[-1] ^ 1])
    with pytest.raises(ProofFailed, match="damaged"):
        open_log(files).settle()
    del files.files[pending]
    with pytest.raises(ProofFailed, match="lost"):
        open_log(files).settle()
    files.files[pending] = good
    assert open_log(files).settle().size == 3


def test_changed_entry_is_noticed_when_it_is_proved(files, open_log):
    log = open_log(files)
    log.append_hour(HOUR, leaves(5))
    path = "tile/entries/000.p/5"
    files.files[path] = files.files[path].replace(b"measurement", b"neasurement", 1)
    with pytest.raises(ProofFailed, match="does not match"):
        log.view.prove(leaves(5)[0].uid)


def test_history_that_was_rewritten_is_noticed(files, open_log):
    old = open_log(files).append_hour(HOUR, leaves(100))
    rewritten = type(files)()
    log = open_log(rewritten)
    log.append_hour(HOUR, leaves(99) + leaves(1, first=500))
    new = log.append_hour("2026112311", leaves(300, "2026112311"))
    with pytest.raises(ProofFailed, match="not consistent"):
        log.view.verify_extends(old, new)
    with pytest.raises(ProofFailed, match="shrank"):
        log.view.verify_extends(new, old)


def test_partial_tiles_disappear_once_they_are_full_and_old_states_stay_provable(files, open_log):
    log = open_log(files)
    old = [log.append_hour(f"20261123{hour:02d}", leaves(60, f"20261123{hour:02d}")) for hour in range(6)]
    assert not files.names("tile/0/000.p")
    assert not files.names("tile/entries/000.p")
    assert files.names("tile/0/001.p")
    assert not files.names("pending")
    for state in old:
        log.view.verify_extends(state, old[-1])
        assert len(list(log.view.entries(0, state.size, state.size))) == state.size


def test_log_that_others_extend_every_time_gives_up_politely(files, open_log):
    log = open_log(files)
    original = type(files).add

    def always_late(self, path, content):
        if path.startswith("appends/"):
            raise Conflict(path)
        original(self, path, content)

    type(files).add = always_late
    try:
        with pytest.raises(Unavailable, match="other hosts"):
            log.append_hour(HOUR, leaves(1))
    finally:
        type(files).add = original


def test_damaged_segment_is_noticed():
    with pytest.raises(ProofFailed, match="damaged"):
        Segment.parse(b'{"kind": "measurements"}')


@pytest.mark.parametrize(
    "entry",
    [
        b"",
        b"measurement",
        b"measurement 20261123100000.000000_IT_webconnectivity_0000000000000000 05 " + b"0" * 64,
        b"measurement 20261123100000.000000_IT_webconnectivity_0000000000000000 5 " + b"0" * 63,
        b"measurement 20261323100000.000000_IT_webconnectivity_0000000000000000 5 " + b"0" * 64,
        b"measurement \xff 5 " + b"0" * 64,
        b"withdrawal\n",
        "withdrawal\nx\n\n— log.example/ooni AAAAAAAA\n".encode(),
        (
            "withdrawal\n20261123100000.000000_IT_webconnectivity_0000000000000000\n0\n"
            + "0" * 64
            + "\nboredom\n2026-11-23T00:00:00Z\n\n— log.example/ooni AAAAAAAA\n"
        ).encode(),
        (
            "withdrawal\n20261123100000.000000_IT_webconnectivity_0000000000000000\n0\n"
            + "0" * 64
            + "\nlegal\n2026-13-23T00:00:00Z\n\n— log.example/ooni AAAAAAAA\n"
        ).encode(),
    ],
)
def test_entry_that_says_nothing_understandable_is_refused(entry):
    with pytest.raises(Invalid):
        read_leaf(entry)


def test_entries_are_read_back_as_they_were_written(make_key):
    published = leaves(1)[0]
    assert read_leaf(published.entry) == published
    withdrawn = WithdrawalLeaf.make(published, 7, WithdrawalReason.ERROR, NOON, [make_key(1)])
    assert read_leaf(withdrawn.entry) == withdrawn


@pytest.mark.parametrize(("sha256", "length"), [(b"short", 1), (bytes(32), -1)])
def test_impossible_leaf_cannot_be_made(sha256, length):
    with pytest.raises(Invalid):
        PublishedLeaf(leaves(1)[0].uid, sha256, length)
