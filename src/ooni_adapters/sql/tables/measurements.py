"""Tables of scored measurements, their bodies and the counters derived from them."""

from ooni_adapters.sql.schema import Column, Kind, Rule, Table

_PROVENANCE = (
    Column("ruleset", Kind.LABEL),
    Column("scoring_engine", Kind.LABEL),
    Column("fingerprints", Kind.LABEL),
)

FASTPATH = Table(
    name="fastpath",
    doc="one row per scored measurement",
    columns=(
        Column("measurement_uid", Kind.TEXT),
        Column("report_id", Kind.TEXT),
        Column("input", Kind.TEXT),
        Column("probe_cc", Kind.LABEL),
        Column("probe_asn", Kind.UINT32),
        Column("test_name", Kind.LABEL),
        Column("test_start_time", Kind.TIME),
        Column("measurement_start_time", Kind.TIME),
        Column("filename", Kind.TEXT),
        Column("scores", Kind.TEXT),
        Column("platform", Kind.LABEL),
        Column("anomaly", Kind.LABEL, default="f"),
        Column("confirmed", Kind.LABEL, default="f"),
        Column("msm_failure", Kind.LABEL, default="f"),
        Column("domain", Kind.TEXT),
        Column("software_name", Kind.LABEL),
        Column("software_version", Kind.LABEL),
        Column("control_failure", Kind.TEXT),
        Column("blocking_general", Kind.FLOAT32),
        Column("is_ssl_expected", Kind.INT8),
        Column("page_len", Kind.INT32),
        Column("page_len_ratio", Kind.FLOAT32),
        Column("server_cc", Kind.TEXT),
        Column("server_asn", Kind.UINT32),
        Column("server_as_name", Kind.TEXT),
        Column("update_time", Kind.TIME_MS, stamped=True),
        Column("test_version", Kind.LABEL),
        Column("architecture", Kind.LABEL),
        Column("engine_name", Kind.LABEL),
        Column("engine_version", Kind.LABEL),
        Column("test_runtime", Kind.FLOAT32),
        Column("blocking_type", Kind.LABEL),
        Column("test_helper_address", Kind.LABEL),
        Column("test_helper_type", Kind.LABEL),
        Column("ooni_run_link_id", Kind.UINT64, nullable=True),
        Column("is_verified", Kind.LABEL, default="u"),
        *_PROVENANCE,
    ),
    key=("measurement_uid",),
    indexes=("report_id",),
    ranges=("measurement_start_time", "update_time"),
    sharded=("measurement_uid",),
)

QUARANTINE = Table(
    name="fastpath_quarantine",
    doc="measurements that could not be scored, and why",
    columns=(
        Column("measurement_uid", Kind.TEXT),
        Column("reason", Kind.TEXT),
        Column("kind", Kind.LABEL),
        Column("update_time", Kind.TIME_MS, stamped=True),
    ),
    key=("measurement_uid",),
)

JSONL = Table(
    name="jsonl",
    doc="where each published body is",
    columns=(
        Column("report_id", Kind.TEXT),
        Column("input", Kind.TEXT),
        Column("measurement_uid", Kind.TEXT),
        Column("s3path", Kind.TEXT),
        Column("linenum", Kind.INT32),
        Column("date", Kind.DATE),
        Column("source", Kind.TEXT),
        Column("update_time", Kind.TIME_MS, stamped=True),
        Column("member_offset", Kind.UINT64, nullable=True),
        Column("member_length", Kind.UINT64, nullable=True),
        Column("line_in_member", Kind.UINT32, nullable=True),
        Column("legacy_place", Kind.TEXT),
    ),
    # Entries from before uids were recorded have none: their place tells them apart.
    key=("measurement_uid", "legacy_place"),
    indexes=("report_id",),
    sharded=("measurement_uid",),
)

COUNTERS_TEST_LIST = Table(
    name="counters_test_list",
    doc="measurements per day, country and listed URL",
    columns=(
        Column("day", Kind.DATE),
        Column("probe_cc", Kind.LABEL),
        Column("input", Kind.TEXT),
        Column("msmt_cnt", Kind.INT64),
    ),
    key=("day", "probe_cc", "input"),
    rule=Rule.SUM,
)

