"""Measurements of every fate, and what scoring in this process makes of them."""

from datetime import UTC, datetime, timedelta

import orjson

from ooni_adapters.database import open_database
from ooni_adapters.scorers import EngineScorer
from ooni_adapters.spool import MemorySpool
from ooni_adapters.sql.quarantine import SqlQuarantineStore
from ooni_adapters.sql.verdicts import SqlVerdictStore
from ooni_adapters.system import SystemClock
from ooni_core.measurement import MeasurementUid
from ooni_core.scoring import Engine, FingerprintSet
from ooni_core.scoring.service import ScoringService

BEGIN = datetime(2026, 11, 20, 10, tzinfo=UTC)
PLACES = (("IT", 64496), ("BR", 64501), ("KE", 64502))


def fingerprint(name, pattern):
    return {
        "name": name,
        "scope": "nat",
        "other_names": "",
        "location_found": "body",
        "pattern_type": "contains",
        "pattern": pattern,
        "confidence_no_fp": 5,
        "expected_countries": "IT,BR,KE",
        "source": "",
        "exp_url": "",
        "notes": "",
    }


FINGERPRINTS = [fingerprint("test.blockpage", "this page is blocked by decree 7")]


def content(number, **more):
    cc, asn = PLACES[number % len(PLACES)]
    page = FINGERPRINTS[0]["pattern"] if number % 4 == 0 else f"welcome to site {number}"
    return {
        "report_id": f"20261120T100000Z_webconnectivity_{cc}_{asn}_n1_AAAAAAAAAAAAAAAA",
        "probe_cc": cc,
        "probe_asn": f"AS{asn}",
        "test_name": "web_connectivity",
        "input": f"https://site{number}.example.org/",
        "test_start_time": "2026-11-20 09:59:00",
        "measurement_start_time": "2026-11-20 09:59:30",
        "test_keys": {
            "blocking": "http-diff" if number % 4 == 0 else False,
            "accessible": number % 4 != 0,
            "requests": [{"request": {"url": "x"}, "response": {"body": page, "headers": {}}}],
        },
    } | more


def envelope(document):
    return orjson.dumps({"format": "json", "content": document})


def named(number, body):
    cc, _ = PLACES[number % len(PLACES)]
    uid = MeasurementUid.mint(BEGIN + timedelta(seconds=number), cc, "webconnectivity", body)
    return uid.text, body


def measurements(count, first=0):
    """Pairs of uid and body; each gets a verdict."""
    return [named(number, envelope(content(number))) for number in range(first, first + count)]


def unscorable(first=10_000):
    """Pairs of uid and body that get no verdict: discarded, and three kinds of quarantine."""
    bodies = [envelope(content(first, probe_cc="ZZ")), envelope(content(first, test_keys=[])), b"{", b""]
    return [named(first + number, body) for number, body in enumerate(bodies)]


def scored_here(pairs, fingerprints=FINGERPRINTS):
    """The rows and the quarantine that scoring in this process leaves in a database of its own."""
    engine = open_database("duckdb://:memory:")
    try:
        spool = MemorySpool()
        scorer = EngineScorer(Engine(FingerprintSet.from_rows([], fingerprints)))
        service = ScoringService(spool, scorer, SqlVerdictStore(engine, SystemClock()), SqlQuarantineStore(engine))
        for uid, body in pairs:
            spool.put(MeasurementUid(uid), body)
        service.score([MeasurementUid(uid) for uid, _ in pairs])
        rows = {row["measurement_uid"]: row for row in engine.query("SELECT * FROM fastpath").dicts()}
        quarantine = dict(engine.query("SELECT measurement_uid, kind FROM fastpath_quarantine").tuples)
    finally:
        engine.close()
    return rows, quarantine


def lasting(rows):
    """Rows without what the database adds by itself: when it stored them."""
    added = {"update_time", "row_version", "row_deleted"}
    return {uid: {name: value for name, value in row.items() if name not in added} for uid, row in rows.items()}
