"""``ooni reprocess``: published files in, the same rows as the service would have written out."""

import gzip
import json
import os
import signal as signals
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ooni_adapters.database import open_database
from ooni_adapters.executors.inprocess import InProcess
from ooni_adapters.measurementfiles.published import Selection
from ooni_adapters.measurementfiles.remote import PublishedFiles
from ooni_core.scoring import Outcome
from ooni_entrypoints.cli import cli
from ooni_entrypoints.scoring_runs.judging import EngineChoice, Judge
from ooni_entrypoints.scoring_runs.objects import one_form_each, stored_objects
from ooni_entrypoints.scoring_runs.reprocessing import Rescoring, reprocess
from tests.archives import tar
from tests.contract.cli_scoring.samples import blocked_page, line, signal, uid, write_fingerprints


def put(bucket: Path, key: str, content: bytes) -> None:
    (bucket / key).parent.mkdir(parents=True, exist_ok=True)
    (bucket / key).write_bytes(content)


def postcan(bodies: dict[str, bytes]) -> bytes:
    return gzip.compress(tar({f"2024010203_IT_signal/{name}.post": body for name, body in bodies.items()}))


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    """Three batches of two days: one in all its forms, one as lines with an index, one of another country."""
    folder = tmp_path / "bucket"
    first = {uid(n): line(signal(n)) for n in range(3)} | {uid(9): b"[]", uid(8): line(signal(8, probe_cc="ZZ"))}
    stem = "raw/20240102/03/IT/signal/2024010203_IT_signal.n0.0"
    put(folder, f"{stem}.tar.gz", postcan(first))
    put(folder, f"{stem}.jsonl.gz", gzip.compress(b"".join(line(signal(n)) for n in range(3)) + b"{}\n{}\n"))
    stem = "raw/20240102/04/IT/webconnectivity/2024010204_IT_webconnectivity.n0.0"
    put(folder, f"{stem}.jsonl.gz", gzip.compress(b"".join(line(blocked_page(n)) for n in range(2))))
    index = [{"measurement_uid": uid(n, test="webconnectivity", hour="2024010204"), "linenum": n} for n in range(2)]
    put(folder, f"{stem}.index.ndjson.gz", gzip.compress(b"".join(map(line, index))))
    put(
        folder,
        "raw/20240103/00/US/signal/2024010300_US_signal.n0.0.tar.gz",
        postcan({uid(5, cc="US", hour="2024010300"): line(signal(5, probe_cc="US"))}),
    )
    return folder


@pytest.fixture
def run(tmp_path: Path, bucket: Path):
    fingerprints = write_fingerprints(tmp_path / "fingerprints")

    def run(*arguments: str, days: tuple[str, str] = ("2024-01-02", "2024-01-04")) -> Result:
        settings = ["--set", f"storage.data_dir={tmp_path}", "--set", f"storage.objects=file://{bucket}"]
        period = ["--start-day", days[0], "--end-day", days[1]]
        every = [*settings, "reprocess", *period, "--fingerprints", str(fingerprints), *arguments]
        return CliRunner().invoke(cli, every, catch_exceptions=False)

    return run


def stored(tmp_path: Path) -> dict[str, dict]:
    engine = open_database(f"duckdb://{tmp_path}/ooni.duckdb")
    try:
        rows = engine.query("SELECT measurement_uid, probe_cc, test_name, confirmed, ruleset FROM fastpath").dicts()
    finally:
        engine.close()
    assert len(rows) == len({row["measurement_uid"] for row in rows})
    return {row["measurement_uid"]: row for row in rows}


class TestRuns:
    def test_every_published_measurement_gets_its_verdict_under_its_name(self, run, tmp_path: Path):
        result = run()
        assert result.exit_code == 3
        assert "6 stored, 1 discarded, 1 quarantined (bad_envelope 1)" in result.output
        rows = stored(tmp_path)
        pages = [uid(n, test="webconnectivity", hour="2024010204") for n in range(2)]
        assert set(rows) == {*map(uid, range(3)), *pages, uid(5, cc="US", hour="2024010300")}
        assert [rows[name]["confirmed"] for name in pages] == ["t", "t"]

    def test_unscorable_measurements_are_listed_in_quarantine(self, run, tmp_path: Path):
        run()
        engine = open_database(f"duckdb://{tmp_path}/ooni.duckdb")
        found = engine.query("SELECT measurement_uid FROM fastpath_quarantine").tuples
        engine.close()
        assert found == [(uid(9),)]

    def test_repeating_adds_nothing_and_replaces_verdicts(self, run, tmp_path: Path):
        run()
        before = stored(tmp_path)
        run("--ruleset", "2023-09")
        after = stored(tmp_path)
        assert before.keys() == after.keys()
        assert {row["ruleset"] for row in after.values()} == {"2023-09"}

    def test_two_jobs_store_the_same(self, run, tmp_path: Path):
        run()
        before = stored(tmp_path)
        (tmp_path / "ooni.duckdb").unlink()
        run("--jobs", "2")
        assert stored(tmp_path) == before

    def test_nothing_is_written_when_told_so(self, run, tmp_path: Path):
        assert "6 stored" in run("--no-write-to-db").output
        assert not (tmp_path / "ooni.duckdb").exists()


