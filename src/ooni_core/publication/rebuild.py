"""Making tables again from published files alone: of today's layout, and of the cans and lines before October 2020."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import attrs
import msgspec

from ooni_core.errors import Invalid, OoniError
from ooni_core.measurement import MeasurementUid, trivial_uid
from ooni_core.publication.files import gunzip, read_sidecar
from ooni_core.publication.lines import EMPTY_LINE, content_of, identity_of
from ooni_core.publication.model import JSONL, POSTCAN, SIDECAR, BatchName, IndexEntry
from ooni_core.publication.ports import BodyIndex, ObjectStore

Bodies = Sequence[tuple[str, bytes]]

# jsonl/<nettest>/<country>/<day>/00/…: any name, two generations of files share the folders.
_ARCHIVED = re.compile(r"jsonl/[^/]+/[A-Z]{2}/([0-9]{8})/[0-9]{2}/[^/]+\.jsonl\.gz")
# canned/<day>/…: reports of one nettest, or of one probe; index.json.gz is none.
_CANNED = re.compile(r"canned/([0-9]{4}-[0-9]{2}-[0-9]{2})/[^/]+\.(?:tar|json|yaml)(?:\.lz4)?")


class _Name(msgspec.Struct):
    measurement_uid: Any = None
    measurement_start_time: Any = None


_NAME = msgspec.json.Decoder(_Name)


@attrs.frozen
class RebuildReport:
    """What a rebuild did.

    Attributes:
        batches: published batches read, older cans and files of lines included.
        entries: index entries made.
        bodies: bodies handed to scoring.
        problems: batches that could not be read, and why.
    """

    batches: int = 0
    entries: int = 0
    bodies: int = 0
    problems: tuple[str, ...] = ()


def _no_cans(objects: ObjectStore, key: str) -> Iterator[tuple[str, bytes]]:
    """Cans are passed over."""
    return iter(())


def _no_scoring(bodies: Bodies) -> None:
    """Only the index is made again."""


@attrs.frozen
class RebuildService:
    """Reads every published batch and makes its index entries and verdicts again. Repeating it changes nothing.

    Attributes:
        read_postcan: from the content of a ``.tar.gz`` and its key to (uid, body) in the order of the archive.
        score: stores a verdict or a quarantine entry for each pair of uid and body.
        read_can: from a store and the key of a can to (uid, JSON text) in the order of the can.
        cans: where the cans are; None for *objects*.
    """

    objects: ObjectStore
    index: BodyIndex
    read_postcan: Callable[[bytes, str], Iterable[tuple[MeasurementUid, bytes]]]
    score: Callable[[Bodies], object] = _no_scoring
    read_can: Callable[[ObjectStore, str], Iterable[tuple[str, bytes]]] = _no_cans
    cans: ObjectStore | None = None

    def run(
        self, start_day: str = "", end_day: str = "", progress: Callable[[int], None] = lambda _: None
    ) -> RebuildReport:
        """Rebuild what was received from *start_day* on and before *end_day* (``YYYYMMDD``; empty: no bound).

        A batch that cannot be read is reported and stops no other.
        """
        report = RebuildReport()
        for what, read in self._units(start_day, end_day):
            try:
                entries, bodies = self._store(*read())
            except OoniError as exc:
                report = attrs.evolve(report, problems=(*report.problems, f"{what}: {exc}"))
                continue
            report = attrs.evolve(
                report,
                batches=report.batches + 1,
                entries=report.entries + entries,
                bodies=report.bodies + bodies,
            )
            progress(bodies or entries)
        return report

    def batches(self, start_day: str = "", end_day: str = "") -> Iterator[tuple[BatchName, set[str]]]:
        """Yield every published batch of those days and the suffixes of its files, in the order of the keys.

        A batch without its ``.jsonl.gz`` is not published yet, or never will be, and is left out.
        """
        found: dict[BatchName, set[str]] = {}
        for key in self.objects.keys("raw"):
            if not _within(key.split("/", 2)[1], start_day, end_day):
                continue
            try:
                name, suffix = BatchName.parse(key)
            except Invalid:
                continue  # not a file of a batch
            found.setdefault(name, set()).add(suffix)
        yield from sorted((name, suffixes) for name, suffixes in found.items() if JSONL in suffixes)

    def _units(
        self, start_day: str, end_day: str
    ) -> Iterator[tuple[str, Callable[[], tuple[list[IndexEntry], Bodies]]]]:
        """Yield what is read at a time: its name, and what reads it.

        The older files come first: what is also in a newer one is found there.
        """
        cans = self.cans or self.objects
        for key in cans.keys("canned"):
            match = _CANNED.fullmatch(key)
            if match is not None and _within(match[1].replace("-", ""), start_day, end_day):
                yield key, partial(self._canned, cans, key, match[1])
        for key in self.objects.keys("jsonl"):
            match = _ARCHIVED.fullmatch(key)
            if match is not None and _within(match[1], start_day, end_day):
                yield key, partial(self._archived, key)
        for name, suffixes in self.batches(start_day, end_day):
            yield name.stem, partial(self._batch, name, suffixes)

    def _store(self, entries: list[IndexEntry], bodies: Bodies) -> tuple[int, int]:
        self.index.put(entries)
        self.score(bodies)
        return len(entries), len(bodies)

    def _canned(self, cans: ObjectStore, key: str, day: str) -> tuple[list[IndexEntry], Bodies]:
        entries, bodies = [], []
        for linenum, (uid, text) in enumerate(self.read_can(cans, key)):
            try:
                report_id, input = identity_of(text)
            except Invalid:
                continue  # a line that holds no measurement, as any reader of cans passes over
            entries.append(IndexEntry(report_id, input, uid, key, linenum, date=day, source=key))
            bodies.append((uid, text))
        return entries, bodies

    def _archived(self, key: str) -> tuple[list[IndexEntry], Bodies]:
        entries, bodies = [], []
        for linenum, line in enumerate(gunzip(self.objects.get(key)).split(b"\n")):
            if line.strip() and line != EMPTY_LINE:
                report_id, input = identity_of(line)
                uid = _uid_of(line)
                entries.append(IndexEntry(report_id, input, uid, key, linenum))
                bodies.append((uid, line))
        return entries, bodies

    def _batch(self, name: BatchName, suffixes: set[str]) -> tuple[list[IndexEntry], Bodies]:
        bodies: Bodies = []
        if POSTCAN in suffixes:
            key = name.key(POSTCAN)
            bodies = [(uid.text, body) for uid, body in self.read_postcan(self.objects.get(key), key)]
        return self._entries(name, suffixes, bodies), bodies

    def _entries(self, name: BatchName, suffixes: set[str], bodies: Bodies) -> list[IndexEntry]:
        s3path = name.key(JSONL)
        if SIDECAR in suffixes:
            lines = read_sidecar(self.objects.get(name.key(SIDECAR)))
            return [line.entry(s3path) for line in lines if not line.problem]
        if POSTCAN not in suffixes:
            raise Invalid("neither the index nor the postcan is there: nothing tells the measurements' names")
        return list(_entries_of_postcan(s3path, bodies))


def _within(day: str, start_day: str, end_day: str) -> bool:
    return start_day <= day and not (end_day and day >= end_day)


def _uid_of(line: bytes) -> str:
    """Return the name that a line carries, or the one that its content gives it."""
    try:
        named = _NAME.decode(line)
    except (msgspec.DecodeError, RecursionError):
        named = _Name()
    if named.measurement_uid and isinstance(named.measurement_uid, str):
        return named.measurement_uid
    return trivial_uid(line + b"\n", named.measurement_start_time)


def _entries_of_postcan(s3path: str, bodies: Bodies) -> Iterator[IndexEntry]:
    """Older writers published no index, but lines in the order of the postcan's members."""
    for linenum, (uid, body) in enumerate(bodies):
        try:
            content = content_of(body)
        except Invalid:
            continue
        yield IndexEntry(content.report_id, content.input, uid, s3path, linenum)
