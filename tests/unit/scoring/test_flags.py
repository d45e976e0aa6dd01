"""What a row says at a glance, for each line of the tables that specify the nettests: G, anomaly, confirmed, failure."""

import pytest

from ooni_core.scoring import Engine, FingerprintSet, Stored
from ooni_core.testing import block_page, measurement, submission


def flags(name, keys, *pages, ruleset="head", **fields):
    """Score exactly *keys* and return the general score and the flags that are set, as letters."""
    document = measurement(name, **fields) | {"test_keys": keys}
    outcome = Engine(FingerprintSet(http=tuple(pages)), ruleset).score(submission(document))
    assert isinstance(outcome, Stored), outcome
    row = outcome.row
    letters = zip("acf", (row.anomaly, row.confirmed, row.msm_failure), strict=True)
    return outcome.scores.get("blocking_general", 0.0), "".join(letter for letter, is_set in letters if is_set)


NAT = block_page("Foo", name="n.nat")
ISP = block_page("oo", scope="isp", name="n.isp")
FP = block_page("o", scope="fp", name="n.fp")
VBW = block_page("o", scope="vbw", name="n.vbw")
PROD = block_page("F", scope="prod", name="n.prod")
PROD_IT = block_page("F", scope="prod", countries="IT", name="n.prodit")
FP_IT = block_page("F", scope="fp", countries="IT", name="n.fpit")
PAGE = {"requests": [{"response": {"body": "xxFooxx"}}]}
UNKNOWN = {"http_experiment_failure": "unknown_failure: x"}


@pytest.mark.parametrize(
    ("keys", "pages", "expected"),
    [
        ({"blocking": False, "accessible": True}, [], (0.0, "")),
        ({"blocking": "dns", "accessible": False}, [], (1.0, "a")),
        ({"blocking": "tcp_ip", "accessible": False}, [], (1.0, "a")),
        ({"blocking": "http-diff", "accessible": False}, [], (1.0, "a")),
        ({"blocking": False, "accessible": True}, [NAT], (1.0, "ac")),
        ({"blocking": "dns"}, [NAT], (2.0, "ac")),
        ({"blocking": False, "accessible": True}, [NAT, ISP, PROD_IT], (3.0, "ac")),
        ({"blocking": "dns"}, [PROD_IT], (1.0, "ac")),
        ({"blocking": False, "accessible": True}, [FP], (0.0, "")),
        ({"blocking": False, "accessible": True}, [VBW], (0.0, "")),
        ({"blocking": False, "accessible": True}, [PROD], (0.0, "")),
        ({"blocking": False, "accessible": True}, [FP_IT], (1.0, "ac")),
        ({"blocking": None, "accessible": None}, [], (0.0, "f")),
        ({"blocking": None, "accessible": None}, [FP], (0.0, "")),
        ({"blocking": None, "accessible": None}, [NAT], (1.0, "ac")),
        ({"blocking": False, "accessible": None}, [], (0.0, "f")),
        ({"blocking": False}, [], (0.0, "")),
        ({"blocking": True}, [], (0.0, "f")),
        ({"blocking": "odd"}, [], (0.0, "f")),
        ({"blocking": "http-failure", **UNKNOWN}, [], (1.0, "af")),
        ({"title_match": "x"}, [NAT], (0.0, "cf")),
    ],
)
def test_web_connectivity(keys, pages, expected):
    assert flags("web_connectivity", {**keys, **PAGE}, *pages) == expected


HEALTHY_FACEBOOK = {
    f"facebook_{service}_{what}": True
    for service in ("b_api", "b_graph", "edge", "star", "stun")
    for what in ("dns_consistent", "reachable")
    if (service, what) != ("stun", "reachable")
}


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"facebook_star_reachable": False}, (0.5, "")),
        ({"facebook_star_reachable": False, "facebook_edge_reachable": False}, (1.0, "a")),
        ({"facebook_star_reachable": False, "facebook_tcp_blocking": True}, (1.0, "a")),
        ({"facebook_stun_reachable": False}, (0.0, "")),
        ({"facebook-star-reachable": False, "facebook-edge-reachable": False}, (0.0, "")),
        ({}, (0.0, "")),
        ({**HEALTHY_FACEBOOK, "facebook_tcp_blocking": False, "facebook_dns_blocking": True}, (0.0, "")),
        ({**HEALTHY_FACEBOOK, "facebook_tcp_blocking": None, "facebook_dns_blocking": True}, (0.5, "")),
        (dict.fromkeys(HEALTHY_FACEBOOK, False) | {"facebook_tcp_blocking": True}, (5.0, "a")),
    ],
)
def test_facebook_messenger(keys, expected):
    assert flags("facebook_messenger", keys) == expected


def tcp(good, bad):
    """Return connections of which *good* succeeded and *bad* failed."""
    return [{"status": {"success": number < good}} for number in range(good + bad)]


def web(good, bad):
    """Return requests to access points of which *good* succeeded and *bad* failed."""
    return [
        {"request": {"url": "http://149.154.167.50/"}, "failure": None if number < good else "x"}
        for number in range(good + bad)
    ]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"tcp_connect": tcp(10, 0), "requests": web(10, 0), "telegram_web_status": "ok"}, (0.0, "")),
        ({"tcp_connect": tcp(10, 0), "telegram_web_status": "blocked"}, (1.5, "a")),
        ({"tcp_connect": tcp(10, 0), "requests": web(10, 0), "telegram_web_status": "blocked"}, (1.0, "a")),
        ({"tcp_connect": tcp(0, 10), "requests": web(0, 10), "telegram_web_status": "blocked"}, (3.0, "a")),
        ({"tcp_connect": tcp(5, 5), "requests": web(10, 0), "telegram_web_status": "ok"}, (0.5, "")),
        ({}, (1.0, "a")),
        ({"requests": [{"request": {}}]}, (0.0, "f")),
    ],
)
def test_telegram(keys, expected):
    assert flags("telegram", keys) == expected