class TestSelecting:
    def test_end_day_is_left_out(self, run, tmp_path: Path):
        run(days=("2024-01-02", "2024-01-03"))
        assert {row["probe_cc"] for row in stored(tmp_path).values()} == {"IT"}

    def test_countries_and_nettests_in_any_spelling(self, run, tmp_path: Path):
        assert run("--ccs", "it,us", "--testnames", "web_connectivity").exit_code == 0
        assert {row["test_name"] for row in stored(tmp_path).values()} == {"web_connectivity"}

    def test_cans_that_mix_countries_are_filtered_after_reading(self, run, bucket: Path, tmp_path: Path):
        lines = b"".join(line(signal(n, probe_cc=cc)) for n, cc in enumerate(("IT", "US", "it")))
        put(bucket, "canned/2019-05-05/signal.0.tar.lz4", tar_lz4({"a.json": lines}))
        run("--ccs", "IT", days=("2019-05-05", "2019-05-06"))
        assert sorted(row["probe_cc"] for row in stored(tmp_path).values()) == ["IT", "it"]
        assert all(name.startswith("0120240102") for name in stored(tmp_path))

    def test_stops_after_a_number_of_measurements(self, run):
        assert "2 stored, 0 discarded, 0 quarantined" in run("--stop-after", "2").output

    def test_days_without_files_are_said(self, run):
        result = run(days=("2025-01-01", "2025-01-02"))
        assert (result.exit_code, "Nothing is published" in result.output) == (0, True)

    def test_end_before_start_is_wrong_usage(self, run):
        assert run(days=("2025-01-01", "2025-01-01")).exit_code == 2


def tar_lz4(files: dict[str, bytes]) -> bytes:
    import lz4.frame

    return lz4.frame.compress(tar(files))


def test_damaged_file_is_counted_and_the_others_are_scored(run, bucket: Path, tmp_path: Path):
    path = bucket / "raw/20240102/03/IT/signal/2024010203_IT_signal.n0.0.tar.gz"
    path.write_bytes(path.read_bytes()[:-30])
    result = run()
    assert result.exit_code == 3
    assert "bad_file" in result.output
    assert uid(5, cc="US", hour="2024010300") in stored(tmp_path)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
class TestCluster:
    @pytest.fixture
    def cluster(self) -> Iterator:
        distributed = pytest.importorskip("distributed")
        options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "host": "127.0.0.1"}
        with distributed.LocalCluster(**options, dashboard_address=None, silence_logs=50) as cluster:
            yield cluster

    @pytest.fixture
    def many(self, tmp_path: Path) -> Path:
        for hour in range(24):
            names = [uid(n, hour=f"20240102{hour:02}") for n in range(100)]
            bodies = {name: line(blocked_page(n, padding="x" * 50_000)) for n, name in enumerate(names)}
            key = f"raw/20240102/{hour:02}/IT/signal/20240102{hour:02}_IT_signal.n0.0.jsonl.gz"
            lines = b"".join(line(json.loads(body) | {"measurement_uid": name}) for name, body in bodies.items())
            put(tmp_path / "many", key, gzip.compress(lines, 1))
        return tmp_path / "many"

    def test_rows_are_the_same_after_a_worker_was_killed_half_way(self, cluster, many: Path):
        from ooni_adapters.executors.dask import DaskCluster

        store = PublishedFiles(f"file://{many}")
        files = list(one_form_each(store.find(Selection(date(2024, 1, 2), date(2024, 1, 3)))))
        # One file each, so that there is a half-way.
        tasks = [task for file in files for task in stored_objects(store, [file])]
        work = Rescoring(Judge(EngineChoice()))
        kept: dict[str, list[Outcome]] = {"here": [], "cluster": []}
        reprocess(InProcess(), work, tasks, kept["here"].extend, lambda *_: None)
        done = 0

        def progress(*_: int) -> None:
            nonlocal done
            done += 1
            if done == 8:
                os.kill(cluster.workers[0].process.pid, signals.SIGKILL)

        executor = DaskCluster(cluster.scheduler_address)
        try:
            reprocess(executor, work, tasks, kept["cluster"].extend, progress)
        finally:
            executor.close()
        assert done == 24
        assert len(kept["here"]) == 2400
        assert kept["cluster"] == kept["here"]
