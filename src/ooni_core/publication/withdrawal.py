"""Withdrawing a published body, for somebody's privacy or safety: the one sanctioned change to the archive.

The log states it first; then the files that hold the body are written again without it, under new names; a manifest
says so; the old files and every row about the measurement are removed. What stays is the hash in the log and the
statement. Each step may be repeated, so a withdrawal that was cut is finished by asking for it again.
"""

import hashlib
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import attrs

from ooni_core.errors import Conflict, Invalid, NotFound, Unavailable
from ooni_core.intake.ports import MeasurementSpool
from ooni_core.measurement import MeasurementUid
from ooni_core.ports import Clock
from ooni_core.publication.adoption import published_files
from ooni_core.publication.files import gunzip, gzip_member, postcan, read_sidecar, seekable_zstd, write_sidecar
from ooni_core.publication.lines import EMPTY_LINE
from ooni_core.publication.manifests import write_withdrawal
from ooni_core.publication.model import (
    JSONL,
    POSTCAN,
    SEEKABLE,
    SIDECAR,
    BatchName,
    FileRecord,
    Line,
    folder_of,
)
from ooni_core.publication.ports import BodyIndex, ObjectStore, PublicationJournal
from ooni_core.publication.transparency.leaves import PublishedLeaf, WithdrawalLeaf, WithdrawalReason
from ooni_core.publication.transparency.log import TransparencyLog

WITHDRAWN = "withdrawn"

_MOST_GENERATIONS = 10_000


class Erasure(Protocol):
    """Forgets what the tables say about measurements."""

    def forget(self, uids: Collection[MeasurementUid]) -> None:
        """Remove every row about *uids*: verdicts, places of bodies, quarantine, feedback. Unknown ones are ignored.

        Raises:
            Unavailable: some rows may be gone; asking again removes the rest.
        """


@attrs.frozen
class WithdrawalReport:
    """What a withdrawal did.

    Attributes:
        uid: the measurement.
        log_size: number of leaves of the log that states it.
        written: keys of the files that take the place of the old ones.
        removed: keys of the files that are gone.
    """

    uid: str
    log_size: int
    written: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@attrs.frozen
