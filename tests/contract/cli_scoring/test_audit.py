"""``ooni audit``: published verdicts in every form, right and wrong."""

import csv
import gzip
import json
import threading
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner, Result

from ooni_adapters.measurementfiles import find_files, read_file
from ooni_core.scoring import Engine, FingerprintSet, Stored
from ooni_entrypoints.cli.audit import command
from ooni_entrypoints.cli.score import command as score_command
from ooni_entrypoints.scoring_runs.output import row_columns
from tests.contract.cli_scoring.samples import (
    DNS_FINGERPRINTS,
    HTTP_FINGERPRINTS,
    blocked_page,
    line,
    signal,
    uid,
    write_fingerprints,
)
from tests.embedded_clickhouse import chdb_url


@pytest.fixture
def fingerprints(tmp_path: Path) -> Path:
    return write_fingerprints(tmp_path / "fingerprints")


@pytest.fixture
def published(tmp_path: Path) -> Path:
    folder = tmp_path / "published"
    folder.mkdir()
    for number in range(6):
        measurement = blocked_page(number) if number % 2 else signal(number)
        (folder / f"{uid(number)}.post").write_bytes(line(measurement))
    return folder


@pytest.fixture
def rows(published: Path) -> list[dict]:
    """The rows that were published, by the rules of the service."""
    engine = Engine(FingerprintSet.from_csv(DNS_FINGERPRINTS, HTTP_FINGERPRINTS))
    outcomes = [
        engine.score(e.body, e.measurement_uid) for f in find_files([str(published)]) for e in read_file(f.path)
    ]
    return [row_columns(outcome.row) for outcome in outcomes if isinstance(outcome, Stored)]


def write_csv(path: Path, rows: list[dict]) -> Path:
    pack = gzip.open if path.suffix == ".gz" else open
    with pack(path, "wt", newline="") as out:
        writer = csv.DictWriter(out, rows[0])
        writer.writeheader()
        writer.writerows({**row, "ooni_run_link_id": "\\N"} for row in rows)
    return path


def audit(published: object, against: object, fingerprints: Path, *more: str) -> Result:
    arguments = ["--published", str(published), "--against", str(against), "--fingerprints", str(fingerprints), *more]
    return CliRunner().invoke(command, arguments)


class TestFiles:
    @pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz"])
    def test_equal_verdicts_agree(
        self, published: Path, rows: list[dict], fingerprints: Path, tmp_path: Path, name: str
    ):
        result = audit(published, write_csv(tmp_path / name, rows), fingerprints)
        assert result.exit_code == 0, result.output
        assert "6 measurements: 6 agree, 0 differ, 0 have no published verdict" in result.output

    @pytest.mark.parametrize("format", ["jsonl", "csv", "parquet"])
    def test_output_of_scoring_is_a_table_of_verdicts(
        self, published: Path, fingerprints: Path, tmp_path: Path, format: str
    ):
        out = tmp_path / f"verdicts.{format}"
        CliRunner().invoke(score_command, ["--fingerprints", str(fingerprints), "-o", str(out), str(published)])
        assert audit(published, out, fingerprints).exit_code == 0

    def test_changed_verdict_is_found_and_explained(
        self, published: Path, rows: list[dict], fingerprints: Path, tmp_path: Path
    ):
        rows[1]["confirmed"] = "f"
        rows[1]["scores"] = json.dumps(json.loads(rows[1]["scores"]) | {"blocking_isp": 0.0})
        result = audit(published, write_csv(tmp_path / "rows.csv", rows), fingerprints, "--json")
        assert result.exit_code == 3
        found = json.loads(result.stdout)
        assert (found["measurements"], found["agree"], found["differ"]) == (6, 5, 1)
        assert found["by_field"] == {"confirmed": 1, "scores": 1}
        assert found["by_test_name"]["web_connectivity"] == {"agree": 2, "differ": 1}
        assert found["by_probe_cc"] == {"IT": {"agree": 5, "differ": 1}}
        [difference] = found["differing"]
        assert (difference["measurement_uid"], difference["fields"]["confirmed"]) == (uid(1), [False, True])

    def test_missing_verdict_is_found(self, published: Path, rows: list[dict], fingerprints: Path, tmp_path: Path):
        result = audit(published, write_csv(tmp_path / "rows.csv", rows[1:]), fingerprints)
        assert result.exit_code == 3
        assert f"{uid(0)}: no published verdict" in result.output

    def test_verdict_for_what_must_be_left_out_is_found(
        self, published: Path, rows: list[dict], fingerprints: Path, tmp_path: Path
    ):
        (published / f"{uid(0)}.post").write_bytes(line(signal(0, probe_cc="ZZ")))
        result = audit(published, write_csv(tmp_path / "rows.csv", rows), fingerprints)
        assert "outcome: published stored, scored Ignoring measurement with probe_cc=ZZ" in result.output

    def test_measurement_left_out_on_both_sides_agrees(
        self, published: Path, rows: list[dict], fingerprints: Path, tmp_path: Path
    ):
        (published / f"{uid(0)}.post").write_bytes(line(signal(0, probe_cc="ZZ")))
        assert audit(published, write_csv(tmp_path / "rows.csv", rows[1:]), fingerprints).exit_code == 0

    def test_single_precision_run_time_is_equal(
        self, published: Path, rows: list[dict], fingerprints: Path, tmp_path: Path
    ):
        rows[0]["test_runtime"] = 1.50000003
        assert audit(published, write_csv(tmp_path / "rows.csv", rows), fingerprints).exit_code == 0

    def test_file_without_uids_is_refused(self, published: Path, fingerprints: Path, tmp_path: Path):
        (tmp_path / "x.csv").write_text("a,b\n1,2\n")
        result = audit(published, tmp_path / "x.csv", fingerprints)
        assert "measurement_uid" in str(result.exception)


