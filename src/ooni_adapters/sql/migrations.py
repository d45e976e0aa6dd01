"""Numbered changes that bring a live database to the declared schema: forward only, each safe to run again.

A change of the declaration comes with a migration, so that databases made before it follow. Columns and tables are only
ever added while older programs may still run; what is no longer used is dropped one release later.
"""

import hashlib
import time
from collections.abc import Callable, Sequence

import attrs

from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.preparing import create_tables, differences
from ooni_adapters.sql.tables import INCIDENTS, OONIRUN, SCHEMA_MIGRATIONS
from ooni_adapters.sql.tables.rollups import ROLLUP_TABLES
from ooni_core.errors import Conflict

_ROLLUPS_BY_DAY = ("rollup_days", "rollup_progress")


@attrs.frozen
class Migration:
    """One numbered change.

    Attributes:
        version: 1, 2, 3…, without gaps.
        name: what it does, in a few words; never changed once released.
        apply: makes the change; running it again changes nothing.
    """

    version: int
    name: str
    apply: Callable[[SqlEngine], None]

    @property
    def checksum(self) -> str:
        """Tells this migration from another one that took its number."""
        return hashlib.sha256(f"{self.version} {self.name}".encode()).hexdigest()


def _incidents_by_name_and_theme(engine: SqlEngine) -> None:
    for name in ("slug", "themes"):
        for statement in engine.dialect.add_column(INCIDENTS, INCIDENTS.column(name)):
            engine.execute(statement)


def _links_that_expire(engine: SqlEngine) -> None:
    for statement in engine.dialect.add_column(OONIRUN, OONIRUN.column("expiration_date")):
        engine.execute(statement)


def _rollups_by_arrival(engine: SqlEngine) -> None:
    # They hold nothing that cannot be counted again, which the first refresh does.
    with engine.transaction():
        for name in (*_ROLLUPS_BY_DAY, *(table.name for table in ROLLUP_TABLES)):
            for statement in engine.dialect.drop(name):
                engine.execute(statement)
    create_tables(engine)


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "create the tables", create_tables),
    Migration(2, "give incidents a readable name and themes", _incidents_by_name_and_theme),
    Migration(3, "roll up by arrival, and make all tables that came since", _rollups_by_arrival),
    Migration(4, "let OONI Run links expire", _links_that_expire),
)


def pending(engine: SqlEngine, migrations: Sequence[Migration] = MIGRATIONS) -> list[Migration]:
    """Return the migrations that this database has not had yet, in order.

    Raises:
        Conflict: the database was migrated by a newer program, or by one whose migrations were others.
    """
    applied = _applied(engine)
    newest = max(applied, default=0)
    if newest > len(migrations):
        raise Conflict(
            f"the database has schema version {newest}, this program knows versions up to {len(migrations)}:"
            " install the newer release, or restore a backup made by this one"
        )
    for migration in migrations:
        if applied.get(migration.version, migration.checksum) != migration.checksum:
            raise Conflict(
                f"migration {migration.version} of this database is not '{migration.name}':"
                " it was made by another program; compare with `ooni schema check`"
            )
    return [migration for migration in migrations if migration.version not in applied]


def migrate(engine: SqlEngine, migrations: Sequence[Migration] = MIGRATIONS) -> list[Migration]:
    """Apply what is pending, and return it.

    Raises:
        Conflict: see ``pending``.
        Unavailable: the database failed; running again continues where it stopped.
    """
    todo = pending(engine, migrations)
    if todo:
        create_tables(engine, [SCHEMA_MIGRATIONS])
    for migration in todo:
        started = time.monotonic()
        migration.apply(engine)
        record = {
            "version": migration.version,
            "name": migration.name,
            "checksum": migration.checksum,
            "component": "ooni-backend",
            "duration_ms": round(1000 * (time.monotonic() - started)),
        }
        engine.insert(SCHEMA_MIGRATIONS, [record])
    return todo


def require_declared_schema(engine: SqlEngine) -> None:
    """Make sure that the database is as declared before anything relies on it. Additional columns do no harm.

    Raises:
        Conflict: it is not; the message says what differs and what to do.
    """
    wrong = [difference for difference in differences(engine) if difference.kind != "extra column"]
    if wrong:
        shown = "; ".join(difference.text for difference in wrong[:3])
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise Conflict(
            f"the database is not as this program declares it: {shown}{more}."
            " `ooni schema check` lists all differences; docs/operators/schema.md says how to mend each kind"
        )


def _applied(engine: SqlEngine) -> dict[int, str]:
    if SCHEMA_MIGRATIONS.name not in engine.existing():
        return {}
    return dict(engine.query("SELECT version, checksum FROM schema_migrations").tuples)
