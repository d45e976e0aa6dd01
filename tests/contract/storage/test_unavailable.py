"""A database that does not answer is Unavailable, whatever is asked of whichever store."""

from datetime import UTC, datetime

import pytest

from ooni_adapters.database import open_database
from ooni_adapters.sql.accounts import SqlAccountRoles
from ooni_adapters.sql.bodies import SqlBodyIndex
from ooni_adapters.sql.catalog import SqlCatalog
from ooni_adapters.sql.corrections import SqlCorrectionLog
from ooni_adapters.sql.counters import SqlCounts
from ooni_adapters.sql.detection import SqlBlockingRecord, SqlExitCheckLog, SqlFaultLog
from ooni_adapters.sql.erasure import SqlErasure
from ooni_adapters.sql.feedback import SqlFeedbackStore
from ooni_adapters.sql.fingerprints import SqlFingerprintStore
from ooni_adapters.sql.fleet import SqlTestHelperRegister
from ooni_adapters.sql.incidents import SqlIncidents
from ooni_adapters.sql.oonirun import SqlLinks
from ooni_adapters.sql.prioritization import SqlRules
from ooni_adapters.sql.quarantine import SqlQuarantineStore
from ooni_adapters.sql.sessions import SqlExpungedSessions
from ooni_adapters.sql.testlists import SqlTestLists
from ooni_adapters.sql.verdicts import SqlVerdictStore
from ooni_core.catalog.model import Axis, CountQuery, MeasurementFilter, Page
from ooni_core.errors import QueryTimeout, Unavailable
from ooni_core.feedback.model import Feedback
from ooni_core.measurement import MeasurementUid
from tests.contract.storage.clickhouse_bridge import serving_clickhouse
from tests.contract.storage.test_body_index import LIVE
from tests.contract.storage.test_detection_stores import CHECK, EVENT, FAULT, STATUS
from tests.contract.storage.test_fleet_stores import FIRST
from tests.contract.storage.test_incident_stores import FIRST as INCIDENT
from tests.contract.storage.test_link_stores import FIRST as LINK
from tests.contract.storage.test_prioritization_stores import NEWS, WORLD
from tests.contract.storage.test_scoring_stores import MENDED, FixedClock, entry, verdict
from tests.embedded_clickhouse import chdb_url

