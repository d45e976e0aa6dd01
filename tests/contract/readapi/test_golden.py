"""The recorded answers of the reference implementation, on every engine; corrections are named in the documentation."""

import csv
import importlib.util
import json
import re
from email.message import Message
from pathlib import Path

import pytest
from click.testing import CliRunner

from ooni_adapters.database import open_database
from ooni_adapters.sql.catalog import SqlCatalog
from ooni_adapters.sql.catalog_rollups import SqlRollups
from ooni_entrypoints.cli import cli
from tests.contract.readapi.application import FixedClock, client
from tests.contract.readapi.stores import ENGINES
from tests.embedded_clickhouse import chdb_url

pytestmark = pytest.mark.shared_data
GROUPS = ("measurements", "single", "misc", "aggregation", "private")
TABLES = {
    "fastpath": "fastpath_20k.csv.gz",
    "citizenlab": "citizenlab.csv",
    "asnmeta": "asnmeta.csv.gz",
    "test_groups": "test_groups.csv",
}
# Routes of other areas that were recorded in the same groups.
ELSEWHERE = {"misc-health", "priv-046", "priv-047"}


def corrections():
    page = Path(__file__).resolve().parents[3] / "docs" / "api-differences.md"
    return set(re.findall(r"`((?:msm|one|misc|agg|priv)-[a-z0-9-]+)`", page.read_text()))


def read(path):
    with path.open() as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(params=ENGINES)
def database(request, tmp_path, recorded):
    """A database that `ooni import` filled with the recorded tables, rolled up as the service does."""
    url = {"duckdb": f"duckdb://{tmp_path}/ooni.duckdb", "chdb": chdb_url("golden")}[request.param]
    for table, name in TABLES.items():
        options = ["--set", f"storage.data_dir={tmp_path}", "--set", f"storage.database={url}"]
        loaded = CliRunner().invoke(cli, [*options, "import", table, str(recorded[0] / name)])
        assert loaded.exit_code == 0, loaded.output
    engine = open_database(url)
    SqlRollups(engine, FixedClock()).refresh()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def recorded(shared_data):
    folder = shared_data / "golden_api"
    spec = importlib.util.spec_from_file_location("check_golden", folder / "check_golden.py")
    checker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(checker)
    cases = [case for group in GROUPS for case in json.loads((folder / f"{group}.json").read_text())["cases"]]
    return folder / "data", checker, [case for case in cases if case["id"] not in ELSEWHERE]


def bodies(folder):
    files = json.loads((folder / "bodies.json").read_text())
    return {r["measurement_uid"]: files[r["s3path"]][int(r["linenum"])].encode() for r in read(folder / "jsonl.csv")}


def test_recorded_requests_have_their_recorded_answers(database, recorded):
    folder, checker, cases = recorded
    differing = {}
    with client(SqlCatalog(database), bodies(folder)) as http:
        for case in cases:
            for step in case["steps"]:
                answer = http.request(
                    "GET", step["request"]["path"], headers=step["request"].get("headers"), follow_redirects=False
                )
                headers = Message()
                for name, value in answer.headers.items():
                    headers[name] = value
                issues = checker.compare(step, answer.status_code, headers, answer.content, False)
                if issues:
                    differing[case["id"]] = issues
    assert set(differing) == corrections(), {k: v for k, v in differing.items() if k not in corrections()}
