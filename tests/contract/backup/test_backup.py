"""Backup and restore: every row comes back on either engine, and nothing half-done ever looks whole."""

import hashlib
from datetime import datetime, timedelta

import attrs
import pytest

from ooni_adapters.backup import (
    PUBLIC_TABLES,
    BackupCatalog,
    BackupMaker,
    BackupManifest,
    Progress,
    PublicExport,
    Restorer,
)
from ooni_adapters.objectstore import open_object_store
from ooni_adapters.sql.tables import FASTPATH, JSONL, MSMT_FEEDBACK, TABLES
from ooni_core.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from tests.contract.backup.conftest import EARLY, TABLES_FILLED, fill, measurement, rows_of, uid
from tests.contract.objectstore.conftest import s3_bucket, s3_endpoint

__all__ = ["s3_bucket", "s3_endpoint"]


@attrs.define
class FailingObjects:
    """An object store that fails, or is cut, at its n-th change."""

    objects: object
    fails_at: int
    error: type[BaseException] = Unavailable
    changes: int = 0

    def _change(self, act, *arguments):
        self.changes += 1
        if self.changes == self.fails_at:
            raise self.error("at a change")
        return act(*arguments)

    def put(self, key, content):
        return self._change(self.objects.put, key, content)

    def replace(self, key, parts):
        return self._change(self.objects.replace, key, parts)

    def delete(self, key):
        return self._change(self.objects.delete, key)

    def __getattr__(self, name):
        return getattr(self.objects, name)


@pytest.mark.parametrize("source", ["duckdb", "chdb"])
@pytest.mark.parametrize("target", ["duckdb", "chdb"])
def test_every_row_comes_back_on_either_engine(source, target, open_engine, catalog, clock):
    origin, copy = open_engine(source), open_engine(target)
    fill(origin)
    manifest = BackupMaker(origin, catalog, clock, "1").run(TABLES_FILLED)
    rows = Restorer(copy, catalog, TABLES).run(manifest)
    assert rows == 120 + 4 + 5 + 2 + 2 + 1
    assert rows_of(copy) == rows_of(origin)


def test_backup_of_the_restored_database_has_the_same_content(maker, open_engine, catalog, clock, objects):
    manifest = maker.run(TABLES_FILLED)
    copy = open_engine("chdb")
    Restorer(copy, catalog, TABLES).run(manifest)
    again = BackupMaker(copy, BackupCatalog(open_object_store("memory://second"), "private"), clock, "1").run(
        TABLES_FILLED
    )

    def contents(each: BackupManifest) -> list:
        return [(table.name, chunk.name, chunk.content_sha256) for table in each.tables for chunk in table.chunks]

    assert contents(again) == contents(manifest)


@pytest.mark.parametrize("store", ["folder", "s3"])
def test_backup_goes_through_real_stores(store, maker, open_engine, clock, tmp_path, request):
    if store == "folder":
        objects = open_object_store(f"file://{tmp_path}/backups")
    else:
        endpoint, bucket = request.getfixturevalue("s3_endpoint"), request.getfixturevalue("s3_bucket")
        objects = open_object_store(f"s3://{bucket}", endpoint=endpoint, key="k", secret="s")
    catalog = BackupCatalog(objects, "private")
    attrs.evolve(maker, catalog=catalog).run(TABLES_FILLED)
    copy = open_engine("duckdb")
    Restorer(copy, catalog, TABLES).run(catalog.manifest())
    assert rows_of(copy) == rows_of(maker.engine)


def test_manifest_tells_what_is_where(maker, catalog, objects):
    manifest = maker.run(TABLES_FILLED)
    assert catalog.manifest() == catalog.manifest(manifest.run) == manifest
    assert (manifest.set, manifest.software, manifest.engine) == ("private", "1.2.3", "duckdb")
    fastpath = manifest.table("fastpath")
    names = ["uid-", "uid-012024", "uid-202601", "uid-202602", "uid-202603", "uid-a%2Fb%20c", "uid-x"]
    assert [chunk.name for chunk in fastpath.chunks] == names
    assert fastpath.rows == 124
    assert "CREATE TABLE" in fastpath.ddl[0]
    for table in manifest.tables:
        for chunk in table.chunks:
            content = objects.get(chunk.object.key)
            assert (len(content), hashlib.sha256(content).hexdigest()) == (chunk.object.bytes, chunk.object.sha256)
    assert list(catalog.verify(manifest)) == []


