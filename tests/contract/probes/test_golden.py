"""The recorded answers of the reference service, replayed with the recorder's own rules of comparison."""

import importlib.util
import json
from types import SimpleNamespace

import pytest
from litestar.testing import TestClient

from ooni_adapters.geoip import build_mmdb
from ooni_adapters.sql.importing import import_file
from ooni_adapters.sql.tables import TABLES
from ooni_entrypoints.settings import load
from tests.contract.probes.conftest import NOW, serving

# Answered otherwise on purpose: without a token it is 401 and no text of an exception.
BETTER = {"ps-psiphon-noauth"}
ELSEWHERE = ("ps-flow-submit", "ps-submit", "ps-open")
FILES = {
    "citizenlab": "citizenlab.csv",
    "url_priorities": "url_priorities.csv",
    "counters_asn_test_list": "counters_asn_test_list.csv.gz",
}


def checker(folder):
    spec = importlib.util.spec_from_file_location("check_golden", folder / "check_golden.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.shared_data
@pytest.mark.parametrize("group", ["checkin", "prioritization", "probe_services"])
def test_recorded_answers_are_given(group, shared_data, engine, tmp_path):
    folder = shared_data / "golden_api"
    for table, name in FILES.items():
        import_file(engine, TABLES[table], folder / "data" / name, NOW.replace(tzinfo=None))
    build_mmdb(folder / "data" / "geoip.csv", tmp_path)
    flags = {"storage.data_dir": str(tmp_path), "accounts.jwt_keys": "CHANGEME", "service.collector_id": "X"}
    check = checker(folder)
    differing = {}
    with TestClient(serving(load(None, {}, flags).settings, engine).asgi) as client:
        for case in json.loads((folder / f"{group}.json").read_text())["cases"]:
            if not case["id"].startswith(ELSEWHERE):
                problems = list(differences(check, client, case))
                if problems:
                    differing[case["id"]] = problems
    assert set(differing) <= BETTER, differing


def differences(check, client, case):
    given = SimpleNamespace(now=NOW.isoformat(), jwt_key="CHANGEME", hash_key="CHANGEME")
    known = {
        "admin_token": check.token("admin@localhost.local", "admin", given),
        "user_token": check.token("nick@localhost.local", "user", given),
    }
    for step in case["steps"]:
        request = check.subst(step["request"], known)
        answer = client.request(
            request["method"],
            request["path"],
            json=request.get("json"),
            content=request.get("body"),
            headers=request.get("headers"),
        )
        yield from check.compare(step, answer.status_code, answer.headers, answer.content, strict_headers=False)
