"""Blocking status and events, implausible measurements, and checks through Tor."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import attrs
import orjson

from ooni_adapters.sql.engine import Limits, SqlEngine
from ooni_adapters.sql.instants import naive
from ooni_adapters.sql.tables import BLOCKING_EVENTS, BLOCKING_STATUS, FAULTY_MEASUREMENTS, TOR_CONNECTIVITY_CHECK
from ooni_core.detection.model import (
    BlockingEvent,
    BlockingState,
    BlockingStatus,
    ExitCheck,
    Fault,
    FaultKind,
    Subject,
)

_LIMITS = Limits(seconds=120, rows=None)
_SUBJECT = "test_name, input, probe_cc, probe_asn"
_STATUSES = f"""
    SELECT {_SUBJECT}, confirmed_perc, pure_anomaly_perc, accessible_perc, cnt, status, old_status, change, stability
    FROM blocking_status
    ORDER BY {_SUBJECT}"""  # noqa: S608 - names of columns
_EVENTS = f"""
    SELECT {_SUBJECT}, time, status
    FROM blocking_events
    WHERE time >= $since
    ORDER BY time, {_SUBJECT}"""  # noqa: S608 - names of columns
_FAULTS = """
    SELECT uid, type, ts, probe_cc, probe_asn, details
    FROM faulty_measurements
    WHERE ts >= $since
    ORDER BY ts DESC, uid
    LIMIT $most"""
_CHECKS = """
    SELECT test_time, exit_node_ipaddr, fingerprint, cc, url, status_code, timing
    FROM tor_connectivity_check
    WHERE test_time >= $since
    ORDER BY test_time DESC, exit_node_ipaddr, url
    LIMIT $most"""
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)


@attrs.frozen
class SqlBlockingRecord:
    """A BlockingRecord in the tables ``blocking_status`` and ``blocking_events``."""

    engine: SqlEngine

    def statuses(self) -> list[BlockingStatus]:
        """Read all."""
        found = self.engine.query(_STATUSES, limits=_LIMITS).tuples
        return [
            BlockingStatus(Subject(*row[:4]), *row[4:8], BlockingState(row[8]), BlockingState(row[9]), *row[10:])
            for row in found
        ]

    def events(self, since: datetime | None = None) -> list[BlockingEvent]:
        """Read those of a time."""
        found = self.engine.query(_EVENTS, {"since": naive(since or _FIRST)}, _LIMITS).tuples
        return [BlockingEvent(Subject(*row[:4]), row[4].replace(tzinfo=UTC), BlockingState(row[5])) for row in found]

    def record(self, statuses: Sequence[BlockingStatus], events: Sequence[BlockingEvent]) -> None:
        """Upsert both, in one transaction."""
        rows, changes = [_status_row(one) for one in statuses], [_event_row(one) for one in events]
        with self.engine.transaction():
            # Events first: where there are no transactions, the old status lets the same change be seen again.
            self.engine.insert(BLOCKING_EVENTS, changes)
            self.engine.insert(BLOCKING_STATUS, rows)

    def rebuild(self, statuses: Sequence[BlockingStatus], events: Sequence[BlockingEvent]) -> None:
        """Swap both."""
        rows, changes = [_status_row(one) for one in statuses], [_event_row(one) for one in events]
        self.engine.replace({BLOCKING_EVENTS: changes, BLOCKING_STATUS: rows})


@attrs.frozen
class SqlFaultLog:
    """A FaultLog in the table ``faulty_measurements``."""

    engine: SqlEngine

    def note(self, faults: Sequence[Fault]) -> None:
        """Upsert."""
        self.engine.insert(
            FAULTY_MEASUREMENTS,
            [
                {
                    "ts": naive(one.at),
                    "type": one.kind.value,
                    "uid": one.uid,
                    "probe_cc": one.probe_cc,
                    "probe_asn": one.probe_asn,
                    "details": orjson.dumps(one.details).decode(),
                }
                for one in faults
            ],
        )

    def faults(self, since: datetime, limit: int) -> list[Fault]:
        """Read the newest."""
        found = self.engine.query(_FAULTS, {"since": naive(since), "most": limit}, _LIMITS).tuples
        return [
            Fault(uid, FaultKind(kind), at.replace(tzinfo=UTC), cc, asn, orjson.loads(details))
            for uid, kind, at, cc, asn, details in found
        ]


@attrs.frozen
class SqlExitCheckLog:
    """An ExitCheckLog in the table ``tor_connectivity_check``."""

    engine: SqlEngine

    def note(self, checks: Sequence[ExitCheck]) -> None:
        """Upsert."""
        self.engine.insert(
            TOR_CONNECTIVITY_CHECK,
            [
                {
                    "test_time": naive(one.at),
                    "exit_node_ipaddr": one.exit_address,
                    "fingerprint": one.fingerprint,
                    "cc": one.cc,
                    "url": one.url,
                    "status_code": one.status_code,
                    "timing": one.seconds,
                }
                for one in checks
            ],
        )

    def checks(self, since: datetime, limit: int) -> list[ExitCheck]:
        """Read the newest."""
        found = self.engine.query(_CHECKS, {"since": naive(since), "most": limit}, _LIMITS).tuples
        return [ExitCheck(at.replace(tzinfo=UTC), *rest) for at, *rest in found]


def _status_row(one: BlockingStatus) -> Mapping[str, Any]:
    return {
        **attrs.asdict(one.subject),
        "confirmed_perc": one.confirmed_percent,
        "pure_anomaly_perc": one.anomaly_percent,
        "accessible_perc": one.accessible_percent,
        "cnt": one.measurements,
        "status": one.state.value,
        "old_status": one.former.value,
        "change": one.change,
        "stability": one.stability,
    }


def _event_row(one: BlockingEvent) -> Mapping[str, Any]:
    return {**attrs.asdict(one.subject), "time": naive(one.at), "status": one.state.value}
