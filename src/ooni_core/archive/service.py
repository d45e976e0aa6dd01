"""Finding the body of a measurement: in the spool, at another host, or in a published file.

Source of the order: measurement API, section "Fetching a body".
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

import attrs

from ooni_core.archive.cache import RecentParts
from ooni_core.archive.ports import LegacyCans, PeerSpool
from ooni_core.errors import Invalid, NotFound, Unavailable
from ooni_core.intake.ports import MeasurementSpool
from ooni_core.measurement import MeasurementUid
from ooni_core.ports import Clock
from ooni_core.publication.files import gunzip, gunzip_line
from ooni_core.publication.lines import EMPTY_LINE, content_of, identity_of
from ooni_core.publication.model import IndexEntry
from ooni_core.publication.ports import BodyIndex, ObjectStore

_FRESH = timedelta(hours=1)
_NEW_REPORT_ID_UNDERSCORES = 5
_CANS = "canned/"


@attrs.frozen
class Archive:
    """Returns bodies: always the same bytes for a measurement, before and after its publication.

    Attributes:
        peers: spools of the other API hosts, asked in this order.
        cans: what was published before there were files of lines; None when there are none.
    """

    spool: MeasurementSpool
    index: BodyIndex
    objects: ObjectStore
    peers: Sequence[PeerSpool]
    clock: Clock
    recent: RecentParts = attrs.field(factory=RecentParts)
    cans: LegacyCans | None = None

    def find(self, measurement_uid: str, report_id: str = "", input: str = "") -> bytes | None:
        """Return the measurement (the JSON object, as published), or None when it is nowhere.

        Args:
            measurement_uid: its name; empty asks by report_id and input alone, which may be ambiguous: the newest that
                is published wins.
            report_id: must be that of the measurement, unless empty.
            input: must be that of the measurement, unless report_id is empty.

        Raises:
            Unavailable: it was not found, and a place where it may be failed.
        """
        failures: list[Unavailable] = []
        for source in self._sources(measurement_uid, report_id, input):
            try:
                found = source()
            except Unavailable as exc:
                failures.append(exc)
                continue
            if found is not None and _belongs(found, report_id, input):
                return found
        if failures:
            raise failures[0]
        return None

    def _sources(self, measurement_uid: str, report_id: str, input: str) -> list[Callable[[], bytes | None]]:
        """List where to look, in order."""

        def published() -> bytes | None:
            return self._published(measurement_uid, report_id, input)

        uid = _uid(measurement_uid)
        if uid is None or (report_id and report_id.count("_") != _NEW_REPORT_ID_UNDERSCORES):
            return [published]
        waiting = [lambda: _unwrapped(self.spool.get(uid)), *(_asking(peer, uid) for peer in self.peers)]
        if self._is_fresh(uid):
            return [*waiting, published]
        # Publication indexes before it discards: one more look covers a discard between the two first ones.
        return [published, *waiting, published]

    def _is_fresh(self, uid: MeasurementUid) -> bool:
        return uid.text > f"{self.clock.now() - _FRESH:%Y%m%d%H%M}"

    def _published(self, measurement_uid: str, report_id: str, input: str) -> bytes | None:
        for entry in self._entries(measurement_uid, report_id, input):
            line = self._line(entry) or self._canned(entry)
            if line is not None and line != EMPTY_LINE and _belongs(line, entry.report_id, entry.input):
                return line
        return None

    def _entries(self, measurement_uid: str, report_id: str, input: str) -> Sequence[IndexEntry]:
        entry = self.index.by_uid(measurement_uid) if measurement_uid else None
        if entry is not None:
            return [entry]
        if not report_id:
            return []
        # Only rows from before uids were recorded may stand in for a uid; another uid is another measurement.
        named = self.index.by_report(report_id, input)
        return [each for each in named if not measurement_uid or not each.measurement_uid]

    def _line(self, entry: IndexEntry) -> bytes | None:
        """Read one line of a published file: one range of it, unless the index is from before ranges were recorded."""
        if entry.s3path.startswith(_CANS):
            return None
        try:
            if entry.member_offset is None or entry.member_length is None or entry.line_in_member is None:
                return gunzip_line(self.objects.get(entry.s3path), entry.linenum)
            member = self._member(entry.s3path, entry.member_offset, entry.member_length)
            return _nth_line(member, entry.line_in_member)
        except NotFound:
            return None
        except Invalid as exc:
            raise Unavailable(f"{entry.s3path}: {exc}") from exc

    def _canned(self, entry: IndexEntry) -> bytes | None:
        """Look into the can that a measurement came from, when its file of lines is not there."""
        key = entry.source or entry.s3path
        if self.cans is None or not key.startswith(_CANS):
            return None
        return self.cans.find(key, entry.measurement_uid, entry.report_id, entry.input)

    def _member(self, key: str, offset: int, length: int) -> bytes:
        """Return a decompressed gzip member."""
        text = self.recent.get((key, offset))
        if text is None:
            text = gunzip(self.objects.get_range(key, offset, length))
            self.recent.put((key, offset), text)
        return text


def _uid(measurement_uid: str) -> MeasurementUid | None:
    try:
        return MeasurementUid(measurement_uid)
    except Invalid:
        return None  # historical names were never in a spool


def _asking(peer: PeerSpool, uid: MeasurementUid) -> Callable[[], bytes | None]:
    return lambda: _unwrapped(peer.get(uid))


def _unwrapped(body: bytes | None) -> bytes | None:
    """Return what will be published of a body as received; None when nothing will be."""
    try:
        return None if body is None else content_of(body).text
    except Invalid:
        return None


def _belongs(text: bytes, report_id: str, input: str) -> bool:
    """Say whether a measurement is of that report and input; an empty report id asks for nothing."""
    if not report_id:
        return True
    try:
        return identity_of(text) == (report_id, input)
    except Invalid:
        return False


def _nth_line(text: bytes, number: int) -> bytes | None:
    begin = 0
    for _ in range(number):
        begin = text.find(b"\n", begin) + 1
        if begin == 0:
            return None
    end = text.find(b"\n", begin)
    return (text[begin:] if end < 0 else text[begin:end]) or None