COUNTERS_ASN_TEST_LIST = Table(
    name="counters_asn_test_list",
    doc="measurements per week (from Sunday), country, network and listed URL",
    columns=(
        Column("week", Kind.DATE),
        Column("probe_cc", Kind.LABEL),
        Column("probe_asn", Kind.UINT32),
        Column("input", Kind.TEXT),
        Column("msmt_cnt", Kind.INT64),
    ),
    key=("probe_cc", "probe_asn", "week", "input"),
    rule=Rule.SUM,
)

_RUN_TEXTS_BEFORE = ("error", "failure", "input")
_RUN_TEXTS = (
    "minivpn_version",
    "obfs4_version",
    "obfuscation",
    "platform",
    "probe_cc",
    "probe_network_name",
    "provider",
    "remote",
    "report_id",
    "resolver_ip",
    "resolver_network_name",
    "software_name",
    "software_version",
    "transport",
)
_RUN_FLAGS = (
    "anomaly",
    "confirmed",
    "success",
    "success_handshake",
    "success_icmp",
    "success_urlgrab",
    "tcp_connect_status_success",
)

OBS_OPENVPN = Table(
    name="obs_openvpn",
    doc="one row per openvpn measurement",
    columns=(
        Column("measurement_uid", Kind.TEXT),
        Column("measurement_start_time", Kind.TIME),
        Column("test_start_time", Kind.TIME),
        *(Column(name, Kind.INT8) for name in _RUN_FLAGS),
        Column("bootstrap_time", Kind.FLOAT32),
        Column("test_runtime", Kind.FLOAT32),
        *(Column(name, Kind.TEXT) for name in _RUN_TEXTS_BEFORE + _RUN_TEXTS),
        Column("last_handshake_transaction_id", Kind.UINT32),
        Column("probe_asn", Kind.UINT32),
        Column("resolver_asn", Kind.UINT32),
    ),
    key=("measurement_uid",),
    ranges=("measurement_start_time",),
    sharded=("measurement_uid",),
)

BLOCKING_STATUS = Table(
    name="blocking_status",
    doc="current blocking state per test, input and network",
    columns=(
        Column("test_name", Kind.LABEL),
        Column("input", Kind.TEXT),
        Column("probe_cc", Kind.LABEL),
        Column("probe_asn", Kind.UINT32),
        *(Column(name, Kind.FLOAT32) for name in ("confirmed_perc", "pure_anomaly_perc", "accessible_perc", "cnt")),
        Column("status", Kind.LABEL),
        Column("old_status", Kind.LABEL),
        Column("change", Kind.FLOAT32),
        Column("stability", Kind.FLOAT32),
        Column("update_time", Kind.TIME, stamped=True),
    ),
    key=("test_name", "input", "probe_cc", "probe_asn"),
)

BLOCKING_EVENTS = Table(
    name="blocking_events",
    doc="changes of blocking state",
    columns=(
        Column("test_name", Kind.LABEL),
        Column("input", Kind.TEXT),
        Column("probe_cc", Kind.LABEL),
        Column("probe_asn", Kind.UINT32),
        Column("status", Kind.LABEL),
        Column("time", Kind.TIME_MS),
        Column("detection_time", Kind.TIME, stamped=True),
    ),
    key=("test_name", "input", "probe_cc", "probe_asn", "time"),
)

FAULTY_MEASUREMENTS = Table(
    name="faulty_measurements",
    doc="measurements whose time, place or volume is implausible",
    columns=(
        Column("ts", Kind.TIME_MS, stamped=True),
        Column("type", Kind.LABEL),
        Column("uid", Kind.TEXT),
        Column("probe_cc", Kind.LABEL),
        Column("probe_asn", Kind.UINT32),
        Column("details", Kind.TEXT),
    ),
    key=("ts", "type", "probe_cc", "probe_asn", "uid"),
)

MEASUREMENT_TABLES = (
    FASTPATH,
    QUARANTINE,
    JSONL,
    COUNTERS_TEST_LIST,
    COUNTERS_ASN_TEST_LIST,
    OBS_OPENVPN,
    BLOCKING_STATUS,
    BLOCKING_EVENTS,
    FAULTY_MEASUREMENTS,
)
