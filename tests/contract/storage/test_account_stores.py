"""What AccountRoles, ExpungedSessions and FeedbackStore promise, on every adapter."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from ooni_adapters.memory.accounts import MemoryAccountRoles, MemoryExpungedSessions
from ooni_adapters.memory.feedback import MemoryFeedbackStore
from ooni_adapters.sql.accounts import SqlAccountRoles
from ooni_adapters.sql.feedback import SqlFeedbackStore
from ooni_adapters.sql.sessions import SqlExpungedSessions
from ooni_core.feedback.model import STATUSES, Feedback, FeedbackSummary

A, B, C = "a" * 32, "b" * 32, "c" * 32
AT = datetime(2026, 11, 23, 22, 41, 49, tzinfo=UTC)
UID = "20261123224149.000001_IT_webconnectivity_0123456789abcdef"


class AccountRolesContract:
    """What every AccountRoles promises. Subclasses supply ``roles``."""

    def test_account_without_a_role_has_none(self, roles):
        roles.set_role(A, "admin")
        assert roles.role(B) is None

    def test_role_that_was_set_last_counts_at_once(self, roles):
        for role in ("admin", "user", "admin"):
            roles.set_role(A, role)
            assert roles.role(A) == role

    def test_setting_a_role_again_changes_nothing(self, roles):
        roles.set_role(A, "admin")
        roles.set_role(B, "user")
        roles.set_role(A, "admin")
        assert (roles.role(A), roles.role(B)) == ("admin", "user")


class ExpungedSessionsContract:
    """What every ExpungedSessions promises. Subclasses supply ``expunged``."""

    def test_all_sessions_are_good_at_first(self, expunged):
        expunged.expunge(A, AT)
        assert expunged.threshold(B) is None

    def test_threshold_is_the_second_in_utc(self, expunged):
        expunged.expunge(A, (AT + timedelta(microseconds=999_999)).astimezone(timezone(timedelta(hours=5))))
        assert expunged.threshold(A) == AT
        assert expunged.threshold(A).utcoffset() == timedelta(0)

    def test_last_call_counts(self, expunged):
        for at in (AT, AT + timedelta(days=1), datetime(1970, 1, 1, tzinfo=UTC)):
            expunged.expunge(A, at)
            assert expunged.threshold(A) == at


class FeedbackStoreContract:
    """What every FeedbackStore promises. Subclasses supply ``store``."""

    def test_nothing_is_said_about_an_unknown_measurement(self, store):
        store.put(Feedback("ok", UID, A))
        assert store.summary("another", A) == FeedbackSummary({}, None)

    def test_votes_are_counted_by_status_and_own_is_found(self, store):
        for account, status in ((A, "ok"), (B, "ok"), (C, "blocked")):
            store.put(Feedback(status, UID, account))
        votes = {"ok": 2, "blocked": 1}
        assert store.summary(UID) == FeedbackSummary(votes, None)
        assert store.summary(UID, B) == FeedbackSummary(votes, "ok")
        assert store.summary(UID, C) == FeedbackSummary(votes, "blocked")
        assert store.summary(UID, "d" * 32) == FeedbackSummary(votes, None)

    def test_second_feedback_for_same_measurement_replaces_first(self, store):
        store.put(Feedback("ok", UID, A))
        store.put(Feedback("ok", "other_uid", A))
        store.put(Feedback("blocked.dns", UID, A))
        assert store.summary(UID, A) == FeedbackSummary({"blocked.dns": 1}, "blocked.dns")
        assert store.summary("other_uid", A) == FeedbackSummary({"ok": 1}, "ok")

    def test_putting_it_again_counts_once(self, store):
        for _ in range(3):
            store.put(Feedback("ok", UID, A))
        assert store.summary(UID) == FeedbackSummary({"ok": 1})

    def test_withdrawn_feedback_is_gone_and_may_come_back(self, store):
        store.put(Feedback("ok", UID, A))
        store.put(Feedback("down", UID, B))
        store.withdraw(UID, A)
        store.withdraw(UID, A)
        store.withdraw("another", B)
        assert store.summary(UID, A) == FeedbackSummary({"down": 1}, None)
        store.put(Feedback("down", UID, A))
        assert store.summary(UID, A) == FeedbackSummary({"down": 2}, "down")

    def test_every_status_can_be_kept(self, store):
        for number, status in enumerate(STATUSES):
            store.put(Feedback(status, UID, f"{number:032}"))
        assert store.summary(UID).votes == dict.fromkeys(STATUSES, 1)

    @pytest.mark.parametrize("uid", ["it's_one", "x\\y\\z", "%____", "$measurement_uid", "{a:String}"])
    def test_any_uid_is_a_value(self, store, uid):
        store.put(Feedback("ok", uid, A))
        assert store.summary(uid, A) == FeedbackSummary({"ok": 1}, "ok")
        assert store.summary(UID).votes == {}


class TestMemory(AccountRolesContract, ExpungedSessionsContract, FeedbackStoreContract):
    @pytest.fixture
    def roles(self):
        return MemoryAccountRoles()

    @pytest.fixture
    def expunged(self):
        return MemoryExpungedSessions()

    @pytest.fixture
    def store(self):
        return MemoryFeedbackStore()


class SqlContract(AccountRolesContract, ExpungedSessionsContract, FeedbackStoreContract):
    """All of it in a database. Subclasses supply ``database``."""

    @pytest.fixture
    def roles(self, database):
        return SqlAccountRoles(database)

    @pytest.fixture
    def expunged(self, database):
        return SqlExpungedSessions(database)

    @pytest.fixture
    def store(self, database):
        return SqlFeedbackStore(database)


class TestDuckDb(SqlContract):
    @pytest.fixture
    def database(self, duckdb_file):
        return duckdb_file


class TestChdb(SqlContract):
    @pytest.fixture
    def database(self, chdb):
        return chdb

    def test_winner_does_not_depend_on_the_order_of_parts(self, store, database):
        store.put(Feedback("ok", UID, A))
        older = (
            "SELECT name FROM system.parts WHERE database = currentDatabase() AND table = 'msmt_feedback' AND active"
        )
        ((part,),) = database.query(older).tuples
        store.put(Feedback("blocked", UID, A))
        # As a restored replica would: the older part becomes the one that was attached last.
        database.execute(f"ALTER TABLE msmt_feedback DETACH PART '{part}'")
        assert store.summary(UID) == FeedbackSummary({"blocked": 1})
        database.execute("ALTER TABLE msmt_feedback ATTACH PARTITION ALL")
        assert (
            database.query(
                "SELECT count(*) FROM system.parts WHERE database = currentDatabase() AND active"
                " AND table = 'msmt_feedback'"
            ).scalar()
            == 2
        )
        assert store.summary(UID) == FeedbackSummary({"blocked": 1})
        database.execute("OPTIMIZE TABLE msmt_feedback FINAL")
        assert store.summary(UID, A) == FeedbackSummary({"blocked": 1}, "blocked")


class TestClickHouse(SqlContract):
    @pytest.fixture
    def database(self, clickhouse):
        return clickhouse
