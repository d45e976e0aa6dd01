"""The condition tables of each nettest."""

import pytest

from ooni_core.scoring import Engine, FingerprintSet, Quarantined, Stored
from ooni_core.testing import UID, block_page, measurement, submission

ENGINES = {name: Engine(ruleset=name) for name in ("2023-09", "head", "full")}
ZEROS = {f"blocking_{what}": 0.0 for what in ("general", "global", "country", "isp", "local")}


def scored(name, keys=None, ruleset="head", uid=UID, engine=None, **fields):
    """Score and return what is not zero; ``G`` stands for blocking_general."""
    document = measurement(name, **fields)
    if keys is not None:
        document["test_keys"] = keys
    outcome = (engine or ENGINES[ruleset]).score(submission(document), uid)
    if isinstance(outcome, Quarantined):
        return outcome.kind
    assert isinstance(outcome, Stored), outcome
    return {
        "G" if key == "blocking_general" else key: value
        for key, value in outcome.scores.items()
        if value != 0.0 or key not in ZEROS
    }


FAILED = {"accuracy": 0.0}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("web_connectivity", FAILED),
        ("facebook_messenger", {}),
        ("whatsapp", FAILED),
        ("signal", FAILED),
        ("tor", FAILED),
        ("torsf", {"extra": {"bootstrap_time": None, "test_runtime": 1.5}}),
        ("vanilla_tor", FAILED),
        ("psiphon", {"accuracy": 0.0, "extra": {"test_runtime": 1.5, "bootstrap_time": 0}}),
        ("openvpn", {"accuracy": 0.0, "extra": {"test_runtime": 1.5}}),
        ("http_requests", FAILED),
        ("http_invalid_request_line", FAILED),
        ("http_header_field_manipulation", FAILED),
        ("stunreachability", {"extra": {"endpoint": None}}),
        ("browser_web", {"accuracy": 0.0, "extra": {"browser_name": "", "load_time_ms": 0}}),
        ("dash", FAILED),
        ("meek_fronted_requests_test", {"G": 1.0, "accuracy": 0}),
        ("tcp_connect", {"G": 1.0}),
        ("ndt", {}),
        ("riseupvpn", {}),
        ("dns_consistency", {}),
        ("urlgetter", FAILED),
        ("webconnectivity", FAILED),
        ("", FAILED),
        (None, FAILED),
    ],
)
def test_empty_measurement_of_each_nettest(name, expected):
    assert scored(name, {}) == expected


NAT = block_page("Foo", name="n.nat")
ISP = block_page("oo", scope="isp", name="n.isp")
FP = block_page("o", scope="fp", name="n.fp")
PROD_IT = block_page("F", scope="prod", countries="IT", name="n.prod")
FP_IT = block_page("F", scope="fp", countries="IT", name="n.fpit")
PAGE = [{"response": {"body": "xxFooxx"}}]


