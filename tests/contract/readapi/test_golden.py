"""The recorded answers of the reference implementation, on every engine; corrections are named in the documentation."""

import csv
import gzip
import importlib.util
import json
import re
from datetime import UTC, date, datetime
from email.message import Message
from pathlib import Path

import pytest

from ooni_adapters.sql.catalog import SqlCatalog
from ooni_adapters.sql.tables import ASNMETA, CITIZENLAB, FASTPATH, TEST_GROUPS
from tests.contract.readapi.application import client
from tests.contract.readapi.stores import ENGINES

pytestmark = pytest.mark.shared_data
GROUPS = ("measurements", "single", "misc", "aggregation", "private")
# Routes of other areas that were recorded in the same groups.
ELSEWHERE = {"misc-health", "priv-046", "priv-047"}


def corrections():
    page = Path(__file__).resolve().parents[3] / "docs" / "api-differences.md"
    return set(re.findall(r"`((?:msm|one|misc|agg|priv)-[a-z0-9-]+)`", page.read_text()))


def read(path):
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        return list(csv.DictReader(lines))


def typed(table, row):
    """Turn the texts of a CSV row into values of *table*."""
    values = {}
    for name, text in row.items():
        kind = table.column(name).kind.name
        if "INT" in kind:
            values[name] = int(text)
        elif kind.startswith("FLOAT"):
            values[name] = float(text)
        elif kind.startswith("TIME"):
            values[name] = datetime.fromisoformat(text).replace(tzinfo=UTC).replace(tzinfo=None)
        elif kind == "DATE":
            values[name] = date.fromisoformat(text)
        else:
            values[name] = text
    return values


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


@pytest.mark.parametrize("engine", ENGINES)
def test_recorded_requests_have_their_recorded_answers(engine, engines, recorded):
    folder, checker, cases = recorded
    database = engines(engine)
    tables = {FASTPATH: "fastpath_20k.csv.gz", CITIZENLAB: "citizenlab.csv", ASNMETA: "asnmeta.csv.gz"}
    tables[TEST_GROUPS] = "test_groups.csv"
    database.replace({table: [typed(table, r) for r in read(folder / name)] for table, name in tables.items()})
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