class WithdrawalService:
    """Withdraws published bodies.

    Attributes:
        read_postcan: from the content of a ``.tar.gz`` and its key to (uid, body) in the order of the archive.
    """

    log: TransparencyLog
    spool: MeasurementSpool
    journal: PublicationJournal
    objects: ObjectStore
    index: BodyIndex
    erasure: Erasure
    clock: Clock
    read_postcan: Callable[[bytes, str], Iterable[tuple[MeasurementUid, bytes]]]

    def withdraw(self, uid: MeasurementUid, reason: WithdrawalReason) -> WithdrawalReport:
        """Remove the published body of *uid* everywhere and state it in the log. Repeating it changes nothing.

        Raises:
            NotFound: nobody knows *uid*.
            Conflict: it is accepted but not yet published; publish first, then withdraw.
            Invalid: its file was not written by this program and has no index beside it; nothing was changed.
            ProofFailed: the stored log is damaged; nothing was changed.
            Unavailable: publication is under way, or a store failed. Asking again finishes what was begun.
        """
        with self.journal.exclusive() as alone:
            if not alone:
                raise Unavailable("publication is under way: ask again when it is done")
            if self.spool.get(uid) is not None:
                raise Conflict(f"{uid.text} is not published yet: run `ooni publish --now`, then withdraw it")
            places = self._places(uid)
            checkpoint = self._stated(uid, reason, places)
            removed: list[str] = []
            written = self._write_again(places, removed)
            self.erasure.forget([uid])
            return WithdrawalReport(uid.text, checkpoint, tuple(written), tuple(removed))

    def _write_again(self, places: Mapping[BatchName, set[str]], removed: list[str]) -> list[str]:
        """Write each batch again, from its newest form; an earlier attempt may have left several."""
        written: list[str] = []
        for _, forms in itertools.groupby(sorted(places, key=_original), key=_original):
            family = list(forms)
            whole = [name for name in family if JSONL in places[name]]
            if whole:
                newest = max(whole, key=_generation)
                written += self._rewrite(newest, places[newest], removed)
            else:  # the earlier attempt was cut while it removed the old files
                left = [name.key(suffix) for name in family for suffix in _in_order_of_removal(places[name])]
                self._remove(left, removed)
        return written

    def _places(self, uid: MeasurementUid) -> dict[BatchName, set[str]]:
        """Return the batches whose files hold the body of *uid*, and the suffixes of those files."""
        entry = self.index.by_uid(uid.text)
        found: dict[BatchName, set[str]] = {}
        for name, suffixes in self._files_of(uid).items():
            if SIDECAR not in suffixes:
                if entry is not None and entry.s3path == name.key(JSONL):
                    raise Invalid(f"{entry.s3path} has no index beside it: its measurements cannot be told apart")
                continue
            lines = read_sidecar(self.objects.get(name.key(SIDECAR)))
            if any(line.measurement_uid == uid.text and not line.problem for line in lines):
                found[name] = suffixes
        return found

    def _files_of(self, uid: MeasurementUid) -> dict[BatchName, set[str]]:
        found: dict[BatchName, set[str]] = {}
        for key in self.objects.keys(folder_of(uid.bucket)):
            try:
                name, suffix = BatchName.parse(key)
            except Invalid:
                continue  # somebody else's file
            found.setdefault(name, set()).add(suffix)
        return found

    def _stated(self, uid: MeasurementUid, reason: WithdrawalReason, places: Iterable[BatchName]) -> int:
        """State the withdrawal in the log; return the size of the log that has it."""
        for name in places:
            # A body that was published before there was a log: its hash must not be lost with it.
            lines = read_sidecar(self.objects.get(name.key(SIDECAR)))
            line = next(line for line in lines if line.measurement_uid == uid.text)
            self.log.append_hour(uid.hour, [PublishedLeaf(uid, bytes.fromhex(line.sha256), line.length)])
        try:
            return self.log.withdraw(uid, reason, self.clock.now()).size
        except NotFound as exc:
            raise NotFound(f"there is no published body of {uid.text}") from exc

    def _rewrite(self, old: BatchName, suffixes: set[str], removed: list[str]) -> list[str]:
        """Write the files of a batch again without what was withdrawn; return the new keys."""
        gone = self._withdrawn(old)
        content = {suffix: self.objects.get(old.key(suffix)) for suffix in suffixes}
        files, lines = self._without(gone, old, content)
        new = self._put(old, files)
        self.index.put([line.entry(new.key(JSONL)) for line in lines if not line.problem])
        superseded = self._superseded(new)
        self._announce(new, files, lines, superseded)
        self._remove(superseded, removed)
        self.erasure.forget(gone)
        return [new.key(suffix) for suffix in files]

    def _remove(self, keys: Sequence[str], removed: list[str]) -> None:
        for key in keys:
            self.objects.delete(key)
            removed.append(key)

    def _withdrawn(self, name: BatchName) -> Collection[MeasurementUid]:
        """Return what the log says was withdrawn of the hour of *name*: also what a cut withdrawal left behind."""
        view = self.log.view
        size = view.checkpoint().size
        return {
            found.leaf.uid
            for found in self.log.leaves_of(name.bucket.hour, size)
            if isinstance(found.leaf, WithdrawalLeaf) and found.leaf.uid.bucket == name.bucket
        }

    def _without(
        self, gone: Collection[MeasurementUid], old: BatchName, content: Mapping[str, bytes]
    ) -> tuple[dict[str, bytes], Sequence[Line]]:
        texts = {uid.text for uid in gone}
        jsonl, lines = lines_without(texts, content[JSONL], read_sidecar(content[SIDECAR]))
        files = {}
        if POSTCAN in content:
            bodies = self.read_postcan(content[POSTCAN], old.key(POSTCAN))
            files[POSTCAN] = postcan(old.bucket, ((uid, body) for uid, body in bodies if uid.text not in texts))
        files[SIDECAR] = write_sidecar(lines)
        if SEEKABLE in content:
            files[SEEKABLE] = seekable_zstd(gunzip(jsonl))
        files[JSONL] = jsonl  # last: whoever sees it sees the rest
        return files, lines

    def _put(self, old: BatchName, files: Mapping[str, bytes]) -> BatchName:
        """Put the files under the next name of the batch; one that a cut withdrawal used is passed over."""
        for name in itertools.islice(_successors(old), _MOST_GENERATIONS):
            try:
                for suffix, content in files.items():
                    self.objects.put(name.key(suffix), content)
            except Conflict:
                continue
            return name
        raise Unavailable(f"{old.stem} was written again too often")

    def _superseded(self, new: BatchName) -> list[str]:
        """Return the keys of every earlier form of the batch *new*, in the order in which they are removed."""
        keys = []
        first = new.original
        for name in [first, *itertools.takewhile(lambda name: name != new, _successors(first))]:
            suffixes = published_files(self.objects, name.bucket, name.identity).get(name, set())
            keys += [name.key(suffix) for suffix in _in_order_of_removal(suffixes)]
        return keys

    def _announce(
        self, new: BatchName, files: Mapping[str, bytes], lines: Sequence[Line], removed: Sequence[str]
    ) -> None:
        records = [
            FileRecord(new.key(suffix), hashlib.sha256(content).hexdigest(), len(content))
            for suffix, content in files.items()
        ]
        hour = new.bucket.hour
        key = f"manifests/{hour[:8]}/{hour[8:]}/{new.stem}.json"
        self.objects.put(key, write_withdrawal(new, records, lines, removed))