@pytest.mark.parametrize(
    ("keys", "pages", "expected"),
    [
        ({"blocking": False, "accessible": True}, [], {}),
        ({"blocking": 0, "accessible": True}, [], {}),
        ({"blocking": "dns", "accessible": False}, [], {"G": 1.0, "analysis": {"blocking_type": "dns"}}),
        ({"blocking": False, "accessible": True}, [NAT], {"G": 1.0, "blocking_country": 1.0, "confirmed": True}),
        (
            {"blocking": "dns", "accessible": True},
            [NAT],
            {"G": 2.0, "blocking_country": 1.0, "confirmed": True, "analysis": {"blocking_type": "dns"}},
        ),
        (
            {"blocking": False, "accessible": True},
            [NAT, ISP, FP, PROD_IT],
            {"G": 3.0, "blocking_country": 1.0, "blocking_isp": 1.0, "confirmed": True},
        ),
        ({"blocking": "dns"}, [PROD_IT], {"G": 1.0, "confirmed": True, "analysis": {"blocking_type": "dns"}}),
        ({"blocking": False, "accessible": True}, [FP], {}),
        ({"blocking": False, "accessible": True}, [FP_IT], {"G": 1.0, "confirmed": True}),
        ({"blocking": None, "accessible": None}, [], FAILED),
        ({"blocking": None, "accessible": None}, [FP], {}),
        ({"blocking": False, "accessible": None}, [], FAILED),
        ({"blocking": False}, [], {}),
        ({"blocking": True}, [], {"analysis": {"msg": "Unsupported blocking type"}, "accuracy": 0.0}),
        (
            {"blocking": "http-failure", "http_experiment_failure": "unknown_failure: x"},
            [],
            {"G": 1.0, "analysis": {"blocking_type": "http-failure"}, "accuracy": 0.0},
        ),
        ({"blocking": False, "control_failure": True}, [], "bad_type"),
        ({"title_match": "x"}, [NAT], {"blocking_country": 1.0, "confirmed": True, "accuracy": 0.0}),
        ({"blocking": False, "title_match": 1}, [], {}),
    ],
)
def test_web_connectivity(keys, pages, expected):
    engine = Engine(FingerprintSet(http=tuple(pages)))
    result = scored("web_connectivity", {**keys, "requests": PAGE}, engine=engine)
    if isinstance(result, dict):
        listed = [one["name"] for one in result.pop("fingerprints", [])]
        assert listed == [page.name for page in pages]
    assert result == expected


def test_known_false_positives_do_not_confirm_under_full():
    engine = Engine(FingerprintSet(http=(FP_IT,)), "full")
    result = scored("web_connectivity", {"blocking": False, "requests": [{"response": {"body": "Foo"}}]}, engine=engine)
    assert list(result) == ["fingerprints"]


@pytest.mark.parametrize(
    ("probe_cc", "scope", "countries", "confirms"),
    [
        ("IT", "nat", "", True),
        ("IT", "isp", "RU", True),
        ("IT", "inst", "RU", False),
        ("IT", "inst", "IT", True),
        ("it", "vbw", "IT", True),
        ("IT", "fp", "IT", True),
        ("IT", "injb", "", False),
        ("ZZ", "prod", "ZZ", False),
    ],
)
def test_scope_and_country_decide_what_confirms(probe_cc, scope, countries, confirms):
    assert block_page("Foo", scope=scope, countries=countries).confirms(probe_cc.upper()) is confirms


@pytest.mark.parametrize(
    ("page", "response", "found"),
    [
        (
            block_page("Foo", location="header.server", pattern_type="prefix"),
            {"headers": {"Server": "Foobar"}},
            (0, 1, 1),
        ),
        (
            block_page("Foo", location="header.server", pattern_type="prefix"),
            {"headers": {"Erver": "Foobar"}},
            (1, 0, 0),
        ),
        (
            block_page("Foo", location="header.server", pattern_type="prefix"),
            {"headers": {"SERVER": {"format": "base64", "data": "Rm9v"}}},
            (0, 1, 1),
        ),
        (block_page("Foo", location="header.server"), {"headers": {"Server": "xFoo"}}, (0, 0, 1)),
        (
            block_page("Foo", location="header.server"),
            {"headers_list": [["Server", "a"], ["Server", "Foo"]]},
            (0, 0, 1),
        ),
        (block_page("Foo", location="header.server", pattern_type="full"), {"headers": {"server": "Foo"}}, (0, 1, 1)),
        (block_page("Foo", pattern_type="full"), {"body": "xxFooxx"}, (1, 1, 0)),
        (block_page("Foo", pattern_type="full"), {"body": "Foo"}, (1, 1, 1)),
        (block_page("Foo", pattern_type="prefix"), {"body": "xFoo"}, (1, 1, 0)),
        (block_page("Foo.*bar", pattern_type="regexp"), {"body": "xFoo\nbar"}, (0, 0, 1)),
        (block_page("F.o", pattern_type="regexp"), {"body": "xxFooxx"}, (0, 0, 0)),
        (block_page("Foo"), {"body": {"format": "base64", "data": "eEZvbw=="}}, (1, 1, 1)),
        (block_page("Foo"), {"body": {"data": "eEZvbw=="}}, (0, 0, 0)),
        (block_page("caf\u00e9"), {"body": "un caf\u00e9 \ud800".encode("utf-8", "replace").decode()}, (1, 1, 1)),
    ],
)
def test_response_matches_by_rule_set(page, response, found):
    for ruleset, expected in zip(("2023-09", "head", "full"), found, strict=True):
        engine = Engine(FingerprintSet(http=(page,)), ruleset)
        result = scored("web_connectivity", {"blocking": False, "requests": [{"response": response}]}, engine=engine)
        assert ("fingerprints" in result) is bool(expected), ruleset


