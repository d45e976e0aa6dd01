"""A spool that lives as long as the process: for tests and notebooks."""

import threading
from collections.abc import Iterable, Sequence

import attrs

from ooni_core.errors import Conflict
from ooni_core.measurement import MeasurementUid, SpoolBucket


@attrs.define
class MemorySpool:
    """A MeasurementSpool in memory. Nothing survives the process."""

    _bodies: dict[MeasurementUid, bytes] = attrs.field(factory=dict, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def put(self, uid: MeasurementUid, body: bytes) -> None:
        """Keep *body*; see MeasurementSpool."""
        with self._lock:
            if self._bodies.setdefault(uid, bytes(body)) != body:
                raise Conflict(f"{uid.text} is already spooled with other bytes")

    def get(self, uid: MeasurementUid) -> bytes | None:
        """Return the body or None."""
        return self._bodies.get(uid)

    def buckets(self) -> Sequence[SpoolBucket]:
        """Return the units that hold anything, oldest hour first."""
        with self._lock:
            return sorted({uid.bucket for uid in self._bodies})

    def uids(self, bucket: SpoolBucket) -> Sequence[MeasurementUid]:
        """Return what *bucket* holds, in order."""
        with self._lock:
            return sorted(uid for uid in self._bodies if uid.bucket == bucket)

    def discard(self, uids: Iterable[MeasurementUid]) -> None:
        """Forget *uids*."""
        with self._lock:
            for uid in uids:
                self._bodies.pop(uid, None)