def test_unchanged_chunks_are_not_copied_again(maker, engine, catalog):
    first = maker.run([FASTPATH])
    engine.insert(FASTPATH, [measurement("202602", 39, anomaly="t", update_time=datetime(2026, 11, 2))])
    engine.insert(FASTPATH, [measurement("202604", 0)])
    seen: list[Progress] = []
    second = attrs.evolve(maker, progress=seen.append).run([FASTPATH])
    copied = {chunk.name for chunk in second.table("fastpath").chunks if chunk.copied == second.run}
    assert copied == {"uid-202602", "uid-202604"}
    assert {progress.what for progress in seen if progress.bytes} == {"fastpath/uid-202602", "fastpath/uid-202604"}
    kept = {chunk.name: chunk.object for chunk in first.table("fastpath").chunks}
    assert all(
        chunk.object == kept[chunk.name] for chunk in second.table("fastpath").chunks if chunk.name not in copied
    )
    full = maker.run([FASTPATH], full=True)
    assert all(chunk.copied == full.run for chunk in full.table("fastpath").chunks)


def test_earlier_backup_can_still_be_restored(maker, engine, catalog, open_engine):
    before = rows_of(engine)
    first = maker.run(TABLES_FILLED)
    engine.insert(FASTPATH, [measurement("202602", 39, anomaly="t", update_time=datetime(2026, 11, 2))])
    maker.run(TABLES_FILLED)
    copy = open_engine("duckdb")
    Restorer(copy, catalog, TABLES).run(catalog.manifest(first.run))
    assert rows_of(copy) == before


@pytest.mark.parametrize("error", [Unavailable, KeyboardInterrupt])
def test_run_that_fails_anywhere_does_not_exist(error, maker, engine, catalog, objects):
    first = maker.run(TABLES_FILLED)
    engine.insert(FASTPATH, [measurement("202602", 39, anomaly="t", update_time=datetime(2026, 11, 2))])
    failing = FailingObjects(objects, 10**9)
    changes = attrs.evolve(maker, catalog=BackupCatalog(failing, "private"))
    second = changes.run(TABLES_FILLED, full=True)
    total = failing.changes
    for at in range(1, total - 1):  # the last two are the manifest and the pointer to it
        failing = FailingObjects(objects, at, error)
        with pytest.raises(error):
            attrs.evolve(maker, catalog=BackupCatalog(failing, "private")).run(TABLES_FILLED, full=True)
        assert catalog.runs() == [first.run, second.run]
        assert catalog.manifest() == second
    assert list(catalog.verify(second)) == []
    assert total > 10


def test_run_whose_pointer_was_not_written_is_still_listed(maker, catalog, objects):
    failing = FailingObjects(objects, 10**9)
    attrs.evolve(maker, catalog=BackupCatalog(failing, "private")).run([JSONL])
    failing.fails_at, failing.changes = failing.changes, 0
    with pytest.raises(Unavailable):
        attrs.evolve(maker, catalog=BackupCatalog(failing, "private")).run([JSONL], full=True)
    assert len(catalog.runs()) == 2


def test_object_that_was_not_stored_as_written_fails_the_run(maker, catalog, objects):
    class Damaging(FailingObjects):
        def replace(self, key, parts):
            content = b"".join(parts)
            self.objects.replace(key, [content[:-1]])

    with pytest.raises(Unavailable, match="is damaged"):
        attrs.evolve(maker, catalog=BackupCatalog(Damaging(objects, 0), "private")).run([JSONL])
    assert catalog.runs() == []


def test_database_that_fails_half_way_fails_the_run(maker, catalog, engine):
    class Breaking:
        dialect = engine.dialect
        query = engine.query

        def stream(self, *arguments):
            yield from list(engine.stream(*arguments))[:1]
            raise Unavailable("the database went away")

    with pytest.raises(Unavailable, match="went away"):
        attrs.evolve(maker, engine=Breaking()).run([FASTPATH])
    assert catalog.runs() == []


def test_damaged_and_missing_objects_are_found_and_never_restored(maker, catalog, objects, open_engine):
    manifest = maker.run(TABLES_FILLED)
    victim = manifest.table("fastpath").chunks[2].object.key
    good = objects.get(victim)
    for content in (good[:-1], good[:100] + bytes([good[100] ^ 1]) + good[101:], None):
        objects.delete(victim)
        if content is not None:
            objects.put(victim, content)
        assert len(list(catalog.verify(manifest))) == 1
        copy = open_engine("duckdb")
        with pytest.raises(Unavailable, match="cannot be restored"):
            Restorer(copy, catalog, TABLES).run(manifest)
        copy.close()


