"""What every BodyIndex promises, on every adapter."""

import attrs
import pytest

from ooni_adapters.memory.bodies import MemoryBodyIndex
from ooni_adapters.sql.bodies import SqlBodyIndex
from ooni_core.publication.model import IndexEntry

LIVE = IndexEntry("report", "https://example.org/", "uid-1", "raw/x.jsonl.gz", 3, 100, 2000, 1)


class BodyIndexContract:
    """What every BodyIndex promises. Subclasses supply ``index``."""

    def test_by_uid_returns_the_entry(self, index):
        index.put([LIVE])
        assert index.by_uid("uid-1") == LIVE

    def test_by_uid_of_unknown_is_none(self, index):
        assert index.by_uid("uid-1") is None

    def test_putting_again_changes_nothing(self, index):
        index.put([LIVE])
        index.put([LIVE])
        assert list(index.by_report("report", "https://example.org/")) == [LIVE]

    def test_last_put_wins(self, index):
        moved = attrs.evolve(LIVE, s3path="raw/y.jsonl.gz", linenum=9)
        index.put([LIVE, moved])
        assert list(index.by_report("report", "https://example.org/")) == [moved]
        index.put([LIVE])
        assert index.by_uid("uid-1") == LIVE

    def test_by_report_returns_newest_uid_first(self, index):
        entries = [attrs.evolve(LIVE, measurement_uid=uid) for uid in ("uid-2", "uid-3", "uid-1")]
        index.put(entries)
        found = [entry.measurement_uid for entry in index.by_report("report", "https://example.org/")]
        assert found == ["uid-3", "uid-2", "uid-1"]

    def test_by_report_compares_input_exactly(self, index):
        index.put([LIVE, attrs.evolve(LIVE, measurement_uid="uid-2", input="")])
        assert [entry.measurement_uid for entry in index.by_report("report", "")] == ["uid-2"]
        assert list(index.by_report("report", "https://example.org")) == []

    def test_entries_without_members_or_with_legacy_source_come_back_as_they_went(self, index):
        old = IndexEntry(
            "report", "", "0120200101", "jsonl/x.jsonl.gz", 0, date="2020-01-01", source="canned/x.tar.lz4"
        )
        index.put([old])
        assert index.by_uid("0120200101") == old

    def test_entries_from_before_uids_do_not_replace_one_another(self, index):
        first, second = (attrs.evolve(LIVE, measurement_uid="", linenum=line) for line in (1, 2))
        index.put([first, second])
        index.put([first])
        found = index.by_report("report", "https://example.org/")
        assert sorted(entry.linenum for entry in found) == [1, 2]


class TestMemoryBodyIndex(BodyIndexContract):
    @pytest.fixture
    def index(self):
        return MemoryBodyIndex()


class TestDuckDbBodyIndex(BodyIndexContract):
    @pytest.fixture
    def index(self, duckdb_memory):
        return SqlBodyIndex(duckdb_memory)


class TestChdbBodyIndex(BodyIndexContract):
    @pytest.fixture
    def index(self, chdb):
        return SqlBodyIndex(chdb)


class TestClickHouseBodyIndex(BodyIndexContract):
    @pytest.fixture
    def index(self, clickhouse):
        return SqlBodyIndex(clickhouse)
