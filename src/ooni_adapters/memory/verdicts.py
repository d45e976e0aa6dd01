"""Verdicts and quarantine in memory."""

import threading
from collections.abc import Iterable, Sequence

import attrs

from ooni_core.scoring.model import UNREADABLE, Quarantined, Stored


@attrs.define
class MemoryVerdictStore:
    """A VerdictStore that lives as long as the process."""

    verdicts: dict[str, Stored] = attrs.field(factory=dict)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def put(self, verdicts: Sequence[Stored]) -> None:
        """Keep the last verdict of each uid."""
        with self._lock:
            self.verdicts.update((verdict.row.measurement_uid, verdict) for verdict in verdicts)

    def known(self, uids: Sequence[str]) -> set[str]:
        """Look uids up."""
        with self._lock:
            return self.verdicts.keys() & set(uids)


@attrs.define
class MemoryQuarantineStore:
    """A QuarantineStore that lives as long as the process."""

    _entries: dict[str, Quarantined] = attrs.field(factory=dict)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def put(self, entries: Sequence[Quarantined]) -> None:
        """Keep the last entry of each uid."""
        with self._lock:
            self._entries.update((entry.measurement_uid, entry) for entry in entries)

    def known(self, uids: Sequence[str]) -> set[str]:
        """Look uids up."""
        with self._lock:
            return {uid for uid in uids if uid in self._entries and self._entries[uid].kind != UNREADABLE}

    def unreadable(self, uids: Sequence[str]) -> set[str]:
        """Look uids up."""
        with self._lock:
            return {uid for uid in uids if uid in self._entries and self._entries[uid].kind == UNREADABLE}

    def release(self, uids: Sequence[str]) -> None:
        """Forget entries."""
        with self._lock:
            for uid in uids:
                self._entries.pop(uid, None)

    def entries(self, limit: int) -> Iterable[Quarantined]:
        """Return the newest."""
        with self._lock:
            newest = sorted(self._entries.values(), key=lambda entry: entry.measurement_uid, reverse=True)
        return newest[:limit]