def test_interrupted_restore_goes_on_where_it_was(maker, catalog, objects, open_engine, engine):
    manifest = maker.run(TABLES_FILLED)
    copy = open_engine("duckdb")
    missing = manifest.table("fastpath").chunks[4].object.key
    content = objects.get(missing)
    objects.delete(missing)
    with pytest.raises(Unavailable):
        Restorer(copy, catalog, TABLES).run(manifest)
    objects.put(missing, content)
    Restorer(copy, catalog, TABLES).run(manifest)
    assert rows_of(copy) == rows_of(engine)
    Restorer(copy, catalog, TABLES).run(manifest)
    assert rows_of(copy) == rows_of(engine)


def test_table_with_rows_of_other_origin_is_left_alone(maker, catalog, open_engine):
    manifest = maker.run(TABLES_FILLED)
    copy = open_engine("duckdb")
    copy.insert(FASTPATH, [measurement("202601", 1, anomaly="t")])
    before = rows_of(copy)
    with pytest.raises(Conflict, match="empty database"):
        Restorer(copy, catalog, TABLES).run(manifest)
    assert rows_of(copy) == before


def test_tables_and_months_can_be_chosen(maker, catalog, open_engine):
    manifest = maker.run(TABLES_FILLED)
    copy = open_engine("duckdb")
    assert Restorer(copy, catalog, TABLES).run(manifest, ["jsonl"]) == 5
    assert Restorer(copy, catalog, TABLES).run(manifest, ["fastpath"], ("202602", "202603")) == 80
    with pytest.raises(Invalid, match="has no table 'nothing'"):
        Restorer(copy, catalog, TABLES).run(manifest, ["nothing"])


def test_backup_of_a_newer_program_is_refused_in_words(maker, catalog, open_engine):
    manifest = maker.run([JSONL])
    newer = attrs.evolve(manifest.tables[0], columns=(*manifest.tables[0].columns, ("colour", "TEXT")))
    with pytest.raises(Invalid, match="'colour'"):
        Restorer(open_engine("duckdb"), catalog, TABLES).run(attrs.evolve(manifest, tables=(newer,)))
    stranger = attrs.evolve(manifest.tables[0], name="colours")
    with pytest.raises(Invalid, match="'colours'"):
        Restorer(open_engine("duckdb"), catalog, TABLES).run(attrs.evolve(manifest, tables=(stranger,)))


def test_backup_of_an_older_program_fills_new_columns_with_their_defaults(engine, catalog, clock, open_engine):
    older = attrs.evolve(FASTPATH, columns=FASTPATH.columns[:-3], indexes=(), ranges=())
    manifest = BackupMaker(engine, catalog, clock, "0").run([older])
    copy = open_engine("duckdb")
    assert Restorer(copy, catalog, TABLES).run(manifest) == 124
    assert copy.query("SELECT DISTINCT ruleset FROM fastpath").tuples == [("",)]


def test_old_runs_and_the_objects_only_they_use_are_forgotten(maker, engine, catalog, objects):
    runs = []
    for number in range(3):
        engine.insert(
            FASTPATH, [measurement("202602", number, anomaly="t", update_time=EARLY + timedelta(days=number))]
        )
        runs.append(maker.run(TABLES_FILLED))
    gone = catalog.prune(2)
    assert catalog.runs() == [runs[1].run, runs[2].run]
    assert all(runs[0].run in key for key in gone)
    assert list(catalog.verify(catalog.manifest())) == []
    assert list(catalog.verify(catalog.manifest(runs[1].run))) == []
    assert catalog.prune(2) == []
    with pytest.raises(Invalid):
        catalog.prune(0)


def test_two_runs_within_one_second_are_refused(maker, clock):
    @attrs.define
    class Stopped:
        instant: datetime

        def now(self):
            return self.instant

    stopped = attrs.evolve(maker, clock=Stopped(clock.now()))
    stopped.run([JSONL])
    with pytest.raises(Conflict, match="already"):
        stopped.run([JSONL])


def test_store_without_backups_has_none(catalog, objects):
    assert catalog.runs() == []
    with pytest.raises(NotFound, match="no private backup"):
        catalog.manifest()
    objects.put(catalog.manifest_key("x"), b"{}")
    with pytest.raises(Invalid, match="not the manifest"):
        catalog.manifest("x")


def test_manifest_under_another_name_or_of_another_version_is_refused(maker, catalog, objects):
    manifest = maker.run([JSONL])
    objects.put(catalog.manifest_key("20200101T000000Z"), manifest.content)
    with pytest.raises(Invalid, match="says that it is"):
        catalog.manifest("20200101T000000Z")
    with pytest.raises(Invalid, match="version 2"):
        BackupManifest.parse(manifest.content.replace(b'"version": 1', b'"version": 2'))


