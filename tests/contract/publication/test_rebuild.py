"""Tables made again from published files alone have equal rows."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import lz4.frame
import pytest
from click.testing import CliRunner

from ooni_core.measurement import MeasurementUid, trivial_uid
from ooni_entrypoints import demo
from ooni_entrypoints.cli import cli
from ooni_entrypoints.composition import make_archive, make_spool, open_cans, open_objects, open_publication
from ooni_entrypoints.settings import Settings, StorageSettings
from ooni_entrypoints.storage import open_storage
from tests.archives import tar

NOW = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(storage=StorageSettings(data_dir=tmp_path / "data"))


def rows(settings: Settings, table: str) -> list[dict[str, object]]:
    with open_storage(settings) as storage:
        found = list(storage.engine.query(f"SELECT * FROM {table} ORDER BY measurement_uid").dicts())
    return [{name: value for name, value in row.items() if name != "update_time"} for row in found]


def publish_samples(settings: Settings) -> int:
    """Publish the invented samples, and two bodies that are nothing; return how many bodies there were."""
    spool = make_spool(settings)
    documents = demo.measurements(NOW)
    bodies = [json.dumps({"format": "json", "content": document}).encode() for document in documents]
    bodies += [
        b'{"format":"json","content":"nothing"}',
        b'{"format":"json","content":{"test_name":"web_connectivity"}}',
    ]
    for number, body in enumerate(bodies):
        uid = MeasurementUid.mint(NOW + timedelta(minutes=number), ("IT", "BR")[number % 2], "webconnectivity", body)
        spool.put(uid, body)
    with open_publication(settings) as publication:
        report = publication.run(include_open_hour=True)
    assert report.problems == ()
    return len(bodies)


def rebuild(settings: Settings, *arguments: str) -> str:
    storage = settings.storage
    given = ["--set", f"storage.data_dir={storage.data_dir}", "--set", f"storage.objects={storage.objects}"]
    result = CliRunner().invoke(cli, [*given, "rebuild", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def elsewhere(settings: Settings, folder: Path) -> Settings:
    """The same published files, nothing else."""
    objects = f"file://{settings.storage.data_dir}/objects"
    return attrs.evolve(settings, storage=StorageSettings(data_dir=folder, objects=objects))


def test_rebuilt_tables_have_equal_rows(settings: Settings, tmp_path: Path) -> None:
    count = publish_samples(settings)
    again = elsewhere(settings, tmp_path / "again")
    assert f"{count} bodies" in rebuild(again)
    for table in ("fastpath", "jsonl"):
        before = rows(settings, table)
        assert len(before) > 5
        assert rows(again, table) == before


def test_rebuilding_over_existing_rows_changes_nothing(settings: Settings) -> None:
    publish_samples(settings)
    before = rows(settings, "jsonl"), rows(settings, "fastpath")
    rebuild(attrs.evolve(settings, storage=elsewhere(settings, settings.storage.data_dir).storage))
    assert (rows(settings, "jsonl"), rows(settings, "fastpath")) == before


def test_only_the_asked_days_are_rebuilt(settings: Settings, tmp_path: Path) -> None:
    publish_samples(settings)
    again = elsewhere(settings, tmp_path / "again")
    rebuild(again, "--end-day", "2026-03-04")
    assert rows(again, "jsonl") == []
    rebuild(again, "--start-day", "2026-03-04", "--end-day", "2026-03-05", "--index-only")
    assert rows(again, "jsonl") == rows(settings, "jsonl")
    assert rows(again, "fastpath") == []


def test_files_of_an_older_writer_are_indexed_from_the_postcan(settings: Settings, tmp_path: Path) -> None:
    publish_samples(settings)
    objects = open_objects(settings)
    for key in list(objects.keys("raw")):
        if key.endswith(".index.ndjson.gz"):
            objects.delete(key)
    again = elsewhere(settings, tmp_path / "again")
    rebuild(again)
    ranges = {"member_offset": None, "member_length": None, "line_in_member": None}
    assert [row | ranges for row in rows(settings, "jsonl")] == rows(again, "jsonl")


def test_files_of_lines_from_before_october_2020_are_rebuilt_and_fetched(settings: Settings) -> None:
    objects = open_objects(settings)
    documents = [{**each, "measurement_start_time": "2019-03-04 10:00:00"} for each in demo.measurements(NOW)[:4]]
    lines = [json.dumps(document).encode() for document in documents]
    uids = [trivial_uid(line + b"\n", "2019-03-04 10:00:00") for line in lines]
    named = "01" + "20190304" + "a" * 30
    lines[3] = json.dumps({**documents[3], "measurement_uid": named}).encode()
    uids[3] = named
    folder = "jsonl/webconnectivity/IT/20190304/00/20190304_IT_webconnectivity"
    files = {f"{folder}.l.0.jsonl.gz": lines[:3], f"{folder}.x.0123456789abcdef.jsonl.gz": [lines[0], b"{}", lines[3]]}
    for key, content in files.items():
        objects.put(key, gzip.compress(b"\n".join([*content, b""])))
    objects.put(f"{folder}.l.1.jsonl.gz", b"damaged")
    storage = settings.storage
    given = ["--set", f"storage.data_dir={storage.data_dir}"]
    result = CliRunner().invoke(cli, [*given, "rebuild"], catch_exceptions=False)
    assert result.exit_code == 1
    assert f"{folder}.l.1.jsonl.gz: damaged gzip data" in result.output
    index = {row["measurement_uid"]: (row["s3path"], row["linenum"]) for row in rows(settings, "jsonl")}
    first, second = files
    assert index == {uids[0]: (second, 0), uids[1]: (first, 1), uids[2]: (first, 2), named: (second, 2)}
    assert [row["measurement_uid"] for row in rows(settings, "fastpath")] == sorted(uids)
    with open_storage(settings) as opened:
        archive = make_archive(settings, opened, make_spool(settings), objects)
        assert [archive.find(uid) for uid in uids] == lines


@pytest.mark.parametrize("elsewhere", [False, True], ids=["beside other files", "in a store of their own"])
def test_cans_are_rebuilt_and_fetched_where_nothing_newer_holds_them(settings: Settings, elsewhere: bool) -> None:
    data_dir = settings.storage.data_dir
    cans = f"file://{data_dir}/cans" if elsewhere else ""
    settings = attrs.evolve(settings, storage=attrs.evolve(settings.storage, cans=cans))
    objects = open_objects(settings)
    documents = [{**each, "measurement_start_time": "2019-03-04 10:00:00"} for each in demo.measurements(NOW)[:4]]
    lines = [json.dumps(document).encode() for document in documents]
    uids = [trivial_uid(line + b"\n", "2019-03-04 10:00:00") for line in lines]
    report, can, lost = (
        f"canned/2019-03-04/{name}.lz4"
        for name in ("20190304T000000Z-IT-AS1-web_connectivity-x.json", "web_connectivity.0.tar", "signal.0.tar")
    )
    first = b"\n".join([lines[0], b"no measurement", b"[]", lines[1], b""])
    whole = lz4.frame.compress(tar({"a.json": lines[2] + b"\n", "b.json": lines[3] + b"\n", "index": b""}))
    store = open_cans(settings, objects)
    store.put(report, lz4.frame.compress(first))
    store.put(can, whole)
    store.put(lost, whole[: len(whole) // 2])
    store.put("canned/2019-03-04/index.json.gz", gzip.compress(b"{}"))
    newer = "jsonl/webconnectivity/IT/20190304/00/20190304_IT_webconnectivity.l.0.jsonl.gz"
    objects.put(newer, gzip.compress(lines[3] + b"\n"))
    given = ["--set", f"storage.data_dir={data_dir}", "--set", f"storage.cans={cans}"]
    result = CliRunner().invoke(cli, [*given, "rebuild", "--start-day", "2019-03-04"], catch_exceptions=False)
    assert result.exit_code == 1
    assert f"{lost}: " in result.output
    index = {row["measurement_uid"]: (row["s3path"], row["source"]) for row in rows(settings, "jsonl")}
    assert index == {uids[0]: (report, report), uids[1]: (report, report), uids[2]: (can, can), uids[3]: (newer, "")}
    assert [row["measurement_uid"] for row in rows(settings, "fastpath")] == sorted(uids)
    with open_storage(settings) as opened:
        archive = make_archive(settings, opened, make_spool(settings), objects)
        assert [archive.find(uid) for uid in uids] == lines


def test_a_damaged_postcan_is_told_and_stops_no_other(settings: Settings, tmp_path: Path) -> None:
    publish_samples(settings)
    objects = open_objects(settings)
    damaged = next(key for key in objects.keys("raw") if key.endswith(".tar.gz"))
    content = objects.get(damaged)
    objects.delete(damaged)
    objects.put(damaged, content[: len(content) // 2])
    again = elsewhere(settings, tmp_path / "again").storage
    given = ["--set", f"storage.data_dir={again.data_dir}", "--set", f"storage.objects={again.objects}"]
    result = CliRunner().invoke(cli, [*given, "rebuild"], catch_exceptions=False)
    assert result.exit_code == 1
    assert "1 batches read" in result.output