@pytest.mark.parametrize(
    ("page", "answer", "found"),
    [
        (block_page("10.10.34.36", location="dns", pattern_type="full"), {"ipv4": "10.10.34.36"}, (1, 1, 1)),
        (block_page("bl.x", location="dns", pattern_type="full"), {"hostname": "bl.x"}, (1, 1, 1)),
        (block_page("bl.x", location="dns", pattern_type="full"), {"hostname": "BL.x."}, (0, 0, 1)),
        (block_page("bl.x", location="dns", pattern_type="full"), {"ipv4": None, "hostname": "bl.x"}, (0, 0, 0)),
        (block_page("::1", location="dns", pattern_type="full"), {"ipv6": "0:0:0:0:0:0:0:1"}, (0, 0, 1)),
        (block_page("1.1", location="dns", pattern_type="prefix"), {"ipv4": "1.1.1.1"}, (0, 0, 1)),
    ],
)
def test_answer_matches_by_rule_set(page, answer, found):
    for ruleset, expected in zip(("2023-09", "head", "full"), found, strict=True):
        engine = Engine(FingerprintSet(dns=(page,)), ruleset)
        result = scored("web_connectivity", {"blocking": False, "queries": [{"answers": [answer]}]}, engine=engine)
        assert ("fingerprints" in result) is bool(expected), ruleset


@pytest.mark.parametrize("data", ["Rm9vRg", "Rm9vRg=", "Rm9vR"])
def test_broken_base64_drops_all_matches_and_fails_the_measurement(data):
    engine = Engine(FingerprintSet(http=(NAT,)))
    keys = {"blocking": False, "requests": [*PAGE, {"response": {"body": {"format": "base64", "data": data}}}]}
    assert scored("web_connectivity", keys, engine=engine) == FAILED
    http_requests = {**keys, "body_length_match": True, "headers_match": True}
    assert scored("http_requests", http_requests, engine=engine) == "bad_base64"


@pytest.mark.parametrize("data", ["Rm9v=", "Rm9v====", "Rm9v-_", "Rm 9v!!", "Rm9vRg==Rm9v"])
def test_sloppy_base64_is_read(data):
    engine = Engine(FingerprintSet(http=(NAT,)))
    keys = {"blocking": False, "requests": [{"response": {"body": {"format": "base64", "data": data}}}]}
    assert scored("web_connectivity", keys, engine=engine)["confirmed"] is True


def target(failure):
    return {"failure": failure, "network_events": []}


def ask(url, failure=None, **more):
    return {"request": {"url": url}, "failure": failure, **more}


REGISTER, WEB = "https://v.whatsapp.net/v2/register", "https://web.whatsapp.com/"
UP, DOWN = {"status": {"success": True}}, {"status": {"success": False}}
ANALYSIS = {"registration_server_accessible": True, "whatsapp_web_accessible": True}
OLD = {"test_version": "0.2.1", "measurement_start_time": "2022-10-19 00:00:00"}


