"""OONI Run links (``oonirun`` table)."""

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import count

import attrs

from ooni_adapters.sql.engine import Row, SqlEngine
from ooni_adapters.sql.instants import aware, naive
from ooni_adapters.sql.tables import OONIRUN
from ooni_core.errors import Conflict
from ooni_core.oonirun.model import LinkVersion

_READ = """
    SELECT ooni_run_link_id, descriptor_creation_time, translation_creation_time, creator_account_id, archived,
        expiration_date, descriptor
    FROM oonirun"""
_ORDER = " ORDER BY descriptor_creation_time, translation_creation_time, ooni_run_link_id"
_IDS = "SELECT DISTINCT ooni_run_link_id FROM oonirun WHERE ooni_run_link_id >= $start"
_COPIED = ("author", "name", "short_description", "icon")
"""Texts of the descriptor that also have a column, for those who read the table."""


@attrs.frozen
class SqlLinks:
    """A LinkStore in SQL.

    Attributes:
        alone: keeps other processes that share the database from changing links while a block runs: ClickHouse has no
            transactions that would.
    """

    engine: SqlEngine
    alone: Callable[[], AbstractContextManager[None]] = nullcontext

    def versions(self, link_ids: Sequence[int] | None = None) -> Sequence[LinkVersion]:
        """Return the versions of these links, or of all."""
        if link_ids is None:
            found = self.engine.query(_READ + _ORDER)
        elif link_ids:
            found = self.engine.query(f"{_READ} WHERE ooni_run_link_id IN $ids{_ORDER}", {"ids": list(link_ids)})
        else:
            return []
        return [_version(row) for row in found.dicts()]

    def add(self, version: LinkVersion, after: LinkVersion | None) -> None:
        """Insert another version where *after* is the latest one."""
        with self.alone(), self.engine.transaction():
            if self.versions([version.link_id])[-1:] != ([after] if after else []):
                raise Conflict(f"OONI Run link {version.link_id} was changed meanwhile")
            self.engine.insert(OONIRUN, [_row(version)])

    def archive(self, link_id: int) -> None:
        """Insert every version again, archived."""
        with self.alone(), self.engine.transaction():
            versions = self.versions([link_id])
            if versions:
                self.engine.insert(OONIRUN, [_row(attrs.evolve(each, archived=True)) for each in versions])

    def first_free(self, start: int) -> int:
        """Return the lowest id from *start* on that no link has."""
        taken = {id for (id,) in self.engine.query(_IDS, {"start": start}).tuples}
        return next(id for id in count(start) if id not in taken)


def _row(version: LinkVersion) -> Row:
    return {
        "ooni_run_link_id": version.link_id,
        "descriptor_creation_time": naive(version.descriptor_creation_time),
        "translation_creation_time": naive(version.translation_creation_time),
        "creator_account_id": version.creator_account_id,
        "archived": int(version.archived),
        "expiration_date": version.expires and naive(version.expires),
        "descriptor": json.dumps(version.descriptor, ensure_ascii=False),
        **{name: str(version.descriptor.get(name) or "") for name in _COPIED},
    }


def _version(row: Row) -> LinkVersion:
    return LinkVersion(
        link_id=row["ooni_run_link_id"],
        descriptor=json.loads(row["descriptor"]),
        descriptor_creation_time=aware(row["descriptor_creation_time"]),
        translation_creation_time=aware(row["translation_creation_time"]),
        creator_account_id=row["creator_account_id"],
        archived=bool(row["archived"]),
        expires=aware(row["expiration_date"]),
    )
