"""Publishing an hour of measurements, and fetching one body from it, beside gzip on the same bytes."""

import gzip
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import orjson

from benchmarks import Figure, percentile, seconds
from ooni_adapters.database import open_database
from ooni_adapters.journal import SqliteJournal
from ooni_adapters.objectstore import open_object_store
from ooni_adapters.spool import FolderSpool
from ooni_adapters.sql.bodies import SqlBodyIndex
from ooni_core.archive import Archive
from ooni_core.measurement import MeasurementUid
from ooni_core.publication.ports import ObjectStore
from ooni_core.publication.service import PublicationService

_HOUR = datetime(2026, 1, 1, 10, tzinfo=UTC)
_WORDS = [f"word{number}" for number in range(2000)]


class _Later:
    def now(self) -> datetime:
        return _HOUR + timedelta(hours=3)


@attrs.define
class _Counted:
    """The object store, counting what is read from it."""

    objects: ObjectStore
    bytes_read: int = 0

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        found = self.objects.get_range(key, offset, length)
        self.bytes_read += len(found)
        return found

    def __getattr__(self, name: str) -> object:
        return getattr(self.objects, name)


def _body(dice: random.Random, number: int) -> bytes:
    page = " ".join(dice.choices(_WORDS, k=1200))
    content = {"report_id": "r", "input": f"https://site{number}.example.org/", "test_keys": {"body": page}}
    return orjson.dumps({"format": "json", "content": content})


def figures(*, quick: bool) -> Iterator[Figure]:
    dice, count = random.Random(1), 1_000 if quick else 5_000
    bodies = [_body(dice, number) for number in range(count)]
    size = sum(map(len, bodies))
    whole = b"\n".join(bodies)
    plain = seconds(lambda: gzip.compress(whole, 6), 1)
    yield Figure("gzip -6 of the same bytes, by zlib", size / plain / 1e6, "MB/s", f"{size / 1e6:.0f} MB")
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name).absolute()
        spool = FolderSpool(folder / "spool", fsync=False)
        uids = []
        for number, body in enumerate(bodies):
            uids.append(MeasurementUid.mint(_HOUR + timedelta(milliseconds=number), "IT", "webconnectivity", body))
            spool.put(uids[-1], body)
        objects = _Counted(open_object_store(f"file://{folder}/objects"))
        index = SqlBodyIndex(open_database("duckdb://:memory:"))
        service = PublicationService(spool, SqliteJournal(folder / "spool"), objects, index, _Later(), "n0")
        start = time.perf_counter()
        report = service.run()
        published = time.perf_counter() - start
        assert report.measurements == count, report
        yield Figure(
            "publish, postcan and JSON lines", size / published / 1e6, "MB/s", f"{plain / published:.2f} times gzip -6"
        )
        yield from _lookups(spool, index, objects, uids, folder, dice, 100 if quick else 500)


def _lookups(
    spool: FolderSpool,
    index: SqlBodyIndex,
    objects: _Counted,
    uids: list[MeasurementUid],
    folder: Path,
    dice: random.Random,
    count: int,
) -> Iterator[Figure]:
    archive, times = Archive(spool, index, objects, (), _Later()), []
    objects.bytes_read = 0
    for uid in dice.sample(uids, count):
        start = time.perf_counter()
        assert archive.find(uid.text)
        times.append(time.perf_counter() - start)
    times.sort()
    files = folder.rglob("*.jsonl.gz")
    largest = max(files, key=lambda file: file.stat().st_size)
    gunzip = seconds(lambda: gzip.decompress(largest.read_bytes()))
    median = percentile(times, 0.5)
    yield Figure(
        "one body from a published hour",
        median * 1000,
        "ms",
        f"p99 {percentile(times, 0.99) * 1000:.1f} ms, {objects.bytes_read / count / 1000:.0f} KB read;"
        f" gunzip of the whole file takes {gunzip / median:.0f} times as long",
    )