@pytest.mark.parametrize(
    ("name", "keys", "fields", "expected"),
    [
        ("facebook_messenger", {"facebook_star_reachable": False}, {}, {"G": 0.5, "facebook_star_reachable": False}),
        (
            "facebook_messenger",
            {"facebook_tcp_blocking": True, "facebook_dns_blocking": False, "facebook_star_reachable": False},
            {},
            {"G": 1.0, "facebook_star_reachable": False, "facebook_tcp_blocking": True},
        ),
        ("telegram", {"requests": [{"request": {}}]}, {}, FAILED),
        ("telegram", {"requests": [{"request": {"url": "x"}}]}, {}, "missing"),
        ("telegram", {"tcp_connect": [{"status": "x"}]}, {}, "bad_type"),
        ("whatsapp", {"requests": [ask(WEB), ask(REGISTER)], "tcp_connect": [UP]}, {}, {"analysis": {**ANALYSIS, "whatsapp_endpoints_accessible": True}}),
        (
            "whatsapp",
            {"requests": [ask(WEB), ask(REGISTER)], "tcp_connect": [DOWN]},
            {},
            {"G": 1.0, "analysis": {**ANALYSIS, "whatsapp_endpoints_accessible": False}},
        ),
        (
            "whatsapp",
            {"requests": [ask(WEB), ask(REGISTER)]},
            {},
            {"accuracy": 0.0, "analysis": {**ANALYSIS, "whatsapp_endpoints_accessible": False}},
        ),
        ("whatsapp", {"requests": [ask(WEB, "x"), ask(REGISTER)]}, {}, {"G": 1.0}),
        ("whatsapp", {"requests": [ask(WEB), {"request": {"url": REGISTER}}], "tcp_connect": [UP]}, {}, {"analysis": {**ANALYSIS, "whatsapp_endpoints_accessible": True}}),
        ("whatsapp", {"requests": [{"request": {"url": WEB}}, ask(REGISTER)]}, {}, {"G": 1.0}),
        ("whatsapp", {"requests": [ask(WEB)]}, {}, FAILED),
        ("whatsapp", {"requests": []}, {"report_id": ""}, "missing"),
        ("tor", {"targets": {"a": target("x"), "b": target(None), "c": target(False)}}, {}, {"G": 0.5, "extra": {"test_runtime": 1.5}}),
        ("tor", {"targets": {"a": target("")}}, {}, "bad_value"),
        ("tor", {"targets": {"a": {"failure": "x"}}}, {}, FAILED),
        ("torsf", {"failure": "x"}, {}, {"G": 1.0}),
        ("torsf", {"failure": "x"}, {"software_name": "ooniprobe-android-unattended", "software_version": "3.8.3"}, FAILED),
        ("vanilla_tor", {"tor_log": "x", "tor_progress": 0}, {}, {"G": 1.0}),
        ("vanilla_tor", {"tor_log": "x", "tor_progress": "5"}, {}, {"G": 0.98}),
        ("vanilla_tor", {"tor_log": "x", "tor_progress": 7}, {}, {"G": 0.972}),
        ("vanilla_tor", {"tor_log": "x", "tor_progress": 80}, {}, {"G": 0.6799999999999999}),
        ("vanilla_tor", {"tor_log": "x", "tor_progress": 99}, {}, {"G": 0.604}),
        ("vanilla_tor", {"tor_log": "x", "tor_progress": 200}, {}, {}),
        ("vanilla_tor", {"tor_log": "x", "tor_progress": None}, {}, "bad_type"),
        ("vanilla_tor", {"tor_logs": ["Jan 1 Bootstrapped 100% (done): Done"]}, {}, {"G": 1.0}),
        ("vanilla_tor", {"tor_logs": ["Bootstrapped 100% (done): Done"]}, {}, {}),
        ("psiphon", {"failure": None, "bootstrap_time": 1}, {}, {"accuracy": 1.0, "extra": {"test_runtime": 1.5, "bootstrap_time": 1}}),
        ("psiphon", {"failure": "x"}, {"resolver_ip": ...}, {"G": 1.0, "accuracy": 0.0, "extra": {"test_runtime": 1.5, "bootstrap_time": 0}}),
        ("signal", {"signal_backend_status": "ok", "failure": None, "failed_operation": None}, {}, {}),
        (
            "signal",
            {"signal_backend_status": "blocked", "signal_backend_failure": "f", "failure": None, "failed_operation": None},
            {},
            {"G": 1.0, "analysis": {"signal_backend_failure": "f"}},
        ),
        ("signal", {"signal_backend_status": "blocked", "failure": "x"}, OLD, FAILED),
        ("openvpn", {"success": False}, {}, {"G": 1.0, "extra": {"test_runtime": 1.5}}),
        ("http_requests", {"body_length_match": True, "headers_match": False}, {}, {"G": 1.0}),
        ("http_requests", {"body_length_match": True, "headers_match": None}, {}, FAILED),
        ("http_requests", {"body_length_match": True, "headers_match": True}, {"control_failure": "x"}, FAILED),
        ("http_invalid_request_line", {"sent": ["a"], "received": []}, {}, {}),
        ("http_invalid_request_line", {"sent": ["a"], "received": ["b"]}, {}, {"G": 1.0}),
        ("http_invalid_request_line", {"sent": None}, {}, "bad_type"),
        ("http_header_field_manipulation", {"requests": [{}]}, {}, {"G": 1.0, "total_tampering": True, "msg": "Empty body"}),
        (
            "http_header_field_manipulation",
            {"requests": [{"request": {"headers": {"A": "c", "X": "1"}}, "response": {"body": '{"headers_dict":{"A":["b"]}}'}}]},
            {},
            {"G": 1.1, "msg": "3 unexpected header change"},
        ),
        ("http_header_field_manipulation", {"requests": [{"response": {"body": "x"}}]}, {}, {"G": 1.0, "msg": "Malformed ctrl_headers"}),
        ("http_header_field_manipulation", {"requests": [{"response": {"body": '{"headers_dict":{"A":[]}}'}}]}, {}, "bad_value"),
        ("http_header_field_manipulation", {"requests": [{"response": {"body": '{"headers_dict":null}'}}]}, {}, "bad_type"),
        ("stunreachability", {"failure": "boo"}, {}, {"G": 1.0, "extra": {"endpoint": None, "failure": "boo"}}),
        ("browser_web", {"result": "error"}, {}, {"G": 1.0, "extra": {"browser_name": "", "load_time_ms": 0}}),
        ("dash", {"failure": "ssl_error: x"}, {}, {"G": 0.1, "accuracy": 0.0}),
        ("dash", {"failure": "odd"}, {}, {"msg": "Probe error", "accuracy": 0.0}),
        ("dash", {"failure": True}, {}, "bad_type"),
        ("meek_fronted_requests_test", {"requests": [{"response": None}]}, {}, {"G": 1.0}),
        (
            "meek_fronted_requests_test",
            {"requests": [{"response": {"code": 200, "headers": {"Server": "ECAcc (x)"}}}, {"response": {"code": 200, "headers": [["Server", ["nginx"]]]}}]},
            {},
            {"G": 0.5},
        ),
        ("tcp_connect", {"connection": "connect_error"}, {}, {"G": 0.8}),
        ("tcp_connect", {"connection": "success"}, {"input": None}, "missing"),
    ],
)  # fmt: skip
def test_conditions_under_head(name, keys, fields, expected):
    assert scored(name, keys, uid=None, **fields) == expected


