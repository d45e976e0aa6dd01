"""An index of published bodies in memory."""

import threading
from collections.abc import Sequence

import attrs

from ooni_core.publication.model import IndexEntry


@attrs.define
class MemoryBodyIndex:
    """A BodyIndex that lives as long as the process."""

    entries: dict[str, IndexEntry] = attrs.field(factory=dict)
    legacy: list[IndexEntry] = attrs.field(factory=list)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def put(self, entries: Sequence[IndexEntry]) -> None:
        """Store all of *entries*; those from before uids were recorded cannot replace one another."""
        with self._lock:
            self.entries.update((entry.measurement_uid, entry) for entry in entries if entry.measurement_uid)
            self.legacy += [entry for entry in entries if not entry.measurement_uid and entry not in self.legacy]

    def by_uid(self, measurement_uid: str) -> IndexEntry | None:
        """Return where the body is, or None."""
        return self.entries.get(measurement_uid)

    def by_report(self, report_id: str, input: str) -> Sequence[IndexEntry]:
        """Return all bodies of that pair, newest uid first."""
        with self._lock:
            found = [
                entry
                for entry in (*self.entries.values(), *self.legacy)
                if (entry.report_id, entry.input) == (report_id, input)
            ]
        return sorted(found, key=lambda entry: entry.measurement_uid, reverse=True)
