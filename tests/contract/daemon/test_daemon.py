"""`ooni fastpath`: what it answers, what it leaves in the database, how it ends and how it survives."""

import contextlib
import os
import signal
import threading
import time

import httpx
import pytest

from ooni_adapters.sql.fingerprints import SqlFingerprintStore
from ooni_core.errors import Invalid
from ooni_entrypoints.scoring_daemon import compose_daemon
from ooni_entrypoints.service_process import compose_service
from ooni_entrypoints.settings import load
from tests.contract.daemon.conftest import Daemon
from tests.contract.daemon.measurements import (
    FINGERPRINTS,
    fingerprint,
    lasting,
    measurements,
    scored_here,
    unscorable,
)
from tests.service import PATIENCE_SECONDS, RunningService, eventually, is_alive


def waits_on_disk(daemon):
    return {file.name.removesuffix(".post") for file in (daemon.data_dir / "fastpath" / "incoming").rglob("*.post")}


def test_every_measurement_gets_the_row_that_scoring_in_the_service_gives(make_daemon, stored):
    daemon = make_daemon(fastpath="")
    # The variables of the historical daemon.
    daemon.environment |= {"FASTPATH_NUM_WORKERS": 2, "FASTPATH_QUEUE_SIZE": 99, "FASTPATH_API_PORT": daemon.port}
    RunningService.start(daemon)
    pairs = [*measurements(40), *unscorable()]
    with httpx.Client(timeout=PATIENCE_SECONDS) as client:
        answers = [daemon.send(uid, body, client) for uid, body in pairs]
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, b"")}
    rows, quarantine = scored_here(pairs)
    assert len(rows) == 40
    assert any(row["confirmed"] == "t" for row in rows.values())
    assert stored.complete(rows)
    assert eventually(lambda: stored.quarantine == quarantine)
    assert lasting(stored.verdicts) == lasting(rows)
    assert eventually(lambda: not waits_on_disk(daemon)), "scored bodies are not kept"
    health = daemon.health()
    assert health["done"] == {"stored": 40, "discarded": 1, "quarantined": 3}
    assert (health["queue_depth"], health["queue_size"]) == (0, 99)
    assert health["last_insert"].startswith("20")
    assert (health["status"], health["warnings"], len(health["workers"])) == ("ok", [], 2)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory, _bridge):
    """One daemon for tests that only look at its answers, with a database that no other test looks at."""
    settings = f'database = "{_bridge[0]}_answers"\n[scoring]\nbatch_rows = 1\n[fastpath]\nworkers = 1\n'
    running = Daemon(tmp_path_factory.mktemp("daemon"), settings=settings)
    running.environment["OONI_SERVICE_MAX_DECOMPRESSED_BYTES"] = 2000
    yield running.start()
    running.kill()


def test_only_measurement_uids_are_taken_and_everything_else_answers_with_nothing(daemon):
    with httpx.Client(base_url=daemon.url, timeout=PATIENCE_SECONDS) as client:
        for path in ("", "1234", "2", "2026/11/20", "20261120100000.000000_IT_ndt_0123", "report/2026", "%FF"):
            assert client.post(f"/{path}", content=b"{}").status_code == 400, path
        for path in ("", "2026", "some/where"):  # health checks of old ask anything
            for method in ("GET", "HEAD", "PUT", "DELETE"):
                answer = client.request(method, f"/{path}")
                assert (answer.status_code, answer.content) == (200, b""), (method, path)


def test_body_beyond_the_limit_is_refused(daemon):
    uid, _ = measurements(1, first=1)[0]
    assert daemon.send(uid, b"x" * 2001).status_code == 413
    assert daemon.send(uid, iter([b"x" * 1000] * 3)).status_code == 413, "also without a length"
    assert daemon.send(uid, b"x" * 2000).status_code == 200


def test_other_body_under_a_uid_that_waits_is_refused(daemon):
    held, waiting = measurements(2, first=2)
    with paused(worker_of(daemon)):
        assert daemon.send(*held).status_code == daemon.send(*waiting).status_code == 200
        assert daemon.send(*waiting).status_code == 200, "the same again does no harm"
        assert daemon.send(waiting[0], b"other").status_code == 409


def test_disk_that_fails_is_said_and_nothing_is_promised(daemon):
    assert eventually(lambda: not waits_on_disk(daemon))
    folder = daemon.data_dir / "fastpath"
    folder.mkdir(exist_ok=True)
    folder.rename(folder.with_name("aside"))
    folder.write_text("in the way")
    answer = daemon.send(*measurements(1, first=4)[0])
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    folder.unlink()
    folder.with_name("aside").rename(folder)
    assert daemon.send(*measurements(1, first=4)[0]).status_code == 200


