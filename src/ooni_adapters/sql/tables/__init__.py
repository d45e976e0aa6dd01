"""Every table of the service, declared once. ``TABLES`` is the schema that ``ooni schema`` creates and checks."""

from ooni_adapters.sql.schema import Table
from ooni_adapters.sql.tables.community import (
    ACCOUNTS,
    COMMUNITY_TABLES,
    INCIDENTS,
    MSMT_FEEDBACK,
    OONIRUN,
    SESSION_EXPUNGE,
)
from ooni_adapters.sql.tables.measurements import (
    BLOCKING_EVENTS,
    BLOCKING_STATUS,
    COUNTERS_ASN_TEST_LIST,
    COUNTERS_TEST_LIST,
    FASTPATH,
    FAULTY_MEASUREMENTS,
    JSONL,
    MEASUREMENT_TABLES,
    OBS_OPENVPN,
    QUARANTINE,
)
from ooni_adapters.sql.tables.operations import (
    CORRECTIONS,
    DATASET_VERSIONS,
    OPERATIONS_TABLES,
    SCHEMA_MIGRATIONS,
    STORED_BATCHES,
)
from ooni_adapters.sql.tables.reference import (
    ASNMETA,
    ASNMETA_TMP,
    CITIZENLAB,
    CITIZENLAB_FLIP,
    FINGERPRINTS_DNS,
    FINGERPRINTS_DNS_TMP,
    FINGERPRINTS_HTTP,
    FINGERPRINTS_HTTP_TMP,
    PREVIOUS,
    REFERENCE_TABLES,
    TEST_GROUPS,
    TEST_HELPER_INSTANCES,
    TOR_CONNECTIVITY_CHECK,
    URL_PRIORITIES,
    URL_PRIORITIES_HISTORY,
)
from ooni_adapters.sql.tables.rollups import ROLLUP_TABLES

TABLES: dict[str, Table] = {
    table.name: table
    for table in MEASUREMENT_TABLES + REFERENCE_TABLES + COMMUNITY_TABLES + OPERATIONS_TABLES + ROLLUP_TABLES
}

__all__ = [
    "ACCOUNTS",
    "ASNMETA",
    "ASNMETA_TMP",
    "BLOCKING_EVENTS",
    "BLOCKING_STATUS",
    "CITIZENLAB",
    "CITIZENLAB_FLIP",
    "CORRECTIONS",
    "COUNTERS_ASN_TEST_LIST",
    "COUNTERS_TEST_LIST",
    "DATASET_VERSIONS",
    "FASTPATH",
    "FAULTY_MEASUREMENTS",
    "FINGERPRINTS_DNS",
    "FINGERPRINTS_DNS_TMP",
    "FINGERPRINTS_HTTP",
    "FINGERPRINTS_HTTP_TMP",
    "INCIDENTS",
    "JSONL",
    "MSMT_FEEDBACK",
    "OBS_OPENVPN",
    "OONIRUN",
    "PREVIOUS",
    "QUARANTINE",
    "SCHEMA_MIGRATIONS",
    "SESSION_EXPUNGE",
    "STORED_BATCHES",
    "TABLES",
    "TEST_GROUPS",
    "TEST_HELPER_INSTANCES",
    "TOR_CONNECTIVITY_CHECK",
    "URL_PRIORITIES",
    "URL_PRIORITIES_HISTORY",
]