def whatsapp(page=None, register=None, connections=()):
    return {
        "requests": [
            {"request": {"url": "https://web.whatsapp.com/"}, "failure": page},
            {"request": {"url": "https://v.whatsapp.net/v2/register"}, "failure": register},
        ],
        "tcp_connect": list(connections),
    }


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (whatsapp(connections=tcp(1, 1)), (0.0, "")),
        (whatsapp(connections=tcp(0, 2)), (1.0, "a")),
        (whatsapp(), (0.0, "f")),
        (whatsapp(page="x", connections=tcp(1, 0)), (1.0, "a")),
        (whatsapp(register="x", connections=tcp(1, 0)), (1.0, "a")),
        (whatsapp(page="x") | {"registration_server_failure": "unknown_failure: x"}, (1.0, "af")),
        ({"requests": whatsapp()["requests"][:1]}, (0.0, "f")),
        (whatsapp() | {"whatsapp_web_failure": "unknown_failure 'ascii' codec"}, (0.0, "f")),
    ],
)
def test_whatsapp(keys, expected):
    assert flags("whatsapp", keys) == expected


@pytest.mark.parametrize(
    ("blocked", "reached", "expected"),
    [(1, 1, (0.5, "")), (2, 1, (2 / 3, "a")), (2, 33, (0.05714285714285714, "")), (0, 0, (0.0, "f"))],
)
def test_tor(blocked, reached, expected):
    failures = ["x"] * blocked + [None] * reached + [False]
    targets = {str(number): {"failure": what, "network_events": None} for number, what in enumerate(failures)}
    assert flags("tor", {"targets": targets}) == expected


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (None, (0.0, "")),
        *(
            (failure, (0.1, "f"))
            for failure in (
                "connection_aborted",
                "json_parse_error",
                "eof_error",
                "json_processing_error",
                "http_request_failed",
                "connect_error",
                "generic_timeout_error",
                "broken_pipe",
                "connection_refused",
                "an ssl_error somewhere",
            )
        ),
        ("other", (0.0, "f")),
    ],
)
def test_dash(failure, expected):
    assert flags("dash", {"failure": failure}) == expected


SIGNAL_OK = {"signal_backend_status": "ok", "failure": None, "failed_operation": None}


@pytest.mark.parametrize(
    ("version", "start", "engine", "expected"),
    [
        ("0.2.1", "2022-10-18 23:59:59", "3.17.2", (0.0, "")),
        ("0.2.1", "2022-10-19 00:00:00", "3.17.2", (0.0, "f")),
        ("0.2.10", "2022-10-19 00:00:00", "3.17.2", (0.0, "")),
        ("0.2.2", "2023-05-02 00:00:00", "3.17.2", (0.0, "")),
        ("0.2.2", "2023-05-02 00:00:00", "3.17.2-alpha", (0.0, "f")),
        ("0.2.2", "2023-05-02 00:00:00", None, (0.0, "f")),
    ],
)
def test_signal_of_both_rule_sets(version, start, engine, expected):
    fields = {
        "test_version": version,
        "measurement_start_time": start,
        "annotations": {"engine_version": engine} if engine else {},
    }
    for ruleset in ("2023-09", "head"):
        assert flags("signal", SIGNAL_OK, ruleset=ruleset, **fields) == expected


@pytest.mark.parametrize(
    ("version", "start", "expected"),
    [
        ("0.2.4", "2021-01-01 00:00:00", (0.0, "f")),
        ("0.2.3", "2023-11-06 23:59:59", (0.0, "")),
        ("0.2.3", "2023-11-07 00:00:00", (0.0, "f")),
        ("0.2.5", "2024-05-06 07:08:00", (0.0, "")),
    ],
)
def test_later_signal_rules_distrust_broken_releases(version, start, expected):
    fields = {"test_version": version, "measurement_start_time": start}
    assert flags("signal", SIGNAL_OK, **fields) == expected
    assert flags("signal", SIGNAL_OK, ruleset="2023-09", **fields) == (0.0, "")


@pytest.mark.parametrize("status", [None, "odd", True])
def test_signal_of_unknown_status_is_a_failure(status):
    assert flags("signal", SIGNAL_OK | {"signal_backend_status": status}) == (0.0, "f")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"api_status": "blocked"}, (1.0, "a")),
        ({"ca_cert_status": False}, (1.0, "a")),
        ({"ca_cert_status": None}, (0.0, "")),
        ({"transport_status": {"openvpn": "blocked"}}, (1.0, "a")),
        ({"transport_status": None}, (0.0, "")),
    ],
)
def test_riseupvpn_was_judged_in_2023_and_is_not_any_more(keys, expected):
    assert flags("riseupvpn", keys, ruleset="2023-09") == expected
    assert flags("riseupvpn", keys) == (0.0, "")


@pytest.mark.parametrize(("success", "expected"), [(True, (0.0, "")), (False, (1.0, "a")), (None, (0.0, "f"))])
def test_openvpn(success, expected):
    assert flags("openvpn", {"success": success}) == expected