class TestPublicExport:
    @pytest.fixture
    def public(self, objects):
        return BackupCatalog(objects, "public")

    def test_files_have_the_known_names_and_stale_ones_go(self, engine, public, objects):
        for stale in ("fastpath_201201", "jsonl_7", "fastpath_extra", "citizenlab"):
            objects.put(f"clickhouse_export/csv/{stale}.csv.zstd", b"old")
            objects.put(f"clickhouse_export/parquet/{stale}.parquet", b"old")
        written, removed = PublicExport(engine, public, jsonl_rows=2).run([FASTPATH, JSONL])
        names = ["fastpath_202601", "fastpath_202602", "fastpath_202603", "jsonl_0", "jsonl_1", "jsonl_2"]
        forms = [("clickhouse_export/csv/", ".csv.zstd"), ("clickhouse_export/parquet/", ".parquet")]
        expected = [f"{folder}{name}{ending}" for folder, ending in forms for name in names]
        assert [stored.key for stored in written] == expected
        assert [stored.rows for stored in written] == [40, 44, 40, 2, 2, 1] * 2
        gone = [f"{folder}{name}{ending}" for folder, ending in forms for name in ("fastpath_201201", "jsonl_7")]
        assert list(removed) == gone
        assert objects.get("clickhouse_export/csv/citizenlab.csv.zstd") == b"old"

    def test_months_are_those_of_the_measurement_and_days_at_their_edges_are_in_the_right_file(
        self, engine, public, objects
    ):
        edge = datetime(2026, 12, 31, 23, 59, 59), datetime(2027, 1, 1)
        engine.insert(FASTPATH, [measurement("202605", n, measurement_start_time=edge[n]) for n in (0, 1)])
        written, _ = PublicExport(engine, public).run([FASTPATH])
        files = {stored.key.rpartition("/")[2]: stored.rows for stored in written}
        for ending in ("csv.zstd", "parquet"):
            assert files[f"fastpath_202612.{ending}"] == files[f"fastpath_202701.{ending}"] == 1

    def test_parquet_holds_the_same_rows_as_csv_for_readers_no_one_here_wrote(self, engine, public, objects, tmp_path):
        import duckdb

        PublicExport(engine, public).run([FASTPATH])
        for name, ending in (("csv", "csv.zstd"), ("parquet", "parquet")):
            (tmp_path / f"x.{ending}").write_bytes(objects.get(f"clickhouse_export/{name}/fastpath_202601.{ending}"))
        with duckdb.connect() as db:
            columns = "measurement_uid, probe_cc, probe_asn, anomaly, measurement_start_time, test_runtime"
            options = "compression='zstd', types={'anomaly': 'VARCHAR'}"
            csv = db.sql(f"SELECT {columns} FROM read_csv('{tmp_path}/x.csv.zstd', {options}) ORDER BY measurement_uid")
            parquet = db.sql(f"SELECT {columns} FROM '{tmp_path}/x.parquet' ORDER BY measurement_uid")
            rows = csv.fetchall()
            assert len(rows) == 40
            assert rows == parquet.fetchall()
            assert "update_time" not in db.sql(f"DESCRIBE FROM '{tmp_path}/x.parquet'").df()["column_name"].tolist()

    def test_export_replaces_the_previous_one_and_is_listed_in_the_manifest(self, engine, public, clock):
        maker = BackupMaker(engine, public, clock, "1", export=PublicExport(engine, public))
        maker.run([FASTPATH])
        engine.insert(FASTPATH, [measurement("202601", 77)])
        manifest = maker.run([FASTPATH])
        assert sum(export.rows for export in manifest.exports) == 2 * 125
        assert list(public.verify(manifest)) == []

    def test_columns_are_named_and_the_materialized_one_is_left_out(self, engine, public, objects):
        import zstandard

        PublicExport(engine, public).run([FASTPATH])
        content = objects.get("clickhouse_export/csv/fastpath_202601.csv.zstd")
        text = zstandard.ZstdDecompressor().decompressobj().decompress(content).decode()
        head = text.split("\n", 1)[0]
        assert head.startswith('"measurement_uid","report_id","input"')
        assert "update_time" not in head
        assert f'"{uid("202601", 0)}","report 0","plain","IT",4294967295' in text

    @pytest.mark.parametrize(
        "table", [table for table in TABLES.values() if table not in PUBLIC_TABLES], ids=lambda t: t.name
    )
    def test_no_other_table_ever_leaves(self, table, engine, public, clock, objects):
        with pytest.raises(Forbidden, match="not public"):
            PublicExport(engine, public).run([FASTPATH, table])
        with pytest.raises(Forbidden, match="not public"):
            BackupMaker(engine, public, clock, "1").run([table])
        assert list(objects.keys("")) == []

    def test_no_public_table_is_private(self):
        assert not any(table.private for table in PUBLIC_TABLES)
        assert MSMT_FEEDBACK not in PUBLIC_TABLES
