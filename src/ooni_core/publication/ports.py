"""What publication needs from the outside world."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from ooni_core.publication.model import IndexEntry


class ObjectStore(Protocol):
    """Holds published files by key. Keys use ``/`` and never begin with it."""

    def put(self, key: str, content: bytes) -> None:
        """Store *content* under *key*, all of it or nothing. Putting equal bytes again does nothing.

        Raises:
            Conflict: other bytes are already stored under *key*; nothing was changed.
            Unavailable: the store failed; the object may be there or not, never half of it.
        """

    def get(self, key: str) -> bytes:
        """Return the whole object.

        Raises:
            NotFound: there is no such object.
            Unavailable: the store failed.
        """

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        """Return *length* bytes from *offset*, fewer only at the end of the object.

        Raises:
            NotFound: there is no such object.
            Unavailable: the store failed, or answered with fewer bytes than the object has there.
        """

    def size(self, key: str) -> int | None:
        """Return the length in bytes, or None when there is no such object.

        Raises:
            Unavailable: the store failed.
        """

    def keys(self, prefix: str) -> Iterable[str]:
        """Return the keys below the folder *prefix* (``""`` for all), sorted.

        Raises:
            Unavailable: the store failed.
        """

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is ignored.

        Raises:
            Unavailable: the store failed.
        """


class BodyIndex(Protocol):
    """Says where each published body is (the ``jsonl`` table): one entry per measurement uid, the last put wins."""

    def put(self, entries: Sequence[IndexEntry]) -> None:
        """Store all of *entries*, or none. Putting them again changes nothing.

        Raises:
            Unavailable: nothing was stored.
        """

    def by_uid(self, measurement_uid: str) -> IndexEntry | None:
        """Return where the body of *measurement_uid* is, or None."""

    def by_report(self, report_id: str, input: str) -> Sequence[IndexEntry]:
        """Return all bodies published for that pair, newest uid first; *input* is ``""`` for tests without one."""