def test_telegram_adds_shares_of_failure_and_a_blocked_web_client():
    keys = {
        "telegram_web_status": "blocked",
        "tcp_connect": [UP, DOWN, {"status": {"success": None}}, {}],
        "requests": [ask("https://web.telegram.org/", "x"), ask("http://1.1.1.1/"), ask("http://2.2.2.2/", "y")],
    }
    assert scored("telegram", keys) == {
        "G": 2.0,
        "web_failure": "x",
        "accessible_endpoints": 1,
        "unreachable_endpoints": 1,
        "http_success_cnt": 1,
        "http_failure_cnt": 1,
        "msg": "failure: x",
    }


def test_http_requests_confirms_without_raising_the_general_score():
    keys = {
        "body_length_match": True,
        "headers_match": True,
        "requests": [
            {"request": {"tor": {"is_tor": True}}, **PAGE[0]},
            {"request": {"tor": {"is_tor": False}}, **PAGE[0]},
        ],
    }
    result = scored("http_requests", keys, engine=Engine(FingerprintSet(http=(NAT,))))
    assert len(result.pop("fingerprints")) == 1
    assert result == {"blocking_country": 1.0, "confirmed": True}


@pytest.mark.parametrize(
    ("name", "keys", "fields", "expected"),
    [
        ("riseupvpn", {"transport_status": {"obfs4": "blocked"}}, {}, {"G": 1.0, "extra": {"test_runtime": 1.5}}),
        ("riseupvpn", {}, {}, {"extra": {"test_runtime": 1.5}}),
        (
            "signal",
            {
                "signal_backend_status": "blocked",
                "signal_backend_failure": "f",
                "failure": "x",
                "failed_operation": None,
            },
            OLD,
            {"G": 1.0, "accuracy": 0.0, "analysis": {"signal_backend_failure": "f"}},
        ),
    ],
)
def test_conditions_under_the_rules_of_2023(name, keys, fields, expected):
    assert scored(name, keys, "2023-09", uid=None, **fields) == expected


