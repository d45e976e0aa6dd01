"""Incidents in memory."""

import threading
from collections.abc import Sequence

import attrs

from ooni_core.errors import Conflict
from ooni_core.incidents.model import Incident


@attrs.define
class MemoryIncidents:
    """An IncidentStore that lives as long as the process."""

    _latest: dict[str, Incident] = attrs.field(factory=dict, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def incidents(self) -> Sequence[Incident]:
        """Return all that are not deleted, sorted by title, then id."""
        with self._lock:
            found = [incident for incident in self._latest.values() if not incident.deleted]
        return sorted(found, key=lambda incident: (incident.content.title.encode(), incident.id))

    def get(self, id: str) -> Incident | None:
        """Look an id up."""
        return next((incident for incident in self.incidents() if incident.id == id), None)

    def by_slug(self, slug: str) -> Incident | None:
        """Look a readable name up."""
        return next((incident for incident in self.incidents() if incident.slug == slug), None)

    def create(self, incident: Incident) -> None:
        """Keep it where neither id nor slug is known."""
        with self._lock:
            if any(one.id == incident.id or one.slug == incident.slug for one in self._latest.values()):
                raise Conflict(f"there is an incident {incident.id} or {incident.slug} already")
            self._latest[incident.id] = incident

    def replace(self, known: Incident, changed: Incident) -> None:
        """Keep another version where *known* is the latest one."""
        with self._lock:
            if self._latest.get(known.id) != known:
                raise Conflict(f"incident {known.id} was changed meanwhile")
            self._latest[known.id] = changed
