"""``ooni score`` as a researcher uses it."""

import csv
import gzip
import io
import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from ooni_core.scoring import RULESETS
from ooni_entrypoints.cli.score import command
from ooni_entrypoints.scoring_runs.output import json_line
from tests.contract.cli_scoring.samples import blocked_page, line, uid, write_fingerprints
from tests.contract.cli_scoring.samples import signal as measured
from tests.service import PATIENCE_SECONDS, eventually

OONI = [sys.executable, "-c", "from ooni_entrypoints.cli import main; main()"]
KEYS = ["source", "measurement_uid", "outcome", "reason", "scores", "anomaly", "confirmed", "failure", "row"]


def score(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def objects(path: Path) -> list[dict]:
    return [json.loads(text) for text in path.read_text().splitlines()]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


@pytest.fixture
def fingerprints(tmp_path: Path) -> Path:
    return write_fingerprints(tmp_path / "fingerprints")


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """Forty measurements in five files of several kinds, one of them broken."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name, pack in (("a.jsonl", bytes), ("b.jsonl.gz", gzip.compress), ("d.json", bytes)):
        (folder / name).write_bytes(pack(b"".join(line(measured(n, from_=name)) for n in range(13))))
    (folder / f"{uid(7)}.post").write_bytes(line(measured(7)))
    (folder / "c.jsonl").write_bytes(b"{broken\n")
    return folder


class TestObjects:
    def test_stored_measurement_has_verdict_row_and_what_made_it(self, tmp_path: Path, out: Path, fingerprints: Path):
        path = tmp_path / f"{uid(1)}.post"
        path.write_bytes(line(blocked_page()))
        assert score("--fingerprints", fingerprints, "-o", out, path).exit_code == 0
        [written] = objects(out)
        assert list(written)[:9] == KEYS
        assert (written["source"], written["measurement_uid"], written["outcome"]) == (str(path), uid(1), "stored")
        assert (written["reason"], written["anomaly"], written["confirmed"], written["failure"]) == (
            None,
            True,
            True,
            False,
        )
        assert [match["name"] for match in written["scores"]["fingerprints"]] == ["test.page"]
        row = written["row"]
        assert json.loads(row["scores"]) == written["scores"]
        assert (row["measurement_uid"], row["probe_asn"], row["confirmed"]) == (uid(1), 30722, "t")
        assert row["measurement_start_time"] == "2024-01-02 03:04:05"
        assert (written["ruleset"], len(written["fingerprints"])) == ("head", 64)

    def test_discarded_measurement_says_why(self, tmp_path: Path, out: Path):
        (tmp_path / "x.jsonl").write_bytes(line(measured(probe_cc="ZZ")))
        assert score("-o", out, tmp_path / "x.jsonl").exit_code == 0
        [written] = objects(out)
        assert list(written) == KEYS
        assert (written["outcome"], written["row"]) == ("discarded", None)
        assert "ZZ" in written["reason"]

    def test_quarantine_says_why_and_sets_the_exit_status(self, tmp_path: Path, out: Path):
        (tmp_path / "x.jsonl").write_bytes(line(measured()) + b"[]\n")
        result = score("-o", out, tmp_path / "x.jsonl")
        assert result.exit_code == 3
        assert "1 stored, 0 discarded, 1 quarantined (bad_envelope 1)" in result.output
        [_, written] = objects(out)
        assert (written["source"], written["outcome"], written["kind"]) == (
            f"{tmp_path}/x.jsonl#2",
            "quarantined",
            "bad_envelope",
        )
        assert written["reason"]

    def test_unreadable_file_is_in_the_output_too(self, tmp_path: Path, out: Path):
        (tmp_path / "x.jsonl.gz").write_bytes(gzip.compress(line(measured()))[:-20])
        assert score("-o", out, tmp_path / "x.jsonl.gz").exit_code == 3
        assert objects(out)[-1]["kind"] == "bad_file"

    def test_measurement_without_a_name_gets_the_trivial_one(self, tmp_path: Path, out: Path):
        (tmp_path / "x.jsonl").write_bytes(line(measured()))
        score("-o", out, tmp_path / "x.jsonl")
        assert objects(out)[0]["measurement_uid"].startswith("0120240102")

    def test_clock_is_checked_against_the_name(self, tmp_path: Path, out: Path):
        path = tmp_path / f"{uid(1, hour='2023010203')}.post"
        path.write_bytes(line(measured()))
        score("-o", out, path)
        assert objects(out)[0]["scores"]["msg"] == "Measurement start time from the future"

    def test_what_only_lenient_json_can_say_is_written_as_strict_json(self):
        written = {"name": "\ud800", "huge": 2**70, "nan": math.nan, "scores": orjson.Fragment('{"a":1}')}
        assert json_line(written) == b'{"name":"\\ud800","huge":1180591620717411303424,"nan":null,"scores":{"a":1}}\n'

    def test_second_row_of_openvpn_is_there(self, tmp_path: Path, out: Path):
        (tmp_path / "x.jsonl").write_bytes(line(measured(test_name="openvpn", test_keys={"provider": "p"})))
        score("-o", out, tmp_path / "x.jsonl")
        assert objects(out)[0]["obs_openvpn"]["provider"] == "p"


class TestInputs:
    def test_output_is_in_the_order_of_the_input(self, inputs: Path, out: Path):
        score("-o", out, inputs)
        files = [str(inputs / name) for name in (f"{uid(7)}.post", "a.jsonl", "b.jsonl.gz", "c.jsonl", "d.json")]
        places = [written["source"].partition("#") for written in objects(out)]
        assert list(dict.fromkeys(path for path, _, _ in places)) == files
        assert [int(number) for path, _, number in places if path == files[2]] == list(range(1, 14))

    def test_standard_input_is_read(self):
        result = CliRunner().invoke(command, ["-"], input=gzip.compress(line(measured()) * 2))
        assert result.exit_code == 0
        assert [json.loads(text)["source"] for text in result.stdout.splitlines()] == ["-#1", "-#2"]

    def test_output_in_the_same_folder_is_not_read_again(self, inputs: Path):
        first = score("-o", inputs / "out.jsonl", inputs)
        second = score("-o", inputs / "out.jsonl", inputs)
        assert first.output == second.output

    def test_files_that_are_not_read_are_named(self, inputs: Path, out: Path):
        (inputs / "README.md").write_text("x")
        assert "README.md" in score("-o", out, inputs).stderr

    def test_missing_path_is_wrong_usage(self, tmp_path: Path):
        assert score(tmp_path / "nothing").exit_code == 2


class TestJobs:
    def test_two_jobs_write_the_same_bytes_as_one(self, inputs: Path, tmp_path: Path, fingerprints: Path):
        files = ["--fingerprints", fingerprints, inputs]
        assert score("-o", tmp_path / "1.jsonl", *files).exit_code == 3
        assert score("-o", tmp_path / "2.jsonl", "--jobs", 2, *files).exit_code == 3
        assert (tmp_path / "1.jsonl").read_bytes() == (tmp_path / "2.jsonl").read_bytes()

    def test_large_file_of_lines_is_shared_between_jobs(self, tmp_path: Path):
        path = tmp_path / "x.jsonl"
        path.write_bytes(b"".join(line(measured(n, padding="x" * 3000)) + b"\n" * (n % 3) for n in range(4000)))
        score("-o", tmp_path / "1.jsonl", path)
        score("-o", tmp_path / "2.jsonl", "--jobs", 2, path)
        assert len(objects(tmp_path / "1.jsonl")) == 4000
        assert (tmp_path / "1.jsonl").read_bytes() == (tmp_path / "2.jsonl").read_bytes()


class TestFormats:
    def test_csv_has_one_flat_row_each(self, inputs: Path, tmp_path: Path):
        assert score("-o", tmp_path / "out.csv", inputs).exit_code == 3
        rows = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text())))
        assert len(rows) == 41
        assert (rows[0]["measurement_uid"], rows[0]["outcome"], rows[0]["anomaly"]) == (uid(7), "stored", "f")
        assert [row["reason"] != "" for row in rows if row["outcome"] == "quarantined"] == [True]

    def test_parquet_has_typed_columns(self, inputs: Path, tmp_path: Path):
        pq = pytest.importorskip("pyarrow.parquet")
        assert score("--format", "parquet", "-o", tmp_path / "out", inputs).exit_code == 3
        rows = pq.read_table(tmp_path / "out").to_pylist()
        assert len(rows) == 41
        assert (rows[0]["anomaly"], rows[0]["probe_asn"], rows[0]["test_runtime"]) == (False, 30722, 1.5)

    def test_parquet_without_its_library_says_what_to_install(self, inputs: Path, tmp_path: Path, monkeypatch):
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        result = score("-o", tmp_path / "out.parquet", inputs)
        assert result.exit_code != 0
        assert "ooni-backend[parquet]" in str(result.exception) + result.output

    def test_scoring_needs_no_library_of_the_service(self, inputs: Path, out: Path, monkeypatch):
        absent = ["pyarrow", "fsspec", "duckdb", "litestar", "uvicorn", "s3fs", "distributed"]
        program = (
            f"import sys; [sys.modules.__setitem__(n, None) for n in {absent}]\n"
            f"from ooni_entrypoints.cli import cli; cli.main(['score', '-o', {str(out)!r}, {str(inputs)!r}])"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert (done.returncode, len(objects(out))) == (3, 41), done.stderr


class TestRuleSetsAndFingerprints:
    @pytest.mark.parametrize("ruleset", RULESETS)
    def test_every_rule_set_can_be_asked_for(self, inputs: Path, out: Path, ruleset: str):
        score("--ruleset", ruleset, "-o", out, inputs / "a.jsonl")
        assert {written["ruleset"] for written in objects(out)} == {ruleset}

    def test_unknown_rule_set_is_wrong_usage(self, inputs: Path):
        assert score("--ruleset", "tomorrow", inputs).exit_code == 2

    def test_scoring_without_fingerprints_is_said(self, inputs: Path, out: Path):
        assert "No --fingerprints" in score("-o", out, inputs).stderr

    def test_missing_and_impossible_fingerprint_files_are_refused(self, inputs: Path, fingerprints: Path):
        (fingerprints / "fingerprints_dns.csv").write_text("name\nx\n")
        assert "fingerprints_dns" in str(score("--fingerprints", fingerprints, inputs).exception)
        (fingerprints / "fingerprints_dns.csv").unlink()
        assert "fingerprints_dns.csv cannot be read" in str(score("--fingerprints", fingerprints, inputs).exception)


# What runs in the background of a shell, maybe these tests, ignores Ctrl-C, and so does what it starts.
HEEDING_CTRL_C = [
    sys.executable,
    "-c",
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from ooni_entrypoints.cli import main; main()",
]


class TestInterruption:
    @pytest.mark.parametrize("jobs", [1, 2])
    def test_ctrl_c_leaves_a_valid_file_and_resume_completes_it(self, tmp_path: Path, jobs: int):
        lines = [line(blocked_page(number, padding="x" * 1000)) for number in range(6000)]
        many, more, out = tmp_path / "many.jsonl", tmp_path / "more.jsonl", tmp_path / "out.jsonl"
        many.write_bytes(b"".join(lines))
        os.mkfifo(more)  # whose end does not come before Ctrl-C, however long that takes
        run = [*HEEDING_CTRL_C, "score", "-o", str(out), "--jobs", str(jobs), str(many), str(more)]
        process = subprocess.Popen(run, stderr=subprocess.PIPE, text=True, start_new_session=True)
        with more.open("rb+", buffering=0):
            assert eventually(lambda: out.exists() and out.stat().st_size > 100_000)
            os.killpg(process.pid, signal.SIGINT)
        stderr = process.communicate(timeout=PATIENCE_SECONDS)[1]
        assert process.returncode == 130, stderr
        assert "valid as far as it goes" in stderr
        assert objects(out)
        more.unlink()
        more.write_bytes(b"".join(lines[:1000]))
        assert score("-o", out, "--resume", "--jobs", jobs, many, more).exit_code == 0
        sources = [f"{path}#{number}" for path, count in ((many, 6000), (more, 1000)) for number in range(1, count + 1)]
        assert [item["source"] for item in objects(out)] == sources

    def test_resume_after_a_power_cut_drops_the_half_line(self, inputs: Path, tmp_path: Path):
        whole, cut = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
        score("-o", whole, inputs)
        for kept in (0, 100, whole.stat().st_size // 2, whole.stat().st_size - 1, whole.stat().st_size):
            cut.write_bytes(whole.read_bytes()[:kept])
            score("-o", cut, "--resume", inputs)
            assert cut.read_bytes() == whole.read_bytes()

    def test_resume_of_a_file_that_is_not_there_begins_it(self, inputs: Path, out: Path):
        assert score("-o", out, "--resume", inputs).exit_code == 3
        assert len(objects(out)) == 41

    def test_resume_with_other_input_is_refused(self, inputs: Path, tmp_path: Path, out: Path):
        score("-o", out, inputs / "a.jsonl")
        result = score("-o", out, "--resume", inputs / "b.jsonl.gz")
        assert "made from other files" in str(result.exception)
        assert len(objects(out)) == 13
