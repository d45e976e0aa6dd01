"""A full disk or a full spool answers 503 to probes, loses nothing, and recovers without a restart: over real HTTP."""

import gzip
import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import httpx
import pytest

from ooni_core.errors import Unavailable
from ooni_core.intake.backpressure import SpoolBound
from tests.service import RunningService, eventually, get, post

REPORT = "20261120T100000Z_webconnectivity_IT_64496_n1_ExampleExample00"
BALLAST = 2 * 2**30  # much more than what other programs write or remove meanwhile


def body(number: int) -> bytes:
    content = json.loads((Path(__file__).parents[3] / "examples" / "measurement.json").read_bytes())["content"]
    return json.dumps({"format": "json", "content": {**content, "input": f"https://{number}.example/"}}).encode()


def submit(service: RunningService, number: int) -> httpx.Response:
    return post(f"{service.url}/report/{REPORT}", content=body(number))


def ready(service: RunningService) -> httpx.Response:
    return get(f"{service.url}/health/ready")


def alarms(service: RunningService) -> list[str]:
    return [warning for warning in ready(service).json()["warnings"] if "publication" in warning]


def published_inputs(service: RunningService) -> list[str]:
    files = (service.data_dir / "objects").rglob("*.jsonl.gz")
    return sorted(
        json.loads(line)["input"] for file in files for line in gzip.decompress(file.read_bytes()).splitlines()
    )


def spooled(service: RunningService) -> list[Path]:
    return [path for path in (service.data_dir / "measurements" / "incoming").rglob("*") if path.is_file()]


@contextmanager
def running(folder: Path, settings: str) -> Iterator[RunningService]:
    service = RunningService(folder, settings=settings).start()
    try:
        yield service
    finally:
        service.stop()


def limit_files(service: RunningService, most: int) -> None:
    """Make every write beyond that offset of a file fail in the service, as on a disk that is full just there."""
    _, hard = resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (most, hard))


def test_disk_that_takes_no_more_bytes_is_503_and_recovers_by_itself(tmp_path: Path) -> None:
    with running(tmp_path, "[publication]\nenabled = false\n") as service:
        first = submit(service, 1)
        assert first.status_code == 200
        uid = first.json()["measurement_uid"]
        for most in (2000, 0):  # in the middle of a body, and at once
            limit_files(service, most)
            refused = submit(service, 2)
            assert refused.status_code == 503, refused.text
            assert int(refused.headers["retry-after"]) > 0
            assert len(spooled(service)) == 1, "something was left behind"
        assert get(f"{service.url}/health").text == "UP"
        found = get(f"{service.url}/api/v1/raw_measurement?measurement_uid={uid}")
        assert found.json()["input"] == "https://1.example/"
        assert service.run("publish", "--now", check=False).returncode == 1
        limit_files(service, resource.RLIM_INFINITY)
        assert submit(service, 2).status_code == 200
        assert eventually(lambda: service.run("publish", "--now", check=False).returncode == 0)
        assert published_inputs(service) == ["https://1.example/", "https://2.example/"]
        assert spooled(service) == []
        assert ready(service).status_code == 200


def test_room_below_the_reserve_is_503_until_there_is_room_again(tmp_path: Path) -> None:
    room = os.statvfs(tmp_path)
    free = room.f_bavail * room.f_frsize
    size = min(BALLAST, free // 2)
    reserve = free - size // 2
    with running(tmp_path, f"reserve_bytes = {reserve}\n[publication]\nenabled = false\n") as service:
        assert submit(service, 1).status_code == 200
        ballast = tmp_path / "ballast"
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)
        refused = submit(service, 2)
        assert refused.status_code == 503
        assert "bytes are free" in refused.json()["error"]
        assert (ready(service).status_code, ready(service).json()["errors"]) == (503, ["spool_full"])
        ballast.unlink()
        assert eventually(lambda: submit(service, 2).status_code == 200)
        assert ready(service).status_code == 200


def test_spool_beyond_its_bound_raises_the_alarm_and_then_is_503_until_it_is_published(tmp_path: Path) -> None:
    settings = "most_waiting = 3\n[publication]\nenabled = false\nalarm_waiting = 1\n"
    with running(tmp_path, settings) as service:
        assert submit(service, 1).status_code == 200
        assert alarms(service) == []
        assert [submit(service, number).status_code for number in (2, 3, 4)] == [200, 200, 503]
        [warning] = alarms(service)
        assert warning.startswith("3 measurements wait for publication")
        assert "published 3 measurements" in service.run("publish", "--now").stdout
        assert eventually(lambda: submit(service, 4).status_code == 200)
        assert alarms(service) == []


@attrs.define
class SetClock:
    instant: datetime = datetime(2026, 3, 4, tzinfo=UTC)

    def now(self) -> datetime:
        return self.instant


class TestSpoolBound:
    def test_admitted_ones_count_until_the_next_look(self) -> None:
        looks = []
        clock = SetClock()
        bound = SpoolBound(lambda: looks.append(1) or 8, 10, clock)
        bound.admit()
        bound.admit()
        with pytest.raises(Unavailable, match="10 measurements wait"):
            bound.admit()
        assert len(looks) == 1
        clock.instant += timedelta(seconds=5)
        bound.admit()
        assert len(looks) == 2

    def test_clock_that_steps_back_does_not_stop_the_counting(self) -> None:
        counts = iter([10, 0])
        clock = SetClock()
        bound = SpoolBound(lambda: next(counts), 10, clock)
        with pytest.raises(Unavailable):
            bound.admit()
        clock.instant -= timedelta(hours=1)
        bound.admit()

    def test_no_bound_never_looks(self) -> None:
        def look() -> int:
            raise AssertionError("counted")

        SpoolBound(look, 0, SetClock()).admit()
