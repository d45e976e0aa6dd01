"""The recorded answers about accounts and feedback, on every engine; corrections are named in the documentation."""

import importlib.util
import json
import re
from email.message import Message
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.contract.accounts.conftest import KEY, NOW

pytestmark = pytest.mark.shared_data


def corrections(group):
    page = Path(__file__).resolve().parents[3] / "docs" / "api-differences.md"
    return set(re.findall(rf"`({group}-[a-z0-9-]+)`", page.read_text()))


@pytest.fixture(scope="module")
def checker(shared_data):
    spec = importlib.util.spec_from_file_location("check_golden", shared_data / "golden_api" / "check_golden.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def differences(checker, client, case):
    given = SimpleNamespace(now=NOW.isoformat(), jwt_key=KEY, hash_key=KEY)
    names = {"admin_token": "admin", "user_token": "nick", "user2_token": "other"}
    values = {
        variable: checker.token(f"{name}@localhost.local", "admin" if name == "admin" else "user", given)
        for variable, name in names.items()
    }
    for step in case["steps"]:
        request = checker.subst(step["request"], values)
        body = {name: request[name] for name in ("json", "content") if name in request}
        answer = client.request(request["method"], request["path"], headers=request.get("headers"), **body)
        headers = Message()
        for name, value in answer.headers.items():
            headers[name] = value
        yield from checker.compare(step, answer.status_code, headers, answer.content, strict_headers=False)
        missing = directives(step["response"]["headers"].get("Cache-Control", "")) - directives(
            headers["Cache-Control"] or ""
        )
        yield from (f"Cache-Control lacks {directive}" for directive in missing)
        for variable, path in step.get("capture", {}).items():
            values[variable] = checker.at(answer.json(), path)


def directives(cache_control):
    """Ours may be stricter than the recorded ones, never laxer."""
    return set(filter(None, cache_control.split(", ")))


@pytest.mark.parametrize("group", ["auth", "feedback"])
def test_recorded_requests_have_their_recorded_answers(client, checker, shared_data, group):
    cases = json.loads((shared_data / "golden_api" / f"{group}.json").read_text())["cases"]
    assert len(cases) >= 1
    differing = {case["id"]: found for case in cases if (found := list(differences(checker, client, case)))}
    assert set(differing) == corrections(group), differing