class TestRuleSets:
    @pytest.fixture
    def old(self, published: Path, tmp_path: Path) -> list[dict]:
        """A row that only the rules of 2023 give."""
        for path in published.iterdir():
            path.unlink()
        riseup = signal(0, test_name="riseupvpn", test_keys={"ca_cert_status": False, "failing_gateways": None})
        (published / f"{uid(0)}.post").write_bytes(line(riseup))
        outcome = Engine(ruleset="2023-09").score(line(riseup), uid(0))
        assert outcome.row.scores != Engine().score(line(riseup), uid(0)).row.scores
        return [row_columns(outcome.row)]

    def test_all_are_tried_when_the_verdict_names_none(self, published: Path, old: list[dict], fingerprints, tmp_path):
        result = audit(published, write_csv(tmp_path / "rows.csv", old), fingerprints, "--json")
        assert result.exit_code == 0
        assert json.loads(result.stdout)["by_ruleset"]["2023-09"] == 1

    def test_the_one_that_the_verdict_names_is_binding(self, published: Path, old: list[dict], fingerprints, tmp_path):
        rows = [row | {"ruleset": "head"} for row in old]
        assert audit(published, write_csv(tmp_path / "rows.csv", rows), fingerprints).exit_code == 3

    def test_one_can_be_chosen(self, published: Path, old: list[dict], fingerprints, tmp_path):
        path = write_csv(tmp_path / "rows.csv", old)
        assert audit(published, path, fingerprints, "--ruleset", "head").exit_code == 3
        assert audit(published, path, fingerprints, "--ruleset", "2023-09").exit_code == 0


class TestJobs:
    def test_two_processes_find_the_same(self, published: Path, rows: list[dict], fingerprints: Path, tmp_path: Path):
        rows[3]["anomaly"] = "f"
        path = write_csv(tmp_path / "rows.csv", rows[:5])
        one, two = (audit(published, path, fingerprints, "--json", "--jobs", jobs) for jobs in ("1", "2"))
        assert json.loads(one.stdout) == json.loads(two.stdout)


class TestPlaces:
    def test_published_files_are_read_from_a_url(self, published: Path, rows: list[dict], fingerprints: Path, tmp_path):
        folder = tmp_path / "bucket/raw/20240102/03/IT/signal"
        folder.mkdir(parents=True)
        lines = b"".join(
            line(json.loads(path.read_bytes()) | {"measurement_uid": path.stem}) for path in sorted(published.iterdir())
        )
        (folder / "2024010203_IT_signal.n0.0.jsonl.gz").write_bytes(gzip.compress(lines))
        days = ("--start-day", "2024-01-02", "--end-day", "2024-01-03")
        result = audit(f"file://{tmp_path}/bucket", write_csv(tmp_path / "rows.csv", rows), fingerprints, *days)
        assert (result.exit_code, "6 agree" in result.output) == (0, True), result.output

    def test_url_needs_days(self, rows: list[dict], fingerprints: Path, tmp_path: Path):
        result = audit("file:///nowhere", write_csv(tmp_path / "rows.csv", rows), fingerprints)
        assert "--start-day" in str(result.exception)

    @pytest.mark.parametrize("engine_name", ["duckdb", "clickhouse"])
    def test_database(
        self, engine_name: str, chdb: object, published: Path, rows: list[dict], fingerprints: Path, tmp_path: Path
    ):
        from ooni_adapters.database import open_database
        from ooni_adapters.sql.tables import FASTPATH

        url = f"duckdb://{tmp_path}/x.duckdb" if engine_name == "duckdb" else chdb_url("storage")
        engine = open_database(url)
        times = ("test_start_time", "measurement_start_time")
        engine.insert(FASTPATH, [row | {t: datetime.fromisoformat(row[t]) for t in times} for row in rows[:5]])
        engine.close()
        result = audit(published, url, fingerprints, "--json")
        found = json.loads(result.stdout)
        assert (found["agree"], found["differing"], found["not_published"]) == (5, [], [uid(5)])

    @pytest.fixture
    def api(self, rows: list[dict]) -> Iterator[str]:
        by_uid = {row["measurement_uid"]: row for row in rows}

        class Handler(BaseHTTPRequestHandler):
            asked = 0

            def do_GET(self) -> None:
                Handler.asked += 1
                [wanted] = parse_qs(urlsplit(self.path).query)["measurement_uid"]
                row = by_uid.get(wanted)
                answer = {"raw_measurement": None} if row is None else answer_of(row)
                # The first answer is a failure that is worth asking again.
                self.send_response(503 if Handler.asked == 1 else 200)
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        server.server_close()
        thread.join()

    def test_api(self, published: Path, rows: list[dict], api: str, fingerprints: Path):
        rows[2]["anomaly"] = "t"
        result = audit(published, api, fingerprints, "--json")
        found = json.loads(result.stdout)
        assert (found["agree"], found["by_field"]) == (5, {"anomaly": 1})


def answer_of(row: dict) -> dict:
    """Spell a row as the API does."""
    flags = {
        "anomaly": row["anomaly"] == "t",
        "confirmed": row["confirmed"] == "t",
        "failure": row["msm_failure"] == "t",
    }
    times = {name: row[name].replace(" ", "T") + "Z" for name in ("test_start_time", "measurement_start_time")}
    names = ("input", "measurement_uid", "probe_asn", "probe_cc", "report_id", "scores", "test_name")
    return {name: row[name] for name in names} | flags | times | {"category_code": "MISC"}
