"""Whatever JSON is posted, the answer is one: never a 500, and an error in words when it is refused."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar.testing import TestClient

from ooni_adapters.database import open_database
from ooni_entrypoints.settings import load
from tests.contract.probes.conftest import KEY, serving, session
from tests.contract.probes.repositories import make_origin

KEYS = {
    "/api/v1/check-in": "probe_cc probe_asn charging run_type web_connectivity platform software_version",
    "/api/_/check-in": "probe_cc probe_asn charging run_type web_connectivity",
    "/api/v1/submit_measurement": "format content nym zkp_request manifest_version protocol_version",
    "/api/v1/sign_credential": "manifest_version credential_sign_request",
    "/api/v1/register": "password",
    "/api/v1/login": "username password",
    "/api/v1/geolookup": "addresses",
    "/bouncer/net-tests": "net-tests",
    "/api/_/url-priorities/update": "old_entry new_entry",
    "/api/v1/url-submission/update-url": "country_code old_entry new_entry comment",
}
INNER = "url category_code date_added source notes priority cc domain category_codes name version test_name probe_cc"
likely = st.sampled_from(
    ["us", "global", "https://a.example/", "NEWS", "2023-04-12", "IT", "AS1", "json", "{}", "1.2.3.4"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20) | likely
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(INNER.split()), inner, max_size=6),
    max_leaves=10,
)
EXAMPLES = settings(
    max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("any")
    flags = {"storage.data_dir": str(folder / "data"), "accounts.jwt_keys": KEY, "editor.origin": make_origin(folder)}
    engine = open_database("duckdb://:memory:")
    with TestClient(serving(load(None, {}, flags).settings, engine).asgi) as client:
        yield client
    engine.close()


@pytest.mark.parametrize("path", KEYS)
def test_any_json_is_answered(asked, path):
    statuses, headers = set(), session("admin")
    bodies = st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS[path].split(), values)) | values

    @EXAMPLES
    @given(bodies)
    def post(body):
        answer = asked.post(path, content=json.dumps(body).encode(), headers=headers)
        statuses.add(answer.status_code)
        assert answer.status_code < 500, answer.text
        assert answer.status_code == 200 or answer.json()["error"], answer.text

    post()
    assert statuses, "nothing was asked"
