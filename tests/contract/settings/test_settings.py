"""Settings: where values come from, which wins, and what is said about wrong ones."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ooni_core.errors import Invalid
from ooni_entrypoints.cli.config import reference_table
from ooni_entrypoints.settings import Settings, leaves, load

DOCS = Path(__file__).parents[3] / "docs" / "operators" / "settings.md"


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "ooni.toml"
        path.write_text(text)
        return path

    return write


def test_defaults_work_without_any_file():
    assert load(environment={}).settings == Settings()


def test_flag_wins_over_variable_over_file_over_default(file):
    toml = file('[service]\nhost = "10.0.0.1"\nport = 1\ncollector_id = "3"\n')
    environment = {"OONI_SERVICE_PORT": "2", "OONI_SERVICE_COLLECTOR_ID": "4"}
    loaded = load(toml, environment, {"service.collector_id": "5"})
    service = loaded.settings.service
    assert (service.host, service.port, service.collector_id) == ("10.0.0.1", 2, "5")
    origins = loaded.origins
    assert origins["service.host"] == f"file {toml}"
    assert origins["service.port"] == "variable OONI_SERVICE_PORT"
    assert origins["service.collector_id"] == "flag"
    assert origins["service.base_url"] == "default"


def test_every_kind_of_value_can_be_written_in_every_place(file):
    toml = file(
        '[storage]\ndata_dir = "/srv"\nquery_seconds = 3\nfsync = false\n[accounts]\njwt_keys = ["a", "b"]\n'
        '[clock]\nstart = "2026-01-02T03:04:05Z"\n'
    )
    from_file = load(toml, {}).settings
    from_environment = load(
        None,
        {
            "OONI_DATA_DIR": "/srv",
            "OONI_STORAGE_QUERY_SECONDS": "3",
            "OONI_STORAGE_FSYNC": "no",
            "OONI_ACCOUNTS_JWT_KEYS": '["a", "b"]',
            "OONI_CLOCK_START": "2026-01-02T04:04:05+01:00",
        },
    ).settings
    assert from_file == from_environment
    assert from_file.clock.start == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert from_file.accounts.jwt_keys == ("a", "b")
    assert from_file.storage.query_seconds == 3.0


def test_list_in_a_variable_may_be_separated_by_commas():
    environment = {"OONI_SERVICE_TRUSTED_PROXIES": "10.0.0.0/8, ::1/128"}
    assert load(None, environment).settings.service.trusted_proxies == ("10.0.0.0/8", "::1/128")


def test_secret_can_be_kept_in_a_file_of_its_own(tmp_path):
    secret = tmp_path / "keys"
    secret.write_text("one,two\n")
    assert load(None, {"OONI_ACCOUNTS_JWT_KEYS_FILE": str(secret)}).settings.accounts.jwt_keys == ("one", "two")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[service]\nprot = 1\n", ["service.prot", "ooni.toml", "service.port"]),
        ("[servce]\nport = 1\n", ["servce.port", "ooni.toml", "service"]),
        ('[service]\nport = "80"\n', ["service.port", "'80'", "ooni.toml", "whole number"]),
        ("[service]\nport = true\n", ["service.port", "True", "whole number"]),
        ("[service]\nport = 99999\n", ["service.port", "99999", "0 to 65535"]),
        ("[service]\nhost = 1\n", ["service.host", "1", "a text"]),
        ("[storage]\nfsync = 1\n", ["storage.fsync", "true or false"]),
        ("[storage]\nquery_seconds = 0\n", ["storage.query_seconds", "0.1"]),
        ('[accounts]\njwt_keys = "one"\n', ["accounts.jwt_keys", "(hidden)", "list"]),
        ('[clock]\nstart = "yesterday"\n', ["clock.start", "yesterday", "ISO 8601"]),
        ('[service]\nbase_url = "api.example.org"\n', ["service.base_url", "http://"]),
        ('[service]\ncollector_id = "a/b"\n', ["service.collector_id", "letters and digits"]),
        ('[service]\ntrusted_proxies = ["proxy"]\n', ["service.trusted_proxies", "'proxy'", "127.0.0.0/8"]),
        ('[scoring]\nruleset = "best"\n', ["scoring.ruleset", "head"]),
        ("[quotas]\nenabled = true\n", ["quotas.enabled", "false"]),
        ("port = 1\n", ["port", "[service]"]),
        ("[service\n", ["ooni.toml", "TOML"]),
    ],
)
def test_wrong_value_is_named_with_its_place_and_what_would_be_right(file, text, words):
    with pytest.raises(Invalid) as refusal:
        load(file(text), {})
    for word in words:
        assert word in str(refusal.value)


def test_secret_is_not_shown_in_its_own_error():
    with pytest.raises(Invalid) as refusal:
        load(None, {"OONI_ACCOUNTS_JWT_KEYS": "[hunter2"})
    assert "hunter2" not in str(refusal.value)
    assert "OONI_ACCOUNTS_JWT_KEYS" in str(refusal.value)


@pytest.mark.parametrize("variable", ["OONI_SERVICE_PROT", "OONI_PORT"])
def test_unknown_variable_stops_the_start(variable):
    with pytest.raises(Invalid, match=variable):
        load(None, {variable: "1"})


def test_variables_of_others_are_left_alone():
    environment = {"PATH": "/bin", "OONI_CONFIG": "x", "OONI_SHARED_DATA": "y", "OONI_TEST_CLICKHOUSE_URL": "z"}
    assert load(None, environment).settings == Settings()


def test_missing_file_is_named(tmp_path):
    with pytest.raises(Invalid, match=r"missing\.toml"):
        load(tmp_path / "missing.toml", {})


def test_every_setting_is_documented():
    text = DOCS.read_text()
    assert [leaf.key for leaf in leaves() if f"`{leaf.key}`" not in text] == []


def test_documentation_shows_the_table_that_the_command_prints():
    assert reference_table() in DOCS.read_text()
