"""Making tables again from published files alone."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import attrs

from ooni_core.errors import Invalid, OoniError
from ooni_core.measurement import MeasurementUid
from ooni_core.publication.files import read_sidecar
from ooni_core.publication.lines import content_of
from ooni_core.publication.model import JSONL, POSTCAN, SIDECAR, BatchName, IndexEntry
from ooni_core.publication.ports import BodyIndex, ObjectStore

Bodies = Sequence[tuple[MeasurementUid, bytes]]


@attrs.frozen
class RebuildReport:
    """What a rebuild did.

    Attributes:
        batches: published batches read.
        entries: index entries made.
        bodies: bodies handed to scoring.
        problems: batches that could not be read, and why.
    """

    batches: int = 0
    entries: int = 0
    bodies: int = 0
    problems: tuple[str, ...] = ()


def _no_scoring(bodies: Bodies) -> None:
    """Only the index is made again."""


@attrs.frozen
class RebuildService:
    """Reads every published batch and makes its index entries and verdicts again. Repeating it changes nothing.

    Attributes:
        read_postcan: from the content of a ``.tar.gz`` and its key to (uid, body) in the order of the archive.
        score: stores a verdict or a quarantine entry for each body.
    """

    objects: ObjectStore
    index: BodyIndex
    read_postcan: Callable[[bytes, str], Iterable[tuple[MeasurementUid, bytes]]]
    score: Callable[[Bodies], object] = _no_scoring

    def run(
        self, start_day: str = "", end_day: str = "", progress: Callable[[int], None] = lambda _: None
    ) -> RebuildReport:
        """Rebuild what was received from *start_day* on and before *end_day* (``YYYYMMDD``; empty: no bound).

        A batch that cannot be read is reported and stops no other.
        """
        report = RebuildReport()
        for name, suffixes in self.batches(start_day, end_day):
            try:
                entries, bodies = self._one(name, suffixes)
            except OoniError as exc:
                report = attrs.evolve(report, problems=(*report.problems, f"{name.stem}: {exc}"))
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
            day = key.split("/", 2)[1]
            if day < start_day or (end_day and day >= end_day):
                continue
            try:
                name, suffix = BatchName.parse(key)
            except Invalid:
                continue  # not a file of a batch
            found.setdefault(name, set()).add(suffix)
        yield from sorted((name, suffixes) for name, suffixes in found.items() if JSONL in suffixes)

    def _one(self, name: BatchName, suffixes: set[str]) -> tuple[int, int]:
        bodies: Bodies = []
        if POSTCAN in suffixes:
            key = name.key(POSTCAN)
            bodies = list(self.read_postcan(self.objects.get(key), key))
        entries = self._entries(name, suffixes, bodies)
        self.index.put(entries)
        self.score(bodies)
        return len(entries), len(bodies)

    def _entries(self, name: BatchName, suffixes: set[str], bodies: Bodies) -> list[IndexEntry]:
        s3path = name.key(JSONL)
        if SIDECAR in suffixes:
            lines = read_sidecar(self.objects.get(name.key(SIDECAR)))
            return [line.entry(s3path) for line in lines if not line.problem]
        if POSTCAN not in suffixes:
            raise Invalid("neither the index nor the postcan is there: nothing tells the measurements' names")
        return list(_entries_of_postcan(s3path, bodies))


def _entries_of_postcan(s3path: str, bodies: Bodies) -> Iterator[IndexEntry]:
    """Older writers published no index, but lines in the order of the postcan's members."""
    for linenum, (uid, body) in enumerate(bodies):
        try:
            content = content_of(body)
        except Invalid:
            continue
        yield IndexEntry(content.report_id, content.input, uid.text, s3path, linenum)
