"""Rollups of the catalog: rebuilding them, and what they know at a moment.

Measurements are rolled up by when they arrived, which their uids begin with and which never changes. The unit is a day
of arrival (of legacy uids, ``01`` and a day, a month). A unit is rebuilt whole from ``fastpath``, under a new build
number; naming that build in ``rollup_units`` is what makes readers see it, in one step. So a rebuild may be interrupted
or repeated at any point.

Whenever an hour has closed, its unit is rebuilt: late measurements, whose day is long past, come with those of the hour
in which they arrived. Units whose measurements were replaced or scored again since are rebuilt too, and read from
``fastpath`` until then. So is everything that arrived in the hour that is still open.
"""

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import attrs

from ooni_adapters.sql.dialect import Dialect
from ooni_adapters.sql.engine import UNLIMITED, Limits, SqlEngine
from ooni_adapters.sql.instants import naive
from ooni_adapters.sql.schema import Table
from ooni_adapters.sql.tables.rollups import ROLLUP_UNITS, ROLLUPS
from ooni_core.catalog.model import EARLIEST
from ooni_core.ports import Clock

SETTLING = timedelta(minutes=2)
"""Rows may become visible a little later than their ``update_time``, and clocks of several hosts differ a little."""

_UNIT_LENGTH = len("20261125")
UNIT = f"substr(measurement_uid, 1, {_UNIT_LENGTH})"
BEHIND_ALL = "\U0010ffff"
"""No text that begins with a unit sorts behind that unit and this."""

_BEHIND_TIMES = ":"
OPEN = f"measurement_uid >= $open_from AND measurement_uid < '{_BEHIND_TIMES}'"
CLOSED = f"(measurement_uid < $open_from OR measurement_uid >= '{_BEHIND_TIMES}')"
"""Uids that begin with a letter (``temp-id-…``) name no time. They arrived long ago, and sort behind all that do."""

OLDER_UNITS = f"(unit < $newest_unit OR unit >= '{_BEHIND_TIMES}')"

_UNITS_AT_ONCE = 31
_SALT_LENGTH = 8

FAILURE = "msm_failure = 't'"
CONFIRMED = "msm_failure <> 't' AND confirmed = 't'"
ANOMALY = "msm_failure <> 't' AND confirmed <> 't' AND anomaly = 't'"
_COUNTED = {
    "anomalies": ANOMALY,
    "confirmations": CONFIRMED,
    "failures": FAILURE,
    "measurements": "true",
    "anomaly_flags": "anomaly = 't'",
    "confirmed_flags": "confirmed = 't'",
}
# As rollups hold them: engines disagree about the type of a count, and do not mix types in one column.
FROM_ROWS = {name: f"CAST(count(*) FILTER (WHERE {test}) AS BIGINT)" for name, test in _COUNTED.items()}


@attrs.frozen
class Known:
    """What the rollups of a database know at one moment.

    Attributes:
        unit: the newest one.
        build: the one that counts for it. It stays readable until the next but one.
        open_from: measurements with this uid or a later one are in no rollup, except those that name no time.
        seen_until: the ``update_time`` up to which the rollups know all other measurements.
        open_since: no measurement that is in no rollup has an earlier ``update_time``. It says nothing new, and spares
            comparing uids: times are read much faster.
        state: stands for all units and their builds: another number after any rebuild.
    """

    unit: str
    build: str
    open_from: str
    seen_until: datetime
    open_since: datetime
    state: int = 0


