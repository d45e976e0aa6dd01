"""What intake needs from the outside world."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from ooni_core.measurement import MeasurementUid, SpoolBucket


class MeasurementSpool(Protocol):
    """Holds accepted measurements until they are published. Safe to call from many threads."""

    def put(self, uid: MeasurementUid, body: bytes) -> None:
        """Make *body* durable under *uid*. On return it survives a power cut.

        Putting the same bytes again does nothing, so that a retry is always safe.

        Raises:
            Conflict: other bytes are already stored under *uid*; nothing was changed.
            Unavailable: the medium failed or is full. The bytes may be there or not, never half of them; the caller
                puts them again before it tells anybody that they are safe.
        """

    def get(self, uid: MeasurementUid) -> bytes | None:
        """Return the body exactly as it was put, or None when it is not here (any more).

        Raises:
            Unavailable: the medium failed.
        """

    def buckets(self) -> Sequence[SpoolBucket]:
        """Return the publication units that hold anything, oldest hour first.

        Raises:
            Unavailable: the medium failed.
        """

    def uids(self, bucket: SpoolBucket) -> Sequence[MeasurementUid]:
        """Return what *bucket* holds, in the order of the uids' texts.

        Raises:
            Unavailable: the medium failed.
        """

    def discard(self, uids: Iterable[MeasurementUid]) -> None:
        """Forget *uids*; those that are not here are ignored, so that a retry is always safe.

        Raises:
            Unavailable: the medium failed; some may be forgotten.
        """


class ScoringQueue(Protocol):
    """Takes note of measurements that wait for their verdict."""

    def offer(self, uid: MeasurementUid) -> None:
        """Take note of *uid* and return at once.

        Forgetting one loses nothing: whatever the spool holds without a verdict is found again at the next start.
        """
