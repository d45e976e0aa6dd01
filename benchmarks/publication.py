"""Publishing an hour of measurements, and fetching one body from it, beside gzip on the same bytes."""

import gzip
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import attrs
import orjson

from benchmarks import Figure, percentile, seconds
from ooni_adapters.database import open_database
from ooni_adapters.executors.beside import beside
from ooni_adapters.journal import SqliteJournal
from ooni_adapters.objectstore import open_object_store
from ooni_adapters.spool import FolderSpool
from ooni_adapters.sql.bodies import SqlBodyIndex
from ooni_core.archive import Archive
from ooni_core.measurement import MeasurementUid
from ooni_core.publication.ports import ObjectStore
from ooni_core.publication.service import PublicationService

_HOUR = datetime(2026, 1, 1, 10, tzinfo=UTC)
_COUNTRIES = ("DE", "FR", "IT", "US")
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


def _words(dice: random.Random, number: int) -> bytes:
    """A body that is mostly a page of words: gzip makes a quarter of it."""
    page = " ".join(dice.choices(_WORDS, k=1200))
    content = {"report_id": "r", "input": f"https://site{number}.example.org/", "test_keys": {"body": page}}
    return orjson.dumps({"format": "json", "content": content})


def _events(dice: random.Random, number: int) -> bytes:
    """A body that is mostly structure, as most are: gzip makes less than a fifth of it, three times as fast."""
    events = [
        {
            "address": f"203.0.113.{dice.randrange(256)}:443",
            "failure": None,
            "num_bytes": dice.randrange(5000),
            "operation": dice.choice(["connect", "read", "write", "tls_handshake_done"]),
            "proto": "tcp",
            "t": round(dice.random() * 3, 6),
            "tags": ["tcptls_experiment", f"depth={dice.randrange(3)}"],
            "transaction_id": dice.randrange(9),
        }
        for _ in range(60)
    ]
    keys = {"body": " ".join(dice.choices(_WORDS, k=300)), "network_events": events}
    content = {"report_id": "r", "input": f"https://site{number}.example.org/", "test_keys": keys}
    return orjson.dumps({"format": "json", "content": content})


def figures(*, quick: bool) -> Iterator[Figure]:
    count, repeat = (1_000, 1) if quick else (5_000, 3)
    with tempfile.TemporaryDirectory(dir=".") as name:
        _Hour(Path(name).absolute(), [b"{}"]).publish()  # imports what is imported late, outside of what is timed
    for kind, make in (("pages of words", _words), ("structure", _events)):
        dice = random.Random(1)
        bodies = [make(dice, number) for number in range(count)]
        yield from _publishing(kind, bodies, repeat)
    dice = random.Random(1)
    with tempfile.TemporaryDirectory(dir=".") as name:
        hour = _Hour(Path(name).absolute(), [_words(dice, number) for number in range(count)])
        hour.publish()
        yield from _lookups(hour, dice, 100 if quick else 500)


def _publishing(kind: str, bodies: list[bytes], repeat: int) -> Iterator[Figure]:
    """Publish those bodies from each of some countries.

    Every body goes into two files: gzip -6 is given what both hold, and, for those who would write only one of them,
    the bodies alone.
    """
    times: list[dict[str, tuple[float, float]]] = []
    for _ in range(repeat):  # each beside the others: the machine may be faster in the next minute
        with tempfile.TemporaryDirectory(dir=".") as name:
            hour = _Hour(Path(name).absolute(), bodies, _COUNTRIES)
            published = _times(hour.publish)
            tar, lines = (hour.content(_COUNTRIES[0], suffix) for suffix in (".tar.gz", ".jsonl.gz"))
            made = {suffix: hour.stored(suffix) / len(_COUNTRIES) for suffix in (".tar.gz", ".jsonl.gz")}
        plain = [_times(partial(gzip.compress, content, 6)) for content in (tar, lines)]
        times.append({"publish": published, "tar": plain[0], "lines": plain[1]})
    best = {what: [min(each[what][column] for each in times) for column in (0, 1)] for what in times[0]}
    both = [(tar + lines) * len(_COUNTRIES) for tar, lines in zip(best["tar"], best["lines"], strict=True)]
    once = [lines * len(_COUNTRIES) for lines in best["lines"]]
    clock, work = best["publish"]
    size, size_once = (len(part) * len(_COUNTRIES) / 1e6 for part in (tar + lines, lines))
    packed = len(gzip.compress(lines, 6))
    what = f"{len(bodies) * len(_COUNTRIES)} measurements in {len(_COUNTRIES)} batches, {size_once:.0f} MB of {kind}"
    yield Figure("gzip -6 of the postcan's and the lines' content, by zlib", size / both[0], "MB/s", what)
    yield Figure(
        "publish, postcan and JSON lines",
        size / clock,
        "MB/s",
        f"{both[0] / clock:.2f} times gzip -6 of the same bytes by the clock, {both[1] / work:.2f} by processor time"
        f" ({once[0] / clock:.2f} and {once[1] / work:.2f} when gzip makes only the lines); {what}; ISA-L makes"
        f" {made['.tar.gz'] / packed:.2f} and {made['.jsonl.gz'] / packed:.2f} times as much of them as gzip -6",
    )


def _times(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock and of all processors that *work* took."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - processor


class _Hour:
    """An hour of measurements in a spool, and where they are published."""

    def __init__(self, folder: Path, bodies: list[bytes], countries: tuple[str, ...] = ("IT",)) -> None:
        self.folder = folder
        self.spool = FolderSpool(folder / "spool", fsync=False)
        self.uids = []
        for country in countries:
            for number, body in enumerate(bodies):
                received = _HOUR + timedelta(milliseconds=number)
                self.uids.append(MeasurementUid.mint(received, country, "webconnectivity", body))
                self.spool.put(self.uids[-1], body)
        self.objects = _Counted(open_object_store(f"file://{folder}/objects"))
        self.index = SqlBodyIndex(open_database("duckdb://:memory:"))

    def publish(self) -> None:
        """Publish all of it, in the threads that the service has for it."""
        journal = SqliteJournal(self.folder / "spool")
        service = PublicationService(
            self.spool,
            journal,
            self.objects,
            self.index,
            _Later(),
            "n0",
            beside=beside,
            finishing=partial(beside, ahead=1),
        )
        report = service.run()
        journal.close()
        assert report.measurements + report.unpublishable == len(self.uids), report
        assert not report.problems, report

    def content(self, country: str, suffix: str) -> bytes:
        """Return what the published files of that country and kind hold."""
        files = sorted((self.folder / "objects").rglob(f"*_{country}_*{suffix}"))
        return b"".join(gzip.decompress(file.read_bytes()) for file in files)

    def stored(self, suffix: str) -> int:
        """Bytes of all published files of that kind."""
        return sum(file.stat().st_size for file in (self.folder / "objects").rglob(f"*{suffix}"))


def _lookups(hour: _Hour, dice: random.Random, count: int) -> Iterator[Figure]:
    objects, times = hour.objects, []
    archive = Archive(hour.spool, hour.index, objects, (), _Later())
    objects.bytes_read = 0
    for uid in dice.sample(hour.uids, count):
        start = time.perf_counter()
        assert archive.find(uid.text)
        times.append(time.perf_counter() - start)
    times.sort()
    files = hour.folder.rglob("*.jsonl.gz")
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
