"""`ooni serve --scoring URL`: the probe never waits for the daemon, and everything is scored in the end."""

import socket

import httpx
import pytest

from tests.contract.daemon.measurements import content, lasting, scored_here
from tests.service import PATIENCE_SECONDS, eventually, get, post


def submit(client, service, number, **more):
    """Submit one measurement as a probe does; return its uid and the body as it was sent."""
    document = content(number, **more)
    request = client.build_request(
        "POST", f"{service.url}/report/{document['report_id']}", json={"format": "json", "content": document}
    )
    answer = client.send(request)
    assert answer.status_code == 200, answer.text
    return answer.json()["measurement_uid"], request.content


def submit_all(service, numbers):
    with httpx.Client(timeout=PATIENCE_SECONDS) as client:
        return [submit(client, service, number) for number in numbers]


def assert_scored_as_here(stored, pairs):
    assert stored.complete([uid for uid, _ in pairs])
    assert lasting(stored.verdicts) == lasting(scored_here(pairs)[0])


def test_daemon_that_is_away_then_killed_then_full_then_refuses_costs_nothing_but_time(
    make_daemon, make_service, stored
):
    daemon = make_daemon(
        scoring="batch_seconds = 0.01\nbatch_rows = 4", fastpath="workers = 1\nqueue_size = 8\nqueue_seconds = 0.05"
    )
    daemon.environment["OONI_SERVICE_MAX_DECOMPRESSED_BYTES"] = 1024
    service = make_service(daemon.url).start()
    pairs = submit_all(service, range(40))
    waits = eventually(lambda: warnings_of(service))
    assert any("scoring waits" in each and daemon.url in each for each in waits)
    assert stored.verdicts == {}

    service.kill()  # what waits is only in the spool now
    daemon.start()
    service.start()
    pairs += submit_all(service, range(40, 80))
    assert eventually(lambda: len(stored.verdicts) >= 10)
    daemon.kill()
    pairs += submit_all(service, range(80, 90))
    with httpx.Client(timeout=PATIENCE_SECONDS) as client:
        pairs.append(submit(client, service, 90, padding="x" * 2000))  # more than the daemon takes
    daemon.start()
    assert_scored_as_here(stored, pairs)
    assert eventually(lambda: daemon.health()["done"]["stored"] >= 10), "the daemon did it"
    assert post(f"{daemon.url}/{pairs[-1][0]}", content=pairs[-1][1]).status_code == 413, "but not this one"
    assert eventually(lambda: not [each for each in warnings_of(service) if "scoring" in each])


def warnings_of(service):
    return get(f"{service.url}/health/ready").json()["warnings"]


@pytest.fixture
def silent_daemon():
    """Accepts connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_silent_daemon_delays_no_probe_and_publication_scores_what_has_no_verdict(silent_daemon, make_service, stored):
    service = make_service(silent_daemon, scoring="daemon_seconds = 60").start()
    pairs = submit_all(service, range(20))  # a minute each, if probes waited for the daemon
    assert stored.verdicts == {}
    assert service.run("publish", "--now").returncode == 0
    assert_scored_as_here(stored, pairs)
    service.kill()