def lines_without(gone: Collection[str], jsonl: bytes, lines: Sequence[Line]) -> tuple[bytes, tuple[Line, ...]]:
    """Write a ``.jsonl.gz`` again with ``{}`` in place of some measurements, so that line numbers keep their meaning.

    Args:
        gone: uids to leave out.
        jsonl: the file.
        lines: what its sidecar says.

    Raises:
        Invalid: the file is damaged or does not have the lines that the sidecar says.
    """
    texts = gunzip(jsonl).split(b"\n")[:-1]
    if len(texts) != len(lines):
        raise Invalid(f"the file has {len(texts)} lines, but its index {len(lines)}")
    parts: list[bytes] = []
    made: list[Line] = []
    offset = 0
    for _, group in itertools.groupby(lines, key=lambda line: line.member_offset):
        kept = [_emptied(line) if line.measurement_uid in gone else line for line in group]
        member = gzip_member(
            b"".join((EMPTY_LINE if line.problem == WITHDRAWN else texts[line.linenum]) + b"\n" for line in kept)
        )
        made += [attrs.evolve(line, member_offset=offset, member_length=len(member)) for line in kept]
        parts.append(member)
        offset += len(member)
    return b"".join(parts), tuple(made)


def _emptied(line: Line) -> Line:
    return attrs.evolve(
        line,
        report_id="",
        input="",
        sha256=hashlib.sha256(EMPTY_LINE).hexdigest(),
        length=len(EMPTY_LINE),
        problem=WITHDRAWN,
    )


def _in_order_of_removal(suffixes: Iterable[str]) -> list[str]:
    """Lines first: then the batch is not published. The index last: it tells what a cut withdrawal left."""
    return sorted(suffixes, key=lambda suffix: (suffix != JSONL, suffix == SIDECAR, suffix))


def _original(name: BatchName) -> BatchName:
    return name.original


def _generation(name: BatchName) -> int:
    """Say how often the batch was written again: 0 for ``n0``, 2 for ``n0w2``."""
    return int(name.identity[len(name.original.identity) + 1 :] or 0)


def _successors(name: BatchName) -> Iterator[BatchName]:
    """Yield the names under which the files of a batch are written again: ``n0w1``, ``n0w2``… after ``n0``."""
    for generation in itertools.count(_generation(name) + 1):
        yield attrs.evolve(name, identity=f"{name.original.identity}w{generation}")
