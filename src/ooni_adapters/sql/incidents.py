"""Incidents (``incidents`` table)."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import attrs

from ooni_adapters.sql.engine import Row, SqlEngine
from ooni_adapters.sql.instants import aware, naive
from ooni_adapters.sql.tables import INCIDENTS
from ooni_core.errors import Conflict
from ooni_core.incidents.model import Content, Incident

_LISTS: Mapping[str, str] = {
    "CCs": "ccs",
    "ASNs": "asns",
    "domains": "domains",
    "tags": "tags",
    "test_names": "test_names",
    "links": "links",
    "themes": "themes",
}
"""Column -> field of `Content`."""
_TEXTS = ("title", "text", "short_description", "reported_by", "event_type", "email_address")
_COLUMNS = (
    *(
        "id",
        "slug",
        "creator_account_id",
        "create_time",
        "update_time",
        "deleted",
        "start_time",
        "end_time",
        "published",
    ),
    *_TEXTS,
    *_LISTS,
)
_READ = f"SELECT {', '.join(_COLUMNS)} FROM incidents"  # noqa: S608 - declared names


@attrs.frozen
class SqlIncidents:
    """An IncidentStore in SQL.

    Attributes:
        alone: keeps other processes that share the database from changing incidents while a block runs: ClickHouse has
            no transactions that would.
    """

    engine: SqlEngine
    alone: Callable[[], AbstractContextManager[None]] = nullcontext

    def incidents(self) -> Sequence[Incident]:
        """Return all that are not deleted, sorted by title, then id."""
        found = self._found(f"{_READ} WHERE deleted = 0")
        return sorted(found, key=lambda incident: (incident.content.title.encode(), incident.id))

    def get(self, id: str) -> Incident | None:
        """Look an id up."""
        return next(iter(self._found(f"{_READ} WHERE deleted = 0 AND id = $id", {"id": id})), None)

    def by_slug(self, slug: str) -> Incident | None:
        """Look a readable name up."""
        return next(iter(self._found(f"{_READ} WHERE deleted = 0 AND slug = $slug", {"slug": slug})), None)

    def create(self, incident: Incident) -> None:
        """Insert where neither id nor slug is known."""
        with self.alone(), self.engine.transaction():
            names = {"id": incident.id, "slug": incident.slug}
            if self.engine.query("SELECT id FROM incidents WHERE id = $id OR slug = $slug", names).tuples:
                raise Conflict(f"there is an incident {incident.id} or {incident.slug} already")
            self.engine.insert(INCIDENTS, [_row(incident)])

    def replace(self, known: Incident, changed: Incident) -> None:
        """Insert another version where *known* is the latest one."""
        with self.alone(), self.engine.transaction():
            if self._found(f"{_READ} WHERE id = $id", {"id": known.id}) != [known]:
                raise Conflict(f"incident {known.id} was changed meanwhile")
            self.engine.insert(INCIDENTS, [_row(changed)])

    def _found(self, sql: str, params: Mapping[str, Any] | None = None) -> list[Incident]:
        return [_incident(row) for row in self.engine.query(sql, params).dicts()]


def _row(incident: Incident) -> Row:
    content = incident.content
    return {
        "id": incident.id,
        "slug": incident.slug,
        "creator_account_id": incident.creator_account_id,
        "create_time": naive(incident.create_time),
        "update_time": naive(incident.update_time),
        "deleted": int(incident.deleted),
        "start_time": naive(content.start_time),
        "end_time": content.end_time and naive(content.end_time),
        "published": int(content.published),
        **{name: getattr(content, name) for name in _TEXTS},
        **{column: list(getattr(content, field)) for column, field in _LISTS.items()},
    }


def _incident(row: Row) -> Incident:
    content = Content(
        start_time=aware(row["start_time"]),
        end_time=aware(row["end_time"]),
        published=bool(row["published"]),
        **{name: row[name] for name in _TEXTS},
        **{field: tuple(row[column]) for column, field in _LISTS.items()},
    )
    return Incident(
        id=row["id"],
        slug=row["slug"],
        content=content,
        creator_account_id=row["creator_account_id"],
        create_time=aware(row["create_time"]),
        update_time=aware(row["update_time"]),
        deleted=bool(row["deleted"]),
    )
