"""Tables of what others publish (test lists, fingerprints, network names) and of rules made by staff."""

from ooni_adapters.sql.schema import Column, Kind, Table


def _citizenlab(name: str, doc: str) -> Table:
    return Table(
        name=name,
        doc=doc,
        columns=(
            Column("domain", Kind.TEXT),
            Column("url", Kind.TEXT),
            Column("cc", Kind.LABEL),
            Column("category_code", Kind.LABEL),
        ),
        key=("domain", "url", "cc", "category_code"),
    )


def _fingerprints(name: str, doc: str) -> Table:
    return Table(
        name=name,
        doc=doc,
        columns=(
            Column("name", Kind.TEXT),
            Column("scope", Kind.LABEL),
            Column("other_names", Kind.TEXT),
            Column("location_found", Kind.TEXT),
            Column("pattern_type", Kind.LABEL),
            Column("pattern", Kind.TEXT),
            Column("confidence_no_fp", Kind.UINT8),
            Column("expected_countries", Kind.TEXT),
            Column("source", Kind.TEXT),
            Column("exp_url", Kind.TEXT),
            Column("notes", Kind.TEXT),
        ),
        key=("name",),
    )


def _asnmeta(name: str, doc: str) -> Table:
    return Table(
        name=name,
        doc=doc,
        columns=(
            Column("asn", Kind.UINT32),
            Column("org_name", Kind.TEXT),
            Column("cc", Kind.LABEL),
            Column("changed", Kind.DATE),
            Column("aut_name", Kind.TEXT),
            Column("source", Kind.LABEL),
        ),
        key=("asn", "changed"),
    )


_PREVIOUS = "what the table held before its last replacement"

CITIZENLAB = _citizenlab("citizenlab", "test lists: URLs by country (ZZ: everywhere)")
CITIZENLAB_FLIP = _citizenlab("citizenlab_flip", _PREVIOUS)
FINGERPRINTS_DNS = _fingerprints("fingerprints_dns", "blocking fingerprints seen in DNS answers")
FINGERPRINTS_DNS_TMP = _fingerprints("fingerprints_dns_tmp", _PREVIOUS)
FINGERPRINTS_HTTP = _fingerprints("fingerprints_http", "blocking fingerprints seen in HTTP responses")
FINGERPRINTS_HTTP_TMP = _fingerprints("fingerprints_http_tmp", _PREVIOUS)
ASNMETA = _asnmeta("asnmeta", "names of networks over time")
ASNMETA_TMP = _asnmeta("asnmeta_tmp", _PREVIOUS)

PREVIOUS = {
    CITIZENLAB: CITIZENLAB_FLIP,
    FINGERPRINTS_DNS: FINGERPRINTS_DNS_TMP,
    FINGERPRINTS_HTTP: FINGERPRINTS_HTTP_TMP,
    ASNMETA: ASNMETA_TMP,
}
"""Where each replaceable table keeps its previous content."""

TEST_GROUPS = Table(
    name="test_groups",
    doc="group of each nettest, for charts",
    columns=(Column("test_name", Kind.TEXT), Column("test_group", Kind.TEXT)),
    key=("test_name",),
)

URL_PRIORITIES = Table(
    name="url_priorities",
    doc="how urgent it is to measure which URLs",
    columns=(
        Column("sign", Kind.INT8, default=1),
        Column("category_code", Kind.TEXT),
        Column("cc", Kind.TEXT),
        Column("domain", Kind.TEXT),
        Column("url", Kind.TEXT),
        Column("priority", Kind.INT32),
    ),
    key=("category_code", "cc", "domain", "url"),
)

URL_PRIORITIES_HISTORY = Table(
    name="url_priorities_history",
    doc="who changed which rule of url_priorities, when; old and new rule as JSON, empty when there was none",
    columns=(
        Column("changed_at", Kind.TIME_MS),
        Column("account_id", Kind.TEXT),
        Column("old_entry", Kind.TEXT),
        Column("new_entry", Kind.TEXT),
    ),
    key=("changed_at", "account_id", "old_entry", "new_entry"),
    private=True,
)

TEST_HELPER_INSTANCES = Table(
    name="test_helper_instances",
    doc="test helper machines, present and past",
    columns=(
        Column("rdn", Kind.TEXT),
        Column("dns_zone", Kind.TEXT),
        Column("name", Kind.TEXT),
        Column("provider", Kind.TEXT),
        Column("region", Kind.TEXT),
        Column("ipaddr", Kind.TEXT),
        Column("ipv6addr", Kind.TEXT),
        Column("draining_at", Kind.TIME, nullable=True),
        Column("sign", Kind.INT8, default=1),
        Column("destroyed_at", Kind.TIME, nullable=True),
    ),
    key=("name",),
)

TOR_CONNECTIVITY_CHECK = Table(
    name="tor_connectivity_check",
    doc="how sites answer to Tor exits",
    columns=(
        Column("test_time", Kind.TIME, stamped=True),
        Column("exit_node_ipaddr", Kind.TEXT),
        Column("fingerprint", Kind.TEXT),
        Column("cc", Kind.LABEL),
        Column("url", Kind.TEXT),
        Column("status_code", Kind.INT32),
        Column("timing", Kind.FLOAT32),
    ),
    key=("test_time", "exit_node_ipaddr", "url"),
)

REFERENCE_TABLES = (
    CITIZENLAB,
    CITIZENLAB_FLIP,
    FINGERPRINTS_DNS,
    FINGERPRINTS_DNS_TMP,
    FINGERPRINTS_HTTP,
    FINGERPRINTS_HTTP_TMP,
    ASNMETA,
    ASNMETA_TMP,
    TEST_GROUPS,
    URL_PRIORITIES,
    URL_PRIORITIES_HISTORY,
    TEST_HELPER_INSTANCES,
    TOR_CONNECTIVITY_CHECK,
)