@attrs.frozen
class SqlRollups:
    """Keeps the rollups of one database in step with its measurements."""

    engine: SqlEngine
    clock: Clock

    def refresh(self) -> int:
        """Rebuild the days of arrival that changed since the last time; return how many these are.

        It is safe to call at any time, again after a crash, and never changes an answer, only its speed.
        """
        until = naive(self.clock.now()) - SETTLING
        known = known_to(self.engine) or Known("", "", "", EARLIEST, EARLIEST)
        open_from, seen_until = max(f"{until:%Y%m%d%H}", known.open_from), max(until, known.seen_until)
        units = changed_units(self.engine, attrs.evolve(known, open_from=open_from), UNLIMITED)
        units |= _arrived(self.engine, known.open_from, open_from)
        # The unit of the open hour always has a row, which says where all of them end.
        build = known.build if known.unit == open_from[:_UNIT_LENGTH] else ""
        open_since = min(_first_update(self.engine, open_from) or seen_until, seen_until)
        before = self._rebuild(units, Known(open_from[:_UNIT_LENGTH], build, open_from, seen_until, open_since))
        if before is None:
            return self.refresh()
        # The builds that these replace stay until the next time: a query may be about to read them.
        self._remove_builds(sorted(units), kept=before)
        return len(units)

    def recount(self, uids: Collection[str]) -> None:
        """Count anew what arrived with *uids*, because measurements were removed: nothing else would tell."""
        known = known_to(self.engine)
        units = {
            uid[:_UNIT_LENGTH] for uid in uids if known is not None and (uid < known.open_from or uid >= _BEHIND_TIMES)
        }
        if known is not None and units and self._rebuild(units, known) is None:
            self.recount(uids)

    def forget(self) -> None:
        """Make the next refresh rebuild everything, for instance after rows were removed by hand."""
        units = self.engine.query("SELECT unit FROM rollup_units", limits=UNLIMITED).tuples
        self.engine.delete(ROLLUP_UNITS, [{"unit": unit} for (unit,) in units])

    def _rebuild(self, changed: set[str], known: Known) -> Collection[str] | None:
        """Build units and name the builds; return those and the ones before.

        Return None, having named none, when others were named meanwhile: those may be without measurements that were
        removed after this began.
        """
        units, salt = sorted(changed), secrets.token_hex(_SALT_LENGTH // 2)
        builds = {known.unit: known.build or salt + known.unit} | {unit: salt + unit for unit in units}
        before = self._builds_of(builds)
        self._build(units, salt, known)
        all_know = {name: getattr(known, name) for name in ROLLUP_UNITS.column_names}
        with self.engine.transaction():
            if self._builds_of(builds) != before:
                return None
            rows = [{**all_know, "unit": unit, "build": build} for unit, build in builds.items()]
            self.engine.insert(ROLLUP_UNITS, rows)
        return {*before.values(), *builds.values()}

    def _build(self, units: Sequence[str], salt: str, known: Known) -> None:
        portions = [units[start : start + _UNITS_AT_ONCE] for start in range(0, len(units), _UNITS_AT_ONCE)]
        for portion in portions:
            values = {"salt": salt, "first": portion[0], "last": portion[-1] + BEHIND_ALL, "units": portion}
            for table in ROLLUPS:
                statement = _build_statement(table, self.engine.dialect)
                self.engine.execute(statement, {**values, "open_from": known.open_from})

    def _remove_builds(self, units: Sequence[str], kept: Collection[str]) -> None:
        # Builds come into the first table first and leave it last, so it knows of all that were left unfinished.
        found = f"substr(build, {_SALT_LENGTH + 1}) IN $units AND build NOT IN $kept"
        sql = f"SELECT DISTINCT build FROM {ROLLUPS[0].name} WHERE {found}"  # noqa: S608 - declared names
        gone = [build for (build,) in self.engine.query(sql, {"units": units, "kept": sorted(kept)}, UNLIMITED).tuples]
        for table in reversed(ROLLUPS) if gone else ():
            self.engine.execute(f"DELETE FROM {table.name} WHERE build IN $gone", {"gone": gone})  # noqa: S608

    def _builds_of(self, units: Collection[str]) -> dict[str, str]:
        sql = "SELECT unit, build FROM rollup_units WHERE unit IN $units"
        return dict(self.engine.query(sql, {"units": list(units)}, UNLIMITED).tuples)


def _build_statement(table: Table, dialect: Dialect) -> str:
    dimensions = [name for name in table.key if name not in {"day", "build"}]
    names = ", ".join(["day", *dimensions, "build", *FROM_ROWS])
    day = dialect.bucket("day", "measurement_start_time")
    values = ", ".join([f"{day} AS day", *dimensions, f"$salt || {UNIT} AS build", *FROM_ROWS.values()])
    return (
        f"INSERT INTO {table.name} ({names}) SELECT {values} FROM fastpath"  # noqa: S608 - declared names
        f" WHERE measurement_uid >= $first AND measurement_uid < $last AND {CLOSED}"
        f" AND {UNIT} IN $units GROUP BY {', '.join(['day', *dimensions, 'build'])}"
    )


def known_to(engine: SqlEngine, limits: Limits = UNLIMITED) -> Known | None:
    """Return what the rollups know; None when there are none."""
    state = f"(SELECT {engine.dialect.fingerprint('build')} FROM rollup_units)"  # noqa: S608
    names = ", ".join(ROLLUP_UNITS.column_names)
    sql = f"SELECT {names}, {state} FROM rollup_units WHERE unit < $behind ORDER BY unit DESC LIMIT 1"  # noqa: S608
    found = engine.query(sql, {"behind": _BEHIND_TIMES}, limits).tuples
    return Known(*found[0]) if found else None


def changed_units(engine: SqlEngine, known: Known, limits: Limits) -> set[str]:
    """Return the units that have a measurement stored or replaced since, except in the open hour."""
    sql = f"SELECT DISTINCT {UNIT} FROM fastpath WHERE update_time > $since AND {CLOSED}"  # noqa: S608
    values = {"since": known.seen_until, "open_from": known.open_from}
    return {unit for (unit,) in engine.query(sql, values, limits).tuples}


def _arrived(engine: SqlEngine, start: str, end: str) -> set[str]:
    sql = f"SELECT DISTINCT {UNIT} FROM fastpath WHERE measurement_uid >= $start AND measurement_uid < $end"  # noqa: S608
    return {unit for (unit,) in engine.query(sql, {"start": start, "end": end}, UNLIMITED).tuples}


def _first_update(engine: SqlEngine, open_from: str) -> datetime | None:
    sql = f"SELECT min(update_time) FROM fastpath WHERE {OPEN} HAVING count(*) > 0"  # noqa: S608
    found: datetime | None = engine.query(sql, {"open_from": open_from}, UNLIMITED).scalar()
    return found
