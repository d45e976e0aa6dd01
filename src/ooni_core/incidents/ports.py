"""What incidents need from outside."""

from collections.abc import Sequence
from typing import Protocol

from ooni_core.incidents.model import Incident


class IncidentStore(Protocol):
    """Remembers incidents, deleted ones too."""

    def incidents(self) -> Sequence[Incident]:
        """Return all that are not deleted, sorted by title, then id.

        Raises:
            Unavailable: the medium failed.
        """

    def get(self, id: str) -> Incident | None:
        """Return the latest version of an incident, None when there is none or it is deleted.

        Raises:
            Unavailable: the medium failed.
        """

    def by_slug(self, slug: str) -> Incident | None:
        """Return the incident with that readable name, None when there is none or it is deleted.

        Raises:
            Unavailable: the medium failed.
        """

    def create(self, incident: Incident) -> None:
        """Remember a new incident.

        Raises:
            Conflict: its id or its slug is taken, be it by a deleted one; nothing was changed.
            Unavailable: the medium failed; it is remembered or not.
        """

    def replace(self, known: Incident, changed: Incident) -> None:
        """Remember another version of an incident.

        Raises:
            Conflict: *known* is not the latest version any more; nothing was changed.
            Unavailable: the medium failed; one of the two versions is remembered.
        """