def test_unparsable_version_spoils_a_signal_measurement_except_in_2023():
    old = {"test_version": "weird", "measurement_start_time": "2022-01-01 00:00:00"}
    keys = {"signal_backend_status": "ok", "failure": None, "failed_operation": None}
    assert scored("signal", keys, "2023-09", uid=None, **old) == {}
    assert scored("signal", keys, "head", uid=None, **old) == FAILED


@pytest.mark.parametrize(
    ("name", "keys", "expected"),
    [
        ("echcheck", {"control": {"failure": None}, "target": {"failure": "x"}}, {"G": 1.0, "analysis": {"blocking_type": "ech"}, "extra": {"plain": None, "grease": "x"}}),
        ("echcheck", {"control": {"failure": "y"}, "target": {"failure": "x"}}, {"accuracy": 0.0, "extra": {"plain": "y", "grease": "x"}}),
        (
            "echcheck",
            {"tls_handshakes": [{"failure": None}, {"failure": None, "echconfig": "GREASE"}, {"failure": "x", "echconfig": "AEX"}]},
            {"G": 1.0, "extra": {"plain": None, "grease": None, "real": "x"}},
        ),
        ("echcheck", {"tls_handshakes": []}, FAILED),
        ("dnscheck", {"lookups": {}, "bootstrap_failure": "x"}, {"G": 1.0}),
        ("dnscheck", {}, FAILED),
        ("dnscheck", {"lookups": {"a": {"failure": "x"}, "b": {"failure": None}}}, {"G": 0.5, "extra": {"endpoints": 2, "counted": 2, "failed": 1}}),
        ("dnscheck", {"lookups": {"https://[::1]/": {"failure": "x"}, "b": {}}}, {"extra": {"endpoints": 2, "counted": 1, "failed": 0}}),
        ("sni_blocking", {"result": "interference.reset"}, {"G": 1.0}),
        ("sni_blocking", {"result": "success.got_server_hello"}, {}),
        ("sni_blocking", {"result": "anomaly.timeout"}, FAILED),
        ("portfiltering", {"tcp_connect": [UP, DOWN]}, {"extra": {"ports": 2, "failed_share": 0.5}}),
        ("tcpping", {"pings": [{"failure": None}, {"failure": "x"}]}, {"extra": {"pings": 2, "lost_share": 0.5}}),
        ("vanilla_tor", {"tor_logs": ["x"], "success": True}, {}),
        ("vanilla_tor", {"tor_logs": []}, FAILED),
        ("browser_web", {"result": "ok", "browser": "b"}, {"extra": {"browser_name": "b", "load_time_ms": 0}}),
    ],
)  # fmt: skip
def test_newer_nettests_have_rules_under_full_only(name, keys, expected):
    assert scored(name, keys, "full") == expected
    if name not in {"vanilla_tor", "browser_web"}:
        assert scored(name, keys, "head") == FAILED


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ("2024-05-06 08:08:09", None),
        ("2024-05-06 08:08:10", "Measurement start time from the future"),
        ("2023-05-07 07:08:09", None),
        ("2023-05-07 07:08:08", "Measurement start time too old"),
    ],
)
def test_clock_is_checked_against_arrival(start, message):
    result = scored("ndt", measurement_start_time=start)
    assert result == ({"accuracy": 0.0, "msg": message} if message else {})
    assert scored("ndt", uid=None, measurement_start_time=start) == {}
