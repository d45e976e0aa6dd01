"""Random measurements: near enough to real ones that rules go deep, wrong enough that they meet every type."""

import orjson
from hypothesis import strategies as st

from ooni_core.scoring.nettests import NETTESTS, NEWER_NETTESTS
from ooni_core.testing import block_page, measurement

PAGES = (
    block_page("Blocked", name="a.nat"),
    block_page("<p>Blocked by", scope="isp", name="a.isp"),
    block_page("lock", scope="fp", countries="IT", name="a.fp"),
    block_page("Foo", scope="prod", location="header.server", pattern_type="prefix", name="h.prefix"),
    block_page("Foobar", scope="inst", location="header.server", pattern_type="full", countries="IT", name="h.full"),
    block_page("B.*d by", pattern_type="regexp", scope="vbw", name="a.regexp"),
)
ANSWERS = (
    block_page("10.10.34.36", location="dns", pattern_type="full", name="d.ip"),
    block_page("blocked.example", location="dns", scope="isp", pattern_type="full", name="d.name"),
)

WORDS = st.sampled_from(
    [
        "", "ok", "blocked", "error", "dns", "tcp_ip", "http-diff", "success", "connect_error", "unknown_failure: x",
        "ssl_error", "IT", "ZZ", "AS0", "AS1", "0.2.4", "3.17.1", "weird", "Bootstrapped 100%: Done", "10.10.34.36",
        "https://web.telegram.org/", "https://web.whatsapp.com/", "https://v.whatsapp.net/v2/register", "Foobar",
        "<html><p>Blocked by law", "Rm9v=", "Rm9vRg", "base64", "AS9999999999", "ECAcc x", "caf\u00e9", "a\x00b",
        '{"headers_dict": {"A": ["b"]}}', "interference.reset", "GREASE", "2024-05-06 07:08:00", "1e3", "nan",
    ]
)  # fmt: skip
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 300),
    st.sampled_from([2**40, -1, 1.5, 0.0, 1e300]),
    WORDS,
    st.text(max_size=4),
)
KEYS = st.sampled_from(
    [
        "requests", "request", "response", "queries", "answers", "tcp_connect", "status", "success", "failure", "url",
        "body", "headers", "headers_list", "Server", "server", "ipv4", "ipv6", "hostname", "data", "format", "tor",
        "is_tor", "code", "targets", "network_events", "tls_handshakes", "echconfig", "lookups", "pings", "a_failure",
    ]
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=8,
)
RESPONSES = st.fixed_dictionaries(
    {},
    optional={
        "body": WORDS | VALUES,
        "headers": st.dictionaries(st.sampled_from(["Server", "server", "Via", "Connection"]), VALUES, max_size=2)
        | VALUES,
        "headers_list": VALUES,
        "code": st.just(200) | VALUES,
    },
)
REQUESTS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "request": st.fixed_dictionaries({}, optional={"url": WORDS, "tor": VALUES, "headers": VALUES}) | VALUES,
            "response": RESPONSES | VALUES,
            "failure": WORDS | st.none() | VALUES,
        },
    )
    | VALUES,
    max_size=3,
)
ANSWER = st.fixed_dictionaries({}, optional={"ipv4": WORDS | VALUES, "hostname": WORDS | VALUES, "ipv6": VALUES})
TEST_KEYS = st.fixed_dictionaries(
    {},
    optional={
        "requests": REQUESTS | VALUES,
        "queries": st.lists(st.fixed_dictionaries({"answers": st.lists(ANSWER | VALUES, max_size=2) | VALUES})) | VALUES,
        "tcp_connect": st.lists(st.fixed_dictionaries({"status": st.fixed_dictionaries({"success": st.booleans()}) | VALUES}))
        | VALUES,
        **dict.fromkeys(("blocking", "accessible", "title_match", "dns_experiment_failure", "control_failure", "failure", "success", "telegram_web_status", "whatsapp_web_failure", "signal_backend_status", "failed_operation", "targets", "tor_log", "tor_logs", "tor_progress", "bootstrap_time", "api_status", "transport_status", "sent", "received", "body_length_match", "headers_match", "endpoint", "result", "browser_name", "load_time_ms", "connection", "facebook_tcp_blocking", "facebook_star_reachable", "lookups", "pings", "tls_handshakes", "control", "target", "network_events", "signal_backend_failure"), SCALARS | VALUES),
    },
)  # fmt: skip
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        name: st.just(...) | SCALARS | VALUES
        for name in (
            "annotations", "input", "measurement_start_time", "probe_asn", "probe_cc", "report_id", "resolver_ip",
            "software_name", "software_version", "test_helpers", "test_runtime", "test_start_time", "test_version",
            "control_failure", "platform", "resolver_asn", "content",
        )
    },
)  # fmt: skip


@st.composite
def measurements(draw):
    """Give a measurement of any nettest, parsed."""
    name = draw(st.sampled_from([*NETTESTS, *NEWER_NETTESTS, "urlgetter"]) | SCALARS | VALUES)
    keys = draw(TEST_KEYS)
    document = measurement(name if isinstance(name, str) else "x", keys, **draw(FIELDS))
    document["test_name"] = name
    if draw(st.booleans()):
        document["test_keys"] = keys
    if draw(st.integers(0, 30)) == 0:
        document["test_keys"] = draw(VALUES)
    return document


@st.composite
def bodies(draw):
    """Give the bytes of a submission, with or without envelope."""
    document = draw(measurements())
    kind = draw(st.integers(0, 9))
    if kind > 6:
        document = {"content": document, "format": draw(st.sampled_from(["json", "JSON", "yaml", None, 1]))}
    if kind == 9:
        document["is_verified"] = draw(SCALARS)
    return orjson.dumps(document)


@st.composite
def damaged_bodies(draw):
    """Give a submission with some bytes changed, as networks, disks and attackers do."""
    body = bytearray(draw(bodies()))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(body)))
        piece = draw(
            st.sampled_from([b"", b'"', b"\\", b"\\ud800", b"NaN", b"1e999", b"\xff", b"\x00", b"{", b"]", b",", b"0"])
            | st.binary(max_size=3)
        )
        body[at : at + draw(st.integers(0, 3))] = piece
    return bytes(body)