NOW = datetime(2024, 5, 15, tzinfo=UTC)
ALL = MeasurementFilter()
UID = MeasurementUid("20240515000000.000001_IT_webconnectivity_0123456789abcdef")
QUESTIONS = {
    "accounts.role": lambda e: SqlAccountRoles(e).role("a"),
    "accounts.set_role": lambda e: SqlAccountRoles(e).set_role("a", "admin"),
    "bodies.put": lambda e: SqlBodyIndex(e).put([LIVE]),
    "bodies.by_uid": lambda e: SqlBodyIndex(e).by_uid("x"),
    "bodies.by_report": lambda e: SqlBodyIndex(e).by_report("x", ""),
    "catalog.search": lambda e: SqlCatalog(e).search(ALL, Page()),
    "catalog.by_uid": lambda e: SqlCatalog(e).by_uid("x"),
    "catalog.by_report": lambda e: SqlCatalog(e).by_report("x", ""),
    "catalog.count": lambda e: SqlCatalog(e).count(CountQuery(ALL, (Axis.INPUT,))),
    "catalog.activity": lambda e: SqlCatalog(e).activity(CountQuery(ALL)),
    "catalog.runtimes": lambda e: SqlCatalog(e).runtimes(ALL),
    "catalog.listed_urls": lambda e: SqlCatalog(e).listed_urls(),
    "catalog.network_names": lambda e: SqlCatalog(e).network_names(),
    "catalog.test_groups": lambda e: SqlCatalog(e).test_groups(),
    "corrections.note": lambda e: SqlCorrectionLog(e).note(MENDED),
    "corrections.corrections": lambda e: SqlCorrectionLog(e).corrections(1),
    "counts.counts": lambda e: SqlCounts(e).counts(NOW),
    "counts.measured_since": lambda e: SqlCounts(e).measured_since(NOW),
    "counts.coverage": lambda e: SqlCounts(e).coverage(NOW),
    "blocking.statuses": lambda e: SqlBlockingRecord(e).statuses(),
    "blocking.events": lambda e: SqlBlockingRecord(e).events(),
    "blocking.record": lambda e: SqlBlockingRecord(e).record([STATUS], [EVENT]),
    "blocking.rebuild": lambda e: SqlBlockingRecord(e).rebuild([STATUS], [EVENT]),
    "faults.note": lambda e: SqlFaultLog(e).note([FAULT]),
    "faults.faults": lambda e: SqlFaultLog(e).faults(NOW, 1),
    "checks.note": lambda e: SqlExitCheckLog(e).note([CHECK]),
    "checks.checks": lambda e: SqlExitCheckLog(e).checks(NOW, 1),
    "erasure.forget": lambda e: SqlErasure(e, FixedClock()).forget([UID]),
    "feedback.put": lambda e: SqlFeedbackStore(e).put(Feedback("ok", UID.text, "a")),
    "feedback.withdraw": lambda e: SqlFeedbackStore(e).withdraw(UID.text, "a"),
    "feedback.summary": lambda e: SqlFeedbackStore(e).summary(UID.text),
    "fingerprints.load": lambda e: SqlFingerprintStore(e).load(),
    "fingerprints.replace": lambda e: SqlFingerprintStore(e).replace([], []),
    "helpers.put": lambda e: SqlTestHelperRegister(e).put(FIRST),
    "helpers.helpers": lambda e: SqlTestHelperRegister(e).helpers("", ""),
    "incidents.incidents": lambda e: SqlIncidents(e).incidents(),
    "incidents.get": lambda e: SqlIncidents(e).get("1"),
    "incidents.by_slug": lambda e: SqlIncidents(e).by_slug("x"),
    "incidents.create": lambda e: SqlIncidents(e).create(INCIDENT),
    "incidents.replace": lambda e: SqlIncidents(e).replace(INCIDENT, INCIDENT),
    "links.versions": lambda e: SqlLinks(e).versions(),
    "links.add": lambda e: SqlLinks(e).add(LINK, None),
    "links.archive": lambda e: SqlLinks(e).archive(7),
    "links.first_free": lambda e: SqlLinks(e).first_free(7),
    "rules.rules": lambda e: SqlRules(e).rules(),
    "rules.change": lambda e: SqlRules(e).change(None, NEWS, "me", NOW),
    "rules.seed": lambda e: SqlRules(e).seed([NEWS], NOW),
    "rules.history": lambda e: SqlRules(e).history(1),
    "lists.version": lambda e: SqlTestLists(e).version(),
    "lists.lists": lambda e: SqlTestLists(e).lists(),
    "lists.replace": lambda e: SqlTestLists(e).replace([WORLD]),
    "quarantine.put": lambda e: SqlQuarantineStore(e).put([entry("a")]),
    "quarantine.known": lambda e: SqlQuarantineStore(e).known(["a"]),
    "quarantine.release": lambda e: SqlQuarantineStore(e).release(["a"]),
    "quarantine.entries": lambda e: SqlQuarantineStore(e).entries(1),
    "sessions.threshold": lambda e: SqlExpungedSessions(e).threshold("a"),
    "sessions.expunge": lambda e: SqlExpungedSessions(e).expunge("a", NOW),
    "verdicts.put": lambda e: SqlVerdictStore(e, FixedClock()).put([verdict()]),
    "verdicts.known": lambda e: SqlVerdictStore(e, FixedClock()).known(["a"]),
}


@pytest.fixture(scope="module")
def engines():
    """Engines whose database went away while they were open."""
    closed = open_database("duckdb://:memory:")
    closed.close()
    with serving_clickhouse(chdb_url("storage")) as url:
        abandoned = open_database(url)
    yield {"duckdb": closed, "clickhouse": abandoned}
    abandoned.close()


@pytest.mark.parametrize("engine", ["duckdb", "clickhouse"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_database_that_went_away_is_unavailable(engines, engine, question):
    with pytest.raises(Unavailable) as raised:
        QUESTIONS[question](engines[engine])
    assert not isinstance(raised.value, QueryTimeout)
