"""Accounts and feedback as an application, over one database of each kind, with a clock that is set by hand."""

from datetime import UTC, datetime
from types import SimpleNamespace

import attrs
import pytest
from litestar.testing import TestClient

from ooni_adapters.memory.accounts import MemoryMailer
from ooni_adapters.sql.tables import ACCOUNTS, MSMT_FEEDBACK, SESSION_EXPUNGE
from ooni_adapters.sql.verdicts import SqlVerdictStore
from ooni_adapters.tokens import JwtKeys
from ooni_core.accounts.rules import account_id_of
from ooni_entrypoints.accounts import make_account_services
from ooni_entrypoints.http.app import create_app
from ooni_entrypoints.settings import load

NOW = datetime(2026, 11, 23, 22, 41, 49, tzinfo=UTC)
KEY = "CHANGEME"
KEYS = JwtKeys.of([KEY])
PAGE = "https://explorer.ooni.org/m/20231115120000"
ADA, ADMIN = "ada@example.org", "admin@localhost.local"


@attrs.define
class HandClock:
    instant: datetime = NOW

    def now(self):
        return self.instant


def bearer(role="user", email=ADA, at=NOW, key=KEYS, **changed):
    """The header of somebody who logged in; a claim given as None is left out."""
    now = int(at.timestamp())
    claims = {"nbf": now, "iat": now, "exp": now + 86400, "aud": "user_auth", "login_time": now, "role": role}
    claims |= {"account_id": account_id_of(email, KEY), **changed}
    token = key.sign({name: value for name, value in claims.items() if value is not None})
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="package", params=["duckdb", "chdb"])
def engine(request):
    return request.getfixturevalue({"duckdb": "_duckdb_memory", "chdb": "_chdb"}[request.param])


@pytest.fixture(scope="package")
def running(engine, tmp_path_factory):
    """The application with what is behind it; everything is empty again before each test."""
    keys = {"accounts.jwt_keys": KEY, "accounts.account_id_hashing_keys": KEY}
    settings = load(None, {}, {**keys, "storage.data_dir": str(tmp_path_factory.mktemp("data"))}).settings
    clock, mailer = HandClock(), MemoryMailer()
    parts = make_account_services(settings, engine, clock, SqlVerdictStore(engine, clock), mailer)
    use_cases = {**parts.use_cases, "service_settings": settings.service}
    with TestClient(create_app(parts.handlers, use_cases, "1", 2**20), raise_server_exceptions=False) as client:
        yield SimpleNamespace(client=client, clock=clock, mailer=mailer, parts=parts, engine=engine)


def empty(engine, *tables):
    for table in tables:
        if held := engine.query(f"SELECT {', '.join(table.key)} FROM {table.name}").dicts():
            engine.delete(table, held)


@pytest.fixture
def service(running):
    running.clock.instant = NOW
    running.mailer.sent.clear()
    running.mailer.failing = False
    empty(running.engine, ACCOUNTS, SESSION_EXPUNGE, MSMT_FEEDBACK)
    return running


@pytest.fixture
def client(service):
    return service.client


def register(client, email_address=ADA, redirect_to=PAGE):
    return client.post("/api/v1/user_register", json={"email_address": email_address, "redirect_to": redirect_to})


def mailed_token(service):
    """The token in the link that was mailed last."""
    line = next(line for line in service.mailer.sent[-1].html.splitlines() if "/login?token=" in line)
    return line.partition("/login?token=")[2].partition('"')[0]


def log_in(service, email=ADA):
    """Log in by mail; the header of the session."""
    assert register(service.client, email).json() == {"msg": "ok"}
    found = service.client.get("/api/v1/user_login", params={"k": mailed_token(service)})
    return {"Authorization": f"Bearer {found.json()['bearer']}"}
