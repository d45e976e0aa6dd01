"""`ooni serve --workers N`: several processes answer, one of them publishes, and any of them may die."""

import os
import signal
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ooni_adapters.database import open_database
from ooni_adapters.sql.fingerprints import SqlFingerprintStore
from tests.contract.daemon.measurements import FINGERPRINTS
from tests.contract.storage.clickhouse_bridge import serving_clickhouse
from tests.embedded_clickhouse import chdb_url
from tests.service import GONE, RunningService, eventually, get, is_alive, post


@pytest.fixture(scope="module")
def bridge():
    with serving_clickhouse(chdb_url("bridged")) as url:
        engine = open_database(url)
        SqlFingerprintStore(engine).replace([], FINGERPRINTS)
        engine.close()
        yield url


@pytest.fixture
def report():
    """A report id of this test's own: all tests share the database."""
    return f"20261120T100000Z_webconnectivity_IT_64496_n1_{uuid.uuid4().hex[:16]}"


@pytest.fixture(scope="module")
def running(tmp_path_factory, bridge):
    # A clock of its own, so that what is submitted in one breath is of one hour.
    settings = f'database = "{bridge}"\n[publication]\nenabled = false\n[clock]\nstart = "2026-11-20T12:00:00Z"\n'
    service = RunningService(tmp_path_factory.mktemp("workers"), settings=settings)
    yield service
    service.stop()


@pytest.fixture
def service(running):
    """The service with both of its processes, started again when the test before ended it."""
    if not running.is_running:
        running.start("--workers", "2")
    assert eventually(lambda: len(workers_of(running)) == 2)
    return running


def children_of(pid):
    """The processes that *pid* started, by their command lines."""
    found = {}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        try:
            found[int(child)] = Path(f"/proc/{child}/cmdline").read_text()
        except GONE:
            continue
    return found


def workers_of(service):
    return [pid for pid, line in children_of(service.process.pid).items() if "spawn_main" in line]


def leader_of(service):
    """The worker that holds the lock, as the kernel says."""
    inode = str((service.data_dir / "leader.lock").stat().st_ino)
    for line in Path("/proc/locks").read_text().splitlines():
        words = line.split()
        if "->" not in words and words[5].rpartition(":")[2] == inode:
            return int(words[4])
    return None


def submit(service, report, number):
    content = {
        "measurement_start_time": "2026-11-20 09:59:30",
        "test_start_time": "2026-11-20 09:59:00",
        "probe_cc": "IT",
        "probe_asn": "AS64496",
        "test_name": "web_connectivity",
        "report_id": report,
        "input": f"https://site{number}.example.org/",
        "test_keys": {"blocking": False, "accessible": True},
    }
    # A connection of its own for each, so that both processes have some.
    return post(f"{service.url}/report/{report}", json={"format": "json", "content": content})


def found(service, report):
    answer = get(f"{service.url}/api/v1/measurements", params={"limit": 500, "report_id": report})
    return {row["measurement_uid"] for row in answer.json()["results"]}


def published(service):
    return {path.name for path in (service.data_dir / "objects").rglob("*.jsonl.gz")}


def test_what_any_process_received_is_scored_found_published_once_and_fetched(service, report):
    before = published(service)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: submit(service, report, n), range(60)))
    uids = {answer.json()["measurement_uid"] for answer in answers}
    assert len(uids) == 60
    assert eventually(lambda: found(service, report) == uids)
    assert "published 60 measurements" in service.run("publish", "--now").stdout
    assert len(published(service) - before) == 1
    for uid in uids:
        body = get(f"{service.url}/api/v1/raw_measurement", params={"measurement_uid": uid})
        assert body.json()["report_id"] == report
    assert "published 0 measurements" in service.run("publish", "--now").stdout


def test_process_that_dies_is_replaced_and_loses_nothing(service, report):
    uids = set()
    for number in range(2):
        uids |= {submit(service, report, 20 * number + n).json()["measurement_uid"] for n in range(20)}
        victim = leader_of(service) if number % 2 else next(iter(workers_of(service)))
        os.kill(victim, signal.SIGKILL)
        assert eventually(lambda: not is_alive(victim) and len(workers_of(service)) == 2)  # noqa: B023
        assert eventually(lambda: leader_of(service) in workers_of(service))
        assert eventually(lambda: answers_to_everybody(service))
    assert eventually(lambda: found(service, report) == uids)
    assert "published 40 measurements" in service.run("publish", "--now").stdout


def answers_to_everybody(service):
    return all(get(f"{service.url}/health").text == "UP" for _ in range(4))


def test_signal_ends_all_of_them(service):
    pids = workers_of(service)
    service.stop()
    assert service.process.returncode == 0
    assert not any(map(is_alive, pids))
    assert not (service.data_dir / "control.sock").exists()


def test_workers_leave_when_the_first_process_is_killed(service):
    pids = workers_of(service)
    service.kill()
    assert eventually(lambda: not any(map(is_alive, pids)))


@pytest.mark.parametrize("database", ["", "chdb:///{folder}/held"])
def test_database_of_one_process_is_refused_with_the_way_out(tmp_path, database):
    running = RunningService(tmp_path, settings=f'database = "{database.format(folder=tmp_path)}"\n')
    done = running.run("serve", "--workers", "2", check=False)
    assert done.returncode == 1
    for words in ("only one process can write to", "clickhouse://user:password@host", "--workers 1"):
        assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not running.data_dir.exists()


def test_workers_that_cannot_begin_end_the_service_with_an_error(tmp_path, bridge):
    settings = f'database = "{bridge}"\n[scoring]\nfingerprints = "{tmp_path}/none"\n'
    done = RunningService(tmp_path, settings=settings).run("serve", "--workers", "2", check=False)
    assert done.returncode != 0
    assert "none" in done.stderr
    assert "Traceback" not in done.stderr
