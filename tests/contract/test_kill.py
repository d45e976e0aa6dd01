"""The service is killed again and again: everything it acknowledged is found, scored once and published once.

A client posts measurements over several connections while the server is killed at random moments and started again.
Then publication is killed too, as often as it takes. A request that got no answer is sent again with other bytes, as
a probe would send its next measurement; what the lost answer was about may have been kept, and must then be intact.
"""

import gzip
import json
import random
import signal
import subprocess
import sys
import threading
import time

import attrs
import httpx
import pytest

from tests.service import PATIENCE_SECONDS, RunningService, clean_environment, eventually

MEASUREMENTS = 500
CONNECTIONS = 8
ROUNDS = 10
PLACES = [("IT", 64496), ("BR", 64501), ("KE", 64502)]


def content_of(number, attempt):
    cc, asn = PLACES[number % len(PLACES)]
    return {
        "report_id": f"20261120T100000Z_webconnectivity_{cc}_{asn}_n1_AAAAAAAAAAAAAAAA",
        "probe_cc": cc,
        "probe_asn": f"AS{asn}",
        "test_name": "web_connectivity",
        "input": f"https://site{number}.example.org/?attempt={attempt}",
        "test_start_time": "2026-11-20 10:00:00",
        "measurement_start_time": "2026-11-20 10:00:00",
        "test_keys": {"blocking": False, "accessible": True, "padding": "x" * (number % 3000)},
    }


@attrs.define
class Probe:
    """Submits measurements until each one was acknowledged; remembers what was sent and what was acknowledged."""

    service: RunningService
    todo: list
    sent: dict = attrs.field(factory=dict)
    acknowledged: dict = attrs.field(factory=dict)
    lock: threading.Lock = attrs.field(factory=threading.Lock)

    def run(self):
        with httpx.Client(timeout=PATIENCE_SECONDS) as client:
            while True:
                with self.lock:
                    if not self.todo:
                        return
                    number, attempt = self.todo.pop()
                if not self._submitted(client, number, attempt):
                    with self.lock:
                        self.todo.append((number, attempt + 1))
                    time.sleep(0.05)

    def _submitted(self, client, number, attempt):
        content = content_of(number, attempt)
        with self.lock:
            self.sent[content["input"]] = content
        try:
            answer = client.post(
                f"{self.service.url}/report/{content['report_id']}", json={"format": "json", "content": content}
            )
        except httpx.TransportError:
            return False
        assert answer.status_code == 200, answer.text
        with self.lock:
            self.acknowledged[answer.json()["measurement_uid"]] = content
        return True


def publish_until_done(service, dice):
    """Run `ooni publish`, killed after ever longer times, until one run ends by itself; return how many were killed."""
    killed, seconds = 0, 0.3
    while True:
        process = subprocess.Popen(
            [sys.executable, "-m", "ooni_entrypoints.cli", "--config", str(service.config), "publish", "--now"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=clean_environment(),
        )
        try:
            _, errors = process.communicate(timeout=seconds * dice.uniform(1, 1.2))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            killed += 1
            seconds *= 1.2
            continue
        assert process.returncode == 0, errors.decode()
        return killed


def published_lines(service):
    """Every line of every published file, by file."""
    for file in sorted((service.data_dir / "objects" / "raw").rglob("*.jsonl.gz")):
        if not file.name.endswith(".index.jsonl.gz"):
            yield from gzip.decompress(file.read_bytes()).splitlines()


@pytest.mark.long
@pytest.mark.timeout(400)
def test_nothing_acknowledged_is_lost_and_nothing_is_published_twice(tmp_path, record_property, capsys):
    dice = random.Random(20261123)
    service = RunningService(tmp_path, settings="[publication]\nenabled = false\n").start()
    probe = Probe(service, [(number, 0) for number in reversed(range(MEASUREMENTS))])
    threads = [threading.Thread(target=probe.run) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    kills = 0
    while kills < ROUNDS:
        before = len(probe.acknowledged)
        # Let some through, so that every life of the server acknowledges something worth losing.
        share = (MEASUREMENTS - before) // (2 * (ROUNDS - kills)) if before < MEASUREMENTS else 0
        eventually(lambda: len(probe.acknowledged) >= before + share, seconds=20)  # noqa: B023
        time.sleep(dice.random() * 0.05)
        service.kill()
        kills += 1
        service.start()
    for thread in threads:
        thread.join()
    assert len(probe.acknowledged) == MEASUREMENTS
    service.kill()

    publications_killed = publish_until_done(service, dice)
    assert publications_killed
    lines = [json.loads(line) for line in published_lines(service)]
    by_input = {line["input"]: line for line in lines}
    assert len(by_input) == len(lines), "a measurement was published twice"
    assert all(probe.sent[input] == line for input, line in by_input.items()), "something else was published"
    lost = [uid for uid, content in probe.acknowledged.items() if content["input"] not in by_input]
    assert lost == []
    assert not list((service.data_dir / "measurements" / "incoming").rglob("*.post"))

    service.start()
    with httpx.Client(base_url=service.url, timeout=PATIENCE_SECONDS) as client:
        for uid, content in probe.acknowledged.items():
            assert client.get(f"/api/v1/raw_measurement?measurement_uid={uid}").json() == content
        window = {"since": "2026-11-20", "until": "2026-11-21"}
        counts = client.get("/api/v1/aggregation", params=window).json()["result"]
        assert counts["measurement_count"] == counts["ok_count"] == len(lines)
        listed = client.get("/api/v1/measurements", params={**window, "limit": 2 * MEASUREMENTS}).json()["results"]
    service.stop()
    uids = [each["measurement_uid"] for each in listed]
    assert len(set(uids)) == len(uids) == len(lines), "a measurement was scored twice or not at all"
    assert set(probe.acknowledged) <= set(uids)
    with capsys.disabled():
        print(
            f"\nkill test: {len(probe.acknowledged)} acknowledged, {len(probe.sent)} sent, {len(lines)} published once"
            f" ({len(lines) - len(probe.acknowledged)} kept although their answer was lost), 0 lost;"
            f" {kills} kills of the server, {publications_killed} of publication"
        )
