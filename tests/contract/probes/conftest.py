"""The probe services as an application, over a database in memory."""

import csv
from datetime import UTC, datetime
from types import SimpleNamespace

import attrs
import pytest
from litestar.testing import TestClient

from ooni_adapters.database import open_database
from ooni_adapters.geoip import build_mmdb
from ooni_adapters.memory.accounts import MemoryExpungedSessions
from ooni_adapters.spool import MemorySpool
from ooni_adapters.sql.testlists import SqlTestLists
from ooni_adapters.sql.verdicts import SqlVerdictStore
from ooni_adapters.system import SystemEntropy
from ooni_adapters.tokens import JwtKeys
from ooni_core.accounts.rules import account_id_of
from ooni_core.accounts.sessions import SessionGuard
from ooni_core.intake.service import IntakeService
from ooni_core.prioritization.model import ListedUrl
from ooni_entrypoints.accounts import token_keys
from ooni_entrypoints.http.app import create_app
from ooni_entrypoints.prioritization import make_refresher
from ooni_entrypoints.probe_services import make_probe_services, make_submissions
from ooni_entrypoints.settings import load
from tests.contract.conftest import emptied
from tests.contract.probes.github_fake import GitHub

KEY = "a test key"
NOW = datetime(2026, 11, 23, 22, 41, 49, tzinfo=UTC)
NETWORKS = [
    ("192.33.4.0/24", "US", "2149", "Cogent"),
    ("192.0.2.0/24", "IT", "64500", "Documentation Net One"),
    ("1.2.3.0/24", "AU", "", ""),
    ("2001:db8::/32", "FR", "64511", "Six"),
    ("8.8.8.0/24", "US", "15169", "Google"),
]


@attrs.define
class HandClock:
    instant: datetime = NOW

    def now(self):
        return self.instant


class Queue:
    def __init__(self):
        self.uids = []

    def offer(self, uid):
        self.uids.append(uid)


def some_lists():
    urls = [ListedUrl(f"https://{i}.world.example/", f"{i}.world.example", "ZZ", "NEWS") for i in range(150)]
    urls += [ListedUrl(f"https://{i}.it.example/", f"{i}.it.example", "IT", "HUMR") for i in range(30)]
    return [*urls, ListedUrl("https://zero.example/", "zero.example", "ZZ", "ODD")]


def write_geoip(folder, networks=NETWORKS):
    file = folder / "geoip.csv"
    with file.open("w", newline="") as opened:
        csv.writer(opened).writerows([("network", "cc", "asn", "as_name"), *networks])
    return file


@pytest.fixture
def settings(tmp_path):
    flags = {"storage.data_dir": str(tmp_path), "accounts.jwt_keys": KEY, "service.collector_id": "1"}
    return load(None, {}, {**flags, "probes.refresh_seconds": "3600"}).settings


@pytest.fixture(scope="session")
def _engine():
    engine = open_database("duckdb://:memory:", lambda: NOW.replace(tzinfo=None))
    yield engine
    engine.close()


@pytest.fixture
def engine(_engine):
    return emptied(_engine)


@pytest.fixture
def service(settings, engine, tmp_path):
    """Everything behind the application, to look at and to change."""
    SqlTestLists(engine).replace(some_lists())
    build_mmdb(write_geoip(tmp_path), tmp_path)
    return serving(settings, engine)


def serving(settings, engine):
    clock, entropy, spool, queue = HandClock(), SystemEntropy(), MemorySpool(), Queue()
    expunged = MemoryExpungedSessions()
    sessions = SessionGuard(token_keys(settings), expunged, clock)
    refresher, verdicts = make_refresher(settings, engine, clock), SqlVerdictStore(engine, clock)
    parts = make_probe_services(settings, engine, clock, entropy, verdicts, sessions, refresher.prioritization)
    intake = IntakeService(spool, queue, clock, entropy, settings.service.collector_id)
    use_cases = {
        **parts.use_cases,
        "submissions": make_submissions(settings, intake, clock, entropy),
        "service_settings": settings.service,
    }
    starting, ending = [refresher.begin, refresher.wait], [refresher.stop]
    asgi = create_app(parts.handlers, use_cases, "1", 2**25, on_start=starting, on_stop=ending)
    return SimpleNamespace(
        asgi=asgi, parts=parts, clock=clock, expunged=expunged, spool=spool, queue=queue, engine=engine
    )


@pytest.fixture
def client(service):
    with TestClient(service.asgi) as client:
        yield client


def session(role="admin", email="admin@localhost.local", at=NOW, **more):
    """Return the header of somebody who logged in."""
    now = int(at.timestamp())
    claims = {"nbf": now, "iat": now, "exp": now + 86400, "aud": "user_auth", "login_time": now, "role": role}
    claims = {**claims, "account_id": account_id_of(email, "CHANGEME"), **more}
    return {"Authorization": f"Bearer {JwtKeys.of([KEY]).sign(claims)}"}


@pytest.fixture
def github():
    fake = GitHub()
    yield fake
    fake.stop()
