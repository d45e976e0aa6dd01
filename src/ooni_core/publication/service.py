"""Publishing: from the spool to the object store, losing nothing and publishing nothing twice.

A batch goes through five states (BatchState). What is done in each is a function of the journal and may be repeated, so
a run that is cut at any instruction is taken up by the next one:

1. plan: its name belongs to exactly these measurements, for ever;
2. build: its files are made and kept beside the spool;
3. upload: each file is put where nothing was, the JSON lines last;
4. index: every body can be found;
5. release: once each measurement has its verdict, the spool forgets the bodies.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial

import attrs

from ooni_core.errors import Conflict, OoniError, Unavailable
from ooni_core.intake.ports import MeasurementSpool
from ooni_core.measurement import MeasurementUid, SpoolBucket
from ooni_core.ports import Clock
from ooni_core.publication.adoption import adopt_published, next_number, published_manifests, unlisted_buckets
from ooni_core.publication.files import Beside, Built, build, gunzip, one_by_one, seekable_zstd, write_sidecar
from ooni_core.publication.manifests import write_manifest
from ooni_core.publication.model import JSONL, POSTCAN, SEEKABLE, SIDECAR, Backlog, Batch, BatchState, Manifest, Report
from ooni_core.publication.ports import BodyIndex, ObjectStore, PublicationJournal
from ooni_core.scoring.model import UNREADABLE, Quarantined

UNPUBLISHABLE = "unpublishable"
"""Kind of a quarantined body that is no measurement."""

_HOUR = timedelta(hours=1)


@attrs.frozen
class PublicationLimits:
    """Bounds of one batch and of the whole.

    Attributes:
        batch_bytes: a batch is cut once its bodies, as received, reach this many bytes; its files are in memory until
            they are uploaded, and meanwhile those of the next one.
        batch_measurements: most measurements in a batch.
        grace: how long after its end an hour is left open for puts under way.
        keep_journal: how long finished batches are remembered, to recognise a measurement that comes again.
        late: a backlog older than this raises the alarm.
        many: and so do more measurements than this.
        give_up_after: a run stops after this many failures of the object store or the index in a row.
    """

    batch_bytes: int = 64 * 2**20
    batch_measurements: int = 5000
    grace: timedelta = timedelta(minutes=5)
    keep_journal: timedelta = timedelta(days=14)
    late: timedelta = timedelta(hours=2)
    many: int = 500_000
    give_up_after: int = 3


def _nothing_to_wait_for(uids: Sequence[MeasurementUid]) -> None:
    """Every measurement may go: nobody scores here."""


def _only_told(entry: Quarantined) -> None:
    """The report says it, and nobody keeps it."""


def _unannounced(manifest: Manifest) -> None:
    """Nobody keeps a log."""


def _silent(measurements: int) -> None:
    """Nobody watches."""


@attrs.frozen
class PublicationService:
    """Publishes what the spool holds.

    Attributes:
        identity: ``n`` and the collector id of this host; part of every file name.
        before_discard: returns once each of these measurements has its verdict or its entry in quarantine; raises an
            OoniError to keep them in the spool until the next run.
        quarantine: told of each body that the spool cannot give back (it stays there and is tried again), and of each
            that is no measurement (its line is ``{}``).
        announce: told of each manifest once all its files are published, and told again until it returns: the place of
            a transparency log.
        seekable: also publish ``.jsonl.zst``.
        beside: does the compressing; the composition root gives it a thread.
        finishing: does what follows the building of a batch, from its name to its release; the composition root gives
            it another thread, at most a batch behind, so that the next batch is built meanwhile.
    """

    spool: MeasurementSpool
    journal: PublicationJournal
    objects: ObjectStore
    index: BodyIndex
    clock: Clock
    identity: str
    before_discard: Callable[[Sequence[MeasurementUid]], None] = _nothing_to_wait_for
    announce: Callable[[Manifest], object] = _unannounced
    quarantine: Callable[[Quarantined], object] = _only_told
    seekable: bool = False
    beside: Beside = one_by_one
    finishing: Beside = one_by_one
    limits: PublicationLimits = attrs.field(factory=PublicationLimits)

    def run(self, *, include_open_hour: bool = False, progress: Callable[[int], None] = _silent) -> Report:
        """Publish every closed hour, after what an earlier run left unfinished. Two runs never overlap.

        A failure concerns one batch and is told in the report; it never stops the others, unless the store fails again
        and again.

        Args:
            include_open_hour: seal the current hour too.
            progress: called with the number of measurements whenever a batch is done.
        """
        with self.journal.exclusive() as alone:
            if not alone:
                return Report(busy=True)
            run = _Run(self, progress)
            run.settle()
            run.resume()
            self.finishing(run.batches(self._closed(include_open_hour=include_open_hour)))
            run.write_manifests()
            self.journal.prune(self.clock.now() - self.limits.keep_journal)
            return run.report

    def backlog(self) -> Backlog:
        """Say what waits in the spool, and whether somebody should look."""
        buckets = self.spool.buckets()
        waiting = sum(len(self.spool.uids(bucket)) for bucket in buckets)
        if not buckets:
            return Backlog(0, "", 0, "")
        late = self.clock.now() - (buckets[0].start + _HOUR + self.limits.grace)
        hours = max(0, late // _HOUR)
        alarm = ""
        if late > self.limits.late or waiting > self.limits.many:
            alarm = f"{waiting} measurements wait for publication, the oldest since hour {buckets[0].hour} UTC"
        return Backlog(waiting, buckets[0].hour, hours, alarm)

    def recent_days(self) -> list[str]:
        """Return the days (``YYYYMMDD``) of whose batches a journal would still know, tomorrow for slow clocks."""
        first, days = self.clock.now() - self.limits.keep_journal, self.limits.keep_journal.days
        return [f"{first + timedelta(days=number):%Y%m%d}" for number in range(days + 2)]

    def _closed(self, *, include_open_hour: bool) -> list[SpoolBucket]:
        closed = self.clock.now() - _HOUR - self.limits.grace
        return [bucket for bucket in self.spool.buckets() if include_open_hour or bucket.start <= closed]


@attrs.define
class _Run:
    """One publishing run and what it has to report.

    Whatever finishes batches may be another thread than the one that builds them: both only append to lists.
    """

    service: PublicationService
    progress: Callable[[int], None]
    told: list[Report] = attrs.field(factory=list)
    lately: list[bool] = attrs.field(factory=list)  # whether a batch was finished, or the store or the index failed

    @property
    def report(self) -> Report:
        return sum(self.told, Report())

    @property
    def gave_up(self) -> bool:
        patience = self.service.limits.give_up_after
        return len(self.lately) >= patience and not any(self.lately[-patience:])

    def settle(self) -> None:
        """Compare a new journal with the object store, for what the one that was lost left undone.

        What is published and in no manifest is taken over; what manifests list is announced again.
        """
        service = self.service
        if not service.journal.is_settled():
            compared = [self.attempt(self._settle_day, day) for day in service.recent_days()]
            if all(compared):
                service.journal.settled()

    def _settle_day(self, day: str) -> None:
        service = self.service
        for bucket in unlisted_buckets(service.objects, service.identity, day):
            adopt_published(service.journal, service.objects, service.index, bucket, service.identity)
        for manifest in published_manifests(service.objects, service.identity, day):
            service.announce(manifest)

    def resume(self) -> None:
        for batch in self.service.journal.unfinished():
            if self.gave_up:
                return
            if self.attempt(self.finish, batch):
                self.told.append(Report(resumed=1))

    def attempt(self, step: Callable[..., None], what: Batch | Manifest | str) -> bool:
        """Do one step; a failure is reported and concerns nothing else."""
        try:
            step(what)
        except OoniError as exc:
            self._failed(what, exc)
            return False
        return True

    def batches(self, buckets: Iterable[SpoolBucket]) -> Iterator[Callable[[], object]]:
        """Plan the batches of *buckets*; yield what finishes each."""
        for bucket in buckets:
            if self.gave_up:
                return
            try:
                yield from self._batches_of(bucket)
            except OoniError as exc:
                self._failed(bucket, exc)

    def _batches_of(self, bucket: SpoolBucket) -> Iterator[Callable[[], object]]:
        """Plan what *bucket* holds and no batch has."""
        service = self.service
        first_number = 0
        if not service.journal.knows(bucket, service.identity):
            for batch in adopt_published(service.journal, service.objects, service.index, bucket, service.identity):
                self.finish(batch)
            first_number = next_number(service.objects, bucket, service.identity)
        uids = service.spool.uids(bucket)
        states = service.journal.states(uids)
        self._discard_again([uid for uid in uids if states.get(uid) is BatchState.DONE])
        bodies = self._bodies(uid for uid in uids if uid not in states)
        while not self.gave_up and (built := self._built(bucket, self._portion(bodies))).lines:
            batch = service.journal.plan(bucket, service.identity, built.uids, first_number)
            yield partial(self._finish_built, batch, built)

    def _finish_built(self, batch: Batch, built: Built) -> None:
        if not self.gave_up:  # or the next run resumes it
            self.attempt(partial(self.finish, built=built), batch)

    def finish(self, batch: Batch, built: Built | None = None) -> None:
        """Take *batch* from whatever state it is in to the end."""
        kept: Mapping[str, bytes] = {}
        if batch.state is BatchState.PLANNED:
            batch, kept = self._build(batch, built)
        if batch.state is BatchState.BUILT:
            batch = self._upload(batch, kept or self._kept(batch))
        if batch.state is BatchState.UPLOADED:
            batch = self._index(batch)
        if batch.state is BatchState.INDEXED:
            self._release(batch)

    def write_manifests(self) -> None:
        for manifest in self.service.journal.plan_manifests(self.service.identity):
            self.attempt(self._publish_manifest, manifest)

    def _publish_manifest(self, manifest: Manifest) -> None:
        manifest = self._put_manifest(manifest)
        self.service.announce(manifest)
        self.service.journal.manifest_published(manifest)
        self.told.append(Report(manifests=1))

    def _put_manifest(self, manifest: Manifest) -> Manifest:
        objects = self.service.objects
        try:
            objects.put(manifest.key, write_manifest(manifest))
        except Conflict:  # made by a journal that was lost
            taken = sum(1 for _ in objects.keys(manifest.key.rpartition("/")[0]))
            manifest = self.service.journal.replan_manifest(manifest, taken)
            objects.put(manifest.key, write_manifest(manifest))
        return manifest

    def _bodies(self, uids: Iterable[MeasurementUid]) -> Iterator[tuple[MeasurementUid, bytes]]:
        """Read bodies; one that cannot be read stays where it is and stops nobody."""
        for uid in uids:
            body = self._read(uid)
            if body is not None:
                yield uid, body

    def _portion(self, bodies: Iterator[tuple[MeasurementUid, bytes]]) -> Iterator[tuple[MeasurementUid, bytes]]:
        """Take as many of *bodies* as one batch holds."""
        limits, size, count = self.service.limits, 0, 0
        for uid, body in bodies:
            yield uid, body
            size, count = size + len(body), count + 1
            if size >= limits.batch_bytes or count >= limits.batch_measurements:
                return

    def _read(self, uid: MeasurementUid) -> bytes | None:
        try:
            return self.service.spool.get(uid)
        except Unavailable as exc:
            self._problem(f"{uid.text}: {exc}")
            self.service.quarantine(Quarantined(uid.text, str(exc), UNREADABLE))
            return None

    def _built(self, bucket: SpoolBucket, bodies: Iterable[tuple[MeasurementUid, bytes]]) -> Built:
        return build(bucket, bodies, self.service.beside)

    def _build(self, batch: Batch, built: Built | None = None) -> tuple[Batch, Mapping[str, bytes]]:
        """Return the batch and its files' content by key, which the journal keeps."""
        if built is None:
            built = self._built(batch.name.bucket, self._bodies(batch.uids))
        if not built.lines:
            self.service.journal.drop(batch)
            raise Conflict("none of its measurements can be read from the spool; it is given up")
        files = {POSTCAN: built.postcan, SIDECAR: write_sidecar(built.lines)}
        if self.service.seekable:
            files[SEEKABLE] = seekable_zstd(gunzip(built.jsonl))
        files[JSONL] = built.jsonl  # last: whoever sees it sees the rest
        self.told.append(Report(body_bytes=built.body_bytes))
        by_key = {batch.name.key(suffix): content for suffix, content in files.items()}
        return self.service.journal.build(batch, by_key, built.lines), by_key

    def _upload(self, batch: Batch, kept: Mapping[str, bytes]) -> Batch:
        if len(kept) < len(batch.files):
            self._problem(f"{batch.name.stem}: a file was lost before its upload; all are built again")
            batch, kept = self._build(batch)
        try:
            return self._put_files(batch, kept)
        except Conflict as exc:
            self._problem(f"{exc}; a new name is used")
        first_number = next_number(self.service.objects, batch.name.bucket, self.service.identity)
        return self._put_files(*self._build(self.service.journal.replan(batch, first_number)))

    def _kept(self, batch: Batch) -> dict[str, bytes]:
        """Return the built files that are not lost, by key."""
        found = {file.key: self.service.journal.content(batch, file.key) for file in batch.files}
        return {key: content for key, content in found.items() if content is not None}

    def _put_files(self, batch: Batch, kept: Mapping[str, bytes]) -> Batch:
        for file in batch.files:
            self.service.objects.put(file.key, kept[file.key], self.service.journal.place(batch, file.key))
        return self.service.journal.advance(batch, BatchState.UPLOADED)

    def _index(self, batch: Batch) -> Batch:
        entries = batch.entries
        self.service.index.put(entries)
        for entry in (*entries[:1], *entries[-1:]):
            if self.service.index.by_uid(entry.measurement_uid) != entry:
                raise Unavailable("the index does not return what was put into it")
        return self.service.journal.advance(batch, BatchState.INDEXED)

    def _release(self, batch: Batch) -> None:
        self.service.before_discard(batch.uids)
        for line in batch.lines:
            if line.problem:
                self.service.quarantine(Quarantined(line.measurement_uid, line.problem, UNPUBLISHABLE))
        self.service.spool.discard(batch.uids)
        self.service.journal.advance(batch, BatchState.DONE)
        self._count(batch)

    def _discard_again(self, uids: Sequence[MeasurementUid]) -> None:
        """Discard what is published already: a put that was repeated late, or a journal made anew.

        The uid holds a hash of the body, which tells whether these are the published bytes.
        """
        same = []
        for uid in uids:
            body = self._read(uid)
            if body is not None and hashlib.sha512(body).hexdigest()[:16] != uid.text[-16:]:
                self._problem(f"{uid.text} is published, and the spool holds other bytes under that name")
            elif body is not None:
                same.append(uid)
        if same:
            self.service.before_discard(same)
            self.service.spool.discard(same)

    def _count(self, batch: Batch) -> None:
        bad = sum(bool(line.problem) for line in batch.lines)
        file_bytes = sum(file.length for file in batch.files)
        good = len(batch.lines) - bad
        self.told.append(Report(batches=1, measurements=good, unpublishable=bad, file_bytes=file_bytes))
        self.lately.append(True)
        self.progress(len(batch.lines))

    def _failed(self, what: Batch | SpoolBucket | Manifest | str, error: OoniError) -> None:
        if isinstance(error, Unavailable):
            self.lately.append(False)
        self._problem(f"{_named(what)}: {error}")

    def _problem(self, text: str) -> None:
        self.told.append(Report(problems=(text,)))


def _named(what: Batch | SpoolBucket | Manifest | str) -> str:
    match what:
        case Batch():
            return what.name.stem
        case SpoolBucket():
            return what.name
        case Manifest():
            return what.key
        case str():
            return f"a new journal is compared with what was published of {what}"
