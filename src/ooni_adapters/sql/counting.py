"""How often each listed URL was measured: by day and country, by week and network.

The counters are a function of the ``fastpath`` table: web_connectivity measurements of this week and the previous one
whose input is on a test list, each counted once however often it was stored and however many lists hold its URL.
Storing a verdict adds to them; ``recount`` computes them anew, which also follows changes of the lists. Weeks begin on
Sunday.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from ooni_adapters.sql.engine import UNLIMITED, SqlEngine
from ooni_adapters.sql.schema import Table
from ooni_adapters.sql.tables import COUNTERS_ASN_TEST_LIST, COUNTERS_TEST_LIST
from ooni_core.prioritization.counting import COUNTED_TEST, is_counted, sunday, window_start

RETENTION = timedelta(days=21)


def count_verdicts(engine: SqlEngine, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Add the measurements among *rows* that are new, before the rows themselves are stored, in one transaction.

    Args:
        engine: the database.
        rows: rows of ``fastpath`` about to be stored.
        now: naive UTC; measurements from the previous week's Sunday up to it count.
    """
    latest = {row["measurement_uid"]: row for row in rows}
    candidates = {
        uid: row
        for uid, row in latest.items()
        if is_counted(row["test_name"], row["input"], row["measurement_start_time"], now)
    }
    if not candidates:
        return
    listed = _listed(engine, sorted({row["input"] for row in candidates.values()}))
    candidates = {uid: row for uid, row in candidates.items() if row["input"] in listed}
    stored = _stored(engine, sorted(candidates))
    fresh = [row for uid, row in candidates.items() if uid not in stored]
    if fresh:
        # Where nothing can be undone, a retry finds what was counted before the rows could be stored.
        attempt = hashlib.sha256("\n".join(sorted(row["measurement_uid"] for row in fresh)).encode()).hexdigest()
        engine.insert(COUNTERS_TEST_LIST, _by_day(fresh), attempt=attempt)
        engine.insert(COUNTERS_ASN_TEST_LIST, _by_week(fresh), attempt=attempt)


def _listed(engine: SqlEngine, inputs: list[str]) -> set[str]:
    found = engine.query("SELECT DISTINCT url FROM citizenlab WHERE url IN $inputs", {"inputs": inputs})
    return {url for (url,) in found.tuples}


def _stored(engine: SqlEngine, uids: list[str]) -> set[str]:
    if not uids:
        return set()
    found = engine.query("SELECT measurement_uid FROM fastpath WHERE measurement_uid IN $uids", {"uids": uids})
    return {uid for (uid,) in found.tuples}


def _by_day(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    counted = Counter((row["measurement_start_time"].date(), row["probe_cc"], row["input"]) for row in rows)
    return [{"day": day, "probe_cc": cc, "input": url, "msmt_cnt": n} for (day, cc, url), n in counted.items()]


def _by_week(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    counted = Counter(
        (sunday(row["measurement_start_time"].date()), row["probe_cc"], row["probe_asn"], row["input"]) for row in rows
    )
    return [
        {"week": week, "probe_cc": cc, "probe_asn": asn, "input": url, "msmt_cnt": n}
        for (week, cc, asn, url), n in counted.items()
    ]


def recount(engine: SqlEngine, now: datetime) -> None:
    """Compute both counters anew from ``fastpath`` and the current lists, and forget what is older than 21 days.

    The current and the previous week are exact afterwards. Running it again changes nothing.
    """
    bounds = {"since": window_start(now), "now": now, "oldest": (now - RETENTION).date(), "test_name": COUNTED_TEST}
    for table, period, dimensions in (
        (COUNTERS_TEST_LIST, "day", "probe_cc, input"),
        (COUNTERS_ASN_TEST_LIST, "week", "probe_cc, probe_asn, input"),
    ):
        with engine.transaction():
            corrections = list(engine.stream(_corrections(engine, table, period, dimensions), bounds, UNLIMITED))
            if corrections:
                engine.insert(table, pa.Table.from_batches(corrections))


def _corrections(engine: SqlEngine, table: Table, period: str, dimensions: str) -> str:
    """Say what must be added to each counter: what it should be minus what it is."""
    bucket = engine.dialect.bucket(period, "measurement_start_time")
    return f"""
        SELECT {period}, {dimensions}, sum(difference) AS msmt_cnt
        FROM (
            SELECT {bucket} AS {period}, {dimensions}, CAST(count(*) AS BIGINT) AS difference
            FROM fastpath
            WHERE test_name = $test_name AND measurement_start_time >= $since AND measurement_start_time < $now
                AND input IN (SELECT url FROM citizenlab)
            GROUP BY {period}, {dimensions}
            UNION ALL
            SELECT {period}, {dimensions}, -msmt_cnt AS difference
            FROM {table.name}
            WHERE {period} >= $since OR {period} < $oldest
        ) AS both_sides
        GROUP BY {period}, {dimensions}
        HAVING sum(difference) <> 0"""  # noqa: S608 - only names from declarations