@contextlib.contextmanager
def paused(pid):
    """Hold a process up for a while; it may be gone by the end."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def worker_of(daemon):
    return daemon.health()["workers"][0]


def test_full_queue_is_said_and_what_was_accepted_is_scored(make_daemon, stored):
    daemon = make_daemon(scoring="batch_rows = 1", fastpath="workers = 1\nqueue_size = 3\nqueue_seconds = 0.2").start()
    pairs, answers = measurements(8), []
    daemon.send(*measurements(1, first=99)[0])
    assert stored.complete([measurements(1, first=99)[0][0]]), "the worker is ready"
    assert eventually(lambda: not waits_on_disk(daemon))
    with paused(worker_of(daemon)):
        with httpx.Client(timeout=PATIENCE_SECONDS) as client:
            answers = [daemon.send(uid, body, client) for uid, body in pairs]
        accepted = [uid for (uid, _), answer in zip(pairs, answers, strict=True) if answer.status_code == 200]
        refused = [answer for answer in answers if answer.status_code != 200]
        assert len(accepted) == 4, "one is being scored, three wait"
        assert {answer.status_code for answer in refused} == {503}
        assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
        assert waits_on_disk(daemon) == set(accepted)
        health = daemon.health()
        assert (health["status"], health["queue_depth"]) == ("full", 3)
    assert stored.complete(accepted)
    assert eventually(lambda: daemon.health()["status"] == "ok")
    left = [pair for pair in pairs if pair[0] not in accepted]
    assert all(eventually(lambda: daemon.send(*pair).status_code == 200) for pair in left)  # noqa: B023
    assert stored.complete([uid for uid, _ in pairs])
    assert lasting(stored.verdicts) == lasting(scored_here([*pairs, *measurements(1, first=99)])[0])


def test_sender_that_waits_gets_the_place_that_becomes_free(make_daemon, stored):
    daemon = make_daemon(scoring="batch_rows = 1", fastpath="workers = 1\nqueue_size = 1\nqueue_seconds = 30").start()
    pairs, answers = measurements(6), []
    with paused(worker_of(daemon)):
        senders = [
            threading.Thread(target=lambda p=pair: answers.append(daemon.send(*p).status_code)) for pair in pairs
        ]
        for sender in senders:
            sender.start()
        assert eventually(lambda: len(answers) >= 1)
    for sender in senders:
        sender.join()
    assert answers == [200] * 6
    assert stored.complete([uid for uid, _ in pairs])


def test_while_the_database_is_away_measurements_are_taken_until_the_queue_is_full(make_daemon, gate, stored):
    daemon = make_daemon(
        scoring="batch_rows = 2", fastpath="workers = 1\nqueue_size = 5\nqueue_seconds = 0", database=gate.url
    ).start()
    gate.shut = True
    answers = {uid: daemon.send(uid, body).status_code for uid, body in measurements(12)}
    assert sorted(set(answers.values())) == [200, 503]
    assert 5 <= list(answers.values()).count(200) <= 7, "two at hand, five that wait"
    assert eventually(lambda: daemon.health()["warnings"])
    assert stored.verdicts == {}
    gate.shut = False
    assert stored.complete([uid for uid, status in answers.items() if status == 200])
    assert eventually(lambda: daemon.health()["warnings"] == [])


def test_worker_that_dies_is_replaced_and_its_measurements_are_scored(make_daemon, stored):
    daemon = make_daemon(scoring="batch_rows = 7", fastpath="workers = 2").start()
    pairs = measurements(80)
    for half in (pairs[:40], pairs[40:]):
        workers = eventually(lambda: [pid for pid in daemon.health()["workers"] if pid])
        with contextlib.ExitStack() as stack, httpx.Client(timeout=PATIENCE_SECONDS) as client:
            for pid in workers:
                stack.enter_context(paused(pid))  # so that it dies with a batch at hand
            assert all(daemon.send(uid, body, client).status_code == 200 for uid, body in half)
            for pid in workers:
                os.kill(pid, signal.SIGKILL)
        assert stored.complete([uid for uid, _ in half])
        assert not set(workers) & set(daemon.health()["workers"])
    assert stored.quarantine == {}
    assert lasting(stored.verdicts) == lasting(scored_here(pairs)[0])


def test_killed_daemon_goes_on_with_what_it_had_accepted(make_daemon, stored):
    daemon = make_daemon(scoring="batch_seconds = 0.01", fastpath="workers = 2").start()
    pairs = measurements(200)
    acknowledged, todo = set(), list(reversed(pairs))

    def send():
        with httpx.Client(timeout=PATIENCE_SECONDS) as client:
            while True:
                try:
                    uid, body = todo.pop()
                except IndexError:
                    return
                try:
                    assert daemon.send(uid, body, client).status_code == 200
                    acknowledged.add(uid)
                except httpx.TransportError:
                    todo.append((uid, body))  # no answer, no promise
                    time.sleep(0.02)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for least in (50, 120):
        assert eventually(lambda: len(acknowledged) >= least)  # noqa: B023
        daemon.kill()
        daemon.start()
    for thread in threads:
        thread.join()
    assert acknowledged == {uid for uid, _ in pairs}
    assert stored.complete(acknowledged)
    assert lasting(stored.verdicts) == lasting(scored_here(pairs)[0])
    assert eventually(lambda: not waits_on_disk(daemon))


def test_end_scores_what_waits_first(make_daemon, stored):
    daemon = make_daemon(scoring="batch_rows = 5").start()
    pairs = measurements(60)
    with paused(worker_of(daemon)), httpx.Client(timeout=PATIENCE_SECONDS) as client:
        assert all(daemon.send(uid, body, client).status_code == 200 for uid, body in pairs)
        daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(PATIENCE_SECONDS) == 0
    assert set(stored.verdicts) == {uid for uid, _ in pairs}
    assert waits_on_disk(daemon) == set()


def test_end_does_not_wait_for_ever_and_the_next_start_goes_on(make_daemon, stored):
    daemon = make_daemon(scoring="batch_rows = 1", fastpath="workers = 1\ndrain_seconds = 0.2").start()
    pairs = measurements(5)
    with paused(pid := worker_of(daemon)):
        assert all(daemon.send(uid, body).status_code == 200 for uid, body in pairs)
        daemon.process.send_signal(signal.SIGTERM)
        assert eventually(lambda: "finishing" in daemon.log())
        os.kill(pid, signal.SIGKILL)
        assert daemon.process.wait(PATIENCE_SECONDS) == 0
    assert waits_on_disk(daemon)
    daemon.start()
    assert stored.complete([uid for uid, _ in pairs])
    assert lasting(stored.verdicts) == lasting(scored_here(pairs)[0])


def test_second_signal_ends_at_once_and_loses_nothing(make_daemon):
    daemon = make_daemon().start()
    pairs = measurements(5)
    with paused(pid := worker_of(daemon)):
        assert all(daemon.send(uid, body).status_code == 200 for uid, body in pairs)
        daemon.process.send_signal(signal.SIGTERM)
        assert eventually(lambda: "finishing" in daemon.log())
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(PATIENCE_SECONDS) == 128 + signal.SIGTERM
    assert eventually(lambda: not is_alive(pid)), "its worker leaves too"
    assert waits_on_disk(daemon) == {uid for uid, _ in pairs}


def confirmed(stored, pair):
    assert stored.complete([pair[0]])
    return stored.verdicts[pair[0]]["confirmed"] == "t"


def test_new_fingerprints_count_without_a_restart(make_daemon, stored):
    fingerprints = SqlFingerprintStore(stored.engine)
    daemon = make_daemon(scoring="fingerprints_seconds = 0.2", fastpath="workers = 2").start()
    first, second, third = measurements(3, first=1)
    assert daemon.send(*first).status_code == 200
    assert not confirmed(stored, first)

    others = [fingerprint(f"test.{number}", f"no such page {number}") for number in range(4)]
    fingerprints.replace([], [*FINGERPRINTS, *others, fingerprint("test.welcome", "welcome to site")])
    assert eventually(lambda: daemon.health()["fingerprints"]["count"] == 6)
    assert daemon.send(*second).status_code == 200
    assert confirmed(stored, second)

    fingerprints.replace([], FINGERPRINTS)
    assert eventually(lambda: "not used yet" in daemon.log()), "an accident is not followed"
    assert daemon.health()["fingerprints"]["count"] == 6
    daemon.process.send_signal(signal.SIGHUP)
    assert eventually(lambda: daemon.health()["fingerprints"]["count"] == 1)
    assert daemon.send(*third).status_code == 200
    assert not confirmed(stored, third)


@pytest.mark.parametrize("kind", ["duckdb", "chdb"])
@pytest.mark.parametrize(
    ("wire", "more"), [(compose_daemon, {}), (compose_service, {"scoring.daemon": "http://127.0.0.1:8472"})]
)
def test_database_that_only_one_process_can_write_to_is_refused_with_the_way_out(tmp_path, kind, wire, more):
    flags = {"storage.data_dir": f"{tmp_path}/data", "storage.database": f"{kind}://{tmp_path}/held"}
    with pytest.raises(Invalid) as caught:
        wire(load(environment={}, flags=flags | more).settings)
    for words in (f"only one process can write to {kind}", "clickhouse://user:password@host", "`ooni serve` score"):
        assert words in str(caught.value)
    assert not list(tmp_path.iterdir()), "nothing was opened"
