"""Bad input: every parameter of every read route, value by value, on both engines. Each line is what the route promises."""

import base64
import json
from urllib.parse import quote

import attrs
import pytest

from ooni_adapters.sql.catalog import SqlCatalog
from ooni_core.catalog.model import Axis, OrderBy
from tests.contract.readapi.application import HANDLERS, client
from tests.contract.readapi.stores import ENGINES, fill
from tests.unit.catalog.rows import row

ROWS = [*(row(n, minutes=n // 2) for n in range(8)), row(8, probe_cc="BR")]
UID, REPORT = ROWS[0].measurement_uid, ROWS[0].report_id
SQL, LONG = "' OR 1=1 --", "x" * 10_000
DROP = "1; DROP TABLE fastpath"
HOSTILE = (DROP, "\x00", "\\'\"`%s$limit{a:String}", "\u202e🤖ß", "-1", ",")
WEEK = "since=2026-11-01&until=2026-11-08"

LIST, META, RAW = "/api/v1/measurements", "/api/v1/measurement_meta", "/api/v1/raw_measurement"
CHART, TORSF = "/api/v1/aggregation", "/api/v1/torsf_stats"


def accepted(*values):
    return [(value, 200, None) for value in values]


def refused(text, *values, status=400):
    return [(value, status, text) for value in values]


ANYTHING = accepted("", "undefined", SQL, LONG)
BAD_NETWORKS = ("undefined", SQL, LONG, "AS", "-1", "1.5", "AS 1", "4294967296", "99999999999999999999", "٣")
NETWORK_TEXT = "Invalid ASN value in parameter probe_asn"
BAD_REPORTS = [
    *refused("Invalid report_id field", "undefined", SQL, LONG, "x" * 14, "x" * 101),
    *refused("Invalid characters", f"{REPORT}+", "x' OR 1=1 -- ' or y"),
]
INPUTS = [*accepted("", "undefined", SQL, LONG), *refused("'ab' is too short", "ab")]
LINKS = [
    *accepted("", "10001", "1,2"),
    *refused("ooni_run_link_id must be a whole number", "undefined", SQL, LONG, "-1", "1.5", "9" * 18),
]
DATES = [
    *accepted(
        "", "2026-11-01", "2026-7-9", "20260709", "2026-11-01T10:30:00+02:00", "2006", "0001-01-01", "9999-12-31"
    ),
    *refused("date value out of range", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
    *refused("Unknown string format", "undefined", SQL, DROP, LONG),
    *refused("month must be in 1..12", "2026-13-01"),
    *refused("", "2026-02-30", "99999999999999999999", "2026-11-01 XYZT"),
]
COUNTRY = [
    *accepted("IT", "it"),
    *refused("missing or incorrect probe_cc", "", "undefined", SQL, LONG, "I", "ITA", "1T", "ÄÖ"),
]
NETWORK = [
    *accepted("AS30722", "30722", "4294967295"),
    *refused("missing or incorrect probe_asn", ""),
    *refused(NETWORK_TEXT, *BAD_NETWORKS),
]


def forged(*content):
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def answered(lines):
    """As charts refuse filters: with 200 and the error."""
    return [(value, 200 if text is not None and "short" not in text else status, text) for value, status, text in lines]


# route and what else it needs -> parameter -> (value, status, part of the error; None for no error)
TABLE = {
    LIST: {
        "report_id": [*accepted("", REPORT), *BAD_REPORTS],
        "input": INPUTS,
        "domain": INPUTS,
        "probe_cc": [*ANYTHING, *refused("not listed", "ZZ", "zz", "zZ", "IT,ZZ", status=403)],
        "probe_asn": [
            *accepted("", "AS1,2", "4294967295"),
            *refused("not listed", "0", "AS0", "AS00", "1,AS0", status=403),
            *refused(NETWORK_TEXT, *BAD_NETWORKS),
        ],
        "test_name": ANYTHING,
        "category_code": ANYTHING,
        "ooni_run_link_id": LINKS,
        "since": DATES,
        "until": DATES,
        "confirmed": [*ANYTHING, *accepted("true", "TRUE", "maybe")],
        "anomaly": ANYTHING,
        "failure": ANYTHING,
        "software_version": ANYTHING,
        "test_version": ANYTHING,
        "engine_version": ANYTHING,
        "order_by": [
            *accepted("", *OrderBy),
            *refused("is not one of ['measurement_start_time',", "undefined", SQL, LONG, "INPUT", "scores", "1"),
        ],
        "order": [*accepted("", "asc", "DESC"), *refused("Invalid order", "undefined", SQL, LONG, "up")],
        "offset": [
            *accepted("", "0", "10000"),
            *refused("offset is only allowed up to 10000", "10001", "1000000000000"),
            *refused("offset must be a whole number from 0", "-1", "x", "1.5", "1e3", "undefined", SQL, LONG, "9" * 18),
        ],
        "limit": [
            *accepted("", "1", "100000"),
            *refused("limit must be a whole number from 1 to 100000", "0", "-1", "100001", "x", "undefined", SQL, LONG),
        ],
        "cursor": [
            *accepted("", forged("2026-11-01T00:00:00", UID)),
            *refused("Invalid cursor", "undefined", SQL, LONG, forged(), forged(1, 2), forged(None, UID)),
            *refused("Invalid cursor", forged("0001-01-01T00:00:00", UID), forged("9999-01-01T00:00:00", UID)),
            *refused("Invalid cursor", forged("2026-11-01T00:00:00+05:00", UID), forged("2026-11-01T00:00:00", 7)),
        ],
        "format": [
            *accepted("", "JSON", "json", "csv", "JSONL", "parquet", "Arrow"),
            *refused("is not one of", "undefined", SQL, LONG, "XML"),
        ],
    },
    META: {
        "measurement_uid": [
            *accepted(UID, "temp-id-999999999999999999"),
            *refused("Invalid report_id", ""),
            *refused("Invalid measurement_uid field", "undefined", SQL, LONG, "../../etc/passwd", "x" * 9, "x" * 101),
        ],
        "report_id": [*refused("Invalid report_id", ""), *accepted(REPORT), *BAD_REPORTS],
    },
    f"{META}?report_id={REPORT}": {
        "input": [
            *accepted("", "undefined", LONG, "https://a.example/", "https://a.example/~b;c'@*", "вики"),
            *refused("Invalid characters in input field", SQL, DROP, "~!^{}", "foo.org;", "foo.org='", "\x00"),
        ]
    },
    f"{META}?measurement_uid={UID}": {"full": [*ANYTHING, *accepted("true", "True", "1", "yes")]},
    RAW: {
        "measurement_uid": [
            *accepted(UID, "temp-id-999999999999999999"),
            *refused("Invalid report_id", ""),
            *refused("Invalid measurement_uid field", "undefined", SQL, LONG, "../../etc/passwd"),
        ],
        "report_id": [*refused("Invalid report_id", ""), *accepted(REPORT), *BAD_REPORTS],
    },
    f"{RAW}?report_id={REPORT}": {"input": INPUTS},
    f"/api/v1/measurement/{UID}": {"download": [*ANYTHING, *accepted("true", "1")]},
    TORSF: {
        "probe_cc": [*accepted("", "IT", "undefined", SQL, LONG), *refused("'I' is too short", "I")],
        "since": DATES,
        "until": DATES,
    },
    CHART: {
        "input": [
            *accepted("", "undefined", LONG, "https://a.example/~b;c'@*"),
            *refused("'ab' is too short", "ab"),
            *answered(refused("Invalid characters in input field", SQL, DROP, "~!^{}", "foo.org;", "foo.org='")),
        ],
        "domain": [
            *accepted("", "a.example", "[2a00::1]:853,8.8.8.8", "bücher.de"),
            *refused("'ab' is too short", "ab"),
            *answered(refused("Invalid characters in domain field", "undefined", SQL, LONG, "localhost", "a.b:0")),
        ],
        "category_code": [
            *accepted("", "NEWS", "NOSUCH"),
            *answered(refused("Invalid characters", "undefined", SQL, LONG, "news")),
        ],
        "probe_cc": [
            *accepted("", "IT", "IT,BR", "ZZ"),
            *refused("'I' is too short", "I"),
            *answered(refused("Invalid CC value in parameter probe_cc", "ITA", "IT,B", "X" * 10_000)),
            *answered(refused("Invalid characters", "undefined", SQL, LONG, "it", "1T")),
        ],
        "probe_asn": [*accepted("", "AS0", "AS1,2"), *answered(refused(NETWORK_TEXT, *BAD_NETWORKS))],
        "test_name": [
            *accepted("", "tor,web_connectivity", "undefined", LONG),
            *answered(refused("Invalid characters", SQL, "BOGUS", "web-connectivity")),
        ],
        "ooni_run_link_id": answered(LINKS),
        "since": answered(DATES),
        "until": answered(DATES),
        "include_unknown": [
            *accepted("", "true", "FALSE", "no", "1"),
            *refused("is not one of", "undefined", SQL, LONG, "maybe"),
        ],
        "format": [*accepted("", "csv", "JSON"), *refused("is not one of", "undefined", SQL, LONG, "XML")],
        "download": [*ANYTHING, *accepted("true")],
    },
    f"{CHART}?{WEEK}": {
        "axis_x": [
            *accepted("", *Axis),
            *refused("Invalid axis name", "undefined", "platform", LONG),
            *answered(refused("Invalid characters", SQL, "Probe_CC", "1")),
        ],
        "axis_y": [*accepted("", *Axis), *refused("Invalid axis name", "undefined", "measurement_uid")],
    },
    f"{CHART}?{WEEK}&axis_x=measurement_start_day": {
        "time_grain": [
            *accepted("", "hour", "DAY", "auto"),
            *refused("Choose time_grain between hour, day, auto for the given time range", "week", "month", "year"),
            *refused("is not one of ['hour', 'day',", "undefined", SQL, LONG, "minute"),
        ]
    },
    **{
        f"/api/_/{name}": {"probe_cc": COUNTRY}
        for name in (
            "country_overview",
            "website_networks",
            "vanilla_tor_stats",
            "im_networks",
            "network_stats",
            "test_coverage",
        )
    },
    "/api/_/test_coverage?probe_cc=IT": {"test_groups": [*ANYTHING, *accepted("websites,im", "nosuch")]},
    "/api/_/website_stats?probe_asn=1": {"probe_cc": COUNTRY},
    "/api/_/website_stats?probe_cc=IT": {"probe_asn": NETWORK},
    "/api/_/website_stats?probe_cc=IT&probe_asn=1": {"input": ANYTHING},
    "/api/_/website_urls?probe_asn=1": {"probe_cc": COUNTRY},
    "/api/_/website_urls?probe_cc=IT": {"probe_asn": NETWORK},
    "/api/_/website_urls?probe_cc=IT&probe_asn=1": {
        "limit": [
            *accepted("", "0", "-1", "1000"),
            *refused("limit must be a whole number", "1001", "x", "undefined", SQL, LONG),
        ],
        "offset": [
            *accepted("", "0", "1000"),
            *refused("offset must be a whole number", "-1", "x", "undefined", SQL, LONG, "9" * 18),
        ],
    },
    "/api/_/im_stats?probe_asn=1&test_name=signal": {"probe_cc": COUNTRY},
    "/api/_/im_stats?probe_cc=IT&test_name=signal": {"probe_asn": NETWORK},
    "/api/_/im_stats?probe_cc=IT&probe_asn=1": {
        "test_name": [
            *accepted("signal", "telegram"),
            *refused("invalid test_name", "", "undefined", SQL, LONG, "SIGNAL", "tor"),
        ]
    },
    "/api/_/circumvention_runtime_stats": {
        "dense": [*accepted("", "0", "1", "false"), *refused("is not one of", "undefined", SQL, LONG, "2")]
    },
    "/api/_/domain_metadata": {
        "domain": [*accepted("a.example", "undefined", SQL, LONG, "\x00"), *refused("missing domain", "")]
    },
    "/api/_/asnmeta": {
        "asn": [
            *accepted("AS1", "1", "0", "4294967295"),
            *refused("missing asn", ""),
            *refused("Invalid ASN value in parameter asn", *BAD_NETWORKS),
        ]
    },
    "/api/_/check_report_id": {"report_id": ANYTHING},
}

# What single values do not show: parameters that depend on each other.
TOGETHER = [
    # reversed dates
    (f"{LIST}?since=2026-11-08&until=2026-11-01", 200, None),
    (f"{CHART}?since=2026-11-08&until=2026-11-01", 200, None),
    (f"{CHART}?since=2026-11-08&until=2026-11-01&axis_x=measurement_start_day", 400, "Invalid since and until values"),
    (f"{CHART}?since=2026-11-01&until=2026-11-01&axis_x=measurement_start_day", 400, "Invalid since and until values"),
    (f"{CHART}?since=2026-11-01&axis_x=measurement_start_day", 400, "Invalid since and until values"),
    (f"{TORSF}?since=2026-11-08&until=2026-11-01", 200, None),
    # twenty years
    (f"{LIST}?since=2006-01-01&until=2026-01-01", 200, None),
    (f"{LIST}?since=2006-01-01&until=2026-01-01&order_by=input", 400, "order_by=input is only allowed over up to 366"),
    (f"{LIST}?since=2006-01-01&until=2026-01-01&order_by=input&probe_asn=1", 200, None),
    (f"{LIST}?since=2006-01-01&until=2026-01-01&order_by=input&format=CSV", 400, "only allowed over up to 366 days"),
    (f"{LIST}?since=2006-01-01&until=2026-01-01&offset=10001&format=CSV", 400, "offset is only allowed up to 10000"),
    (f"{CHART}?since=2006-01-01&until=2026-01-01&axis_x=measurement_start_day", 200, None),
    (
        f"{CHART}?since=2006-01-01&until=2026-01-01&axis_x=measurement_start_day&time_grain=hour",
        400,
        "Choose time_grain between day, week, month, year, auto for the given time range",
    ),
    (f"{CHART}?since=2006-01-01&until=2026-01-01&axis_x=input", 400, "The axis input is only allowed over up to 31"),
    (f"{CHART}?axis_x=input&axis_y=probe_cc", 400, "The axis input is only allowed over up to 31 days"),
    (f"{TORSF}?since=2006-01-01&until=2026-01-01", 200, None),
    # the rest
    (f"{CHART}?axis_x=probe_cc&axis_y=probe_cc", 200, "Axis X and Y cannot be the same"),
    (f"{CHART}?axis_x=&axis_y=", 200, "Axis X and Y cannot be the same"),
    (f"{CHART}?since=undefined&until=undefined", 200, "Unknown string format: undefined"),
    (f"{CHART}?until=2026-11-01T00:00:00Z&since=2026-10-31", 200, None),
    (f"{LIST}?{'&'.join(f'a{n}=1' for n in range(201))}", 400, "more than 200 query parameters"),
    (f"{META}?measurement_uid=x&report_id={REPORT}", 200, None),
    (META, 400, "Invalid report_id"),
    (RAW, 400, "Invalid report_id"),
    ("/api/v1/measurement/temp-id-999999999999999999", 400, "Incorrect or inexistent measurement_uid"),
    (f"/api/v1/measurement/{quote(SQL)}", 400, "Incorrect or inexistent measurement_uid"),
    (f"/api/v1/measurement/{LONG}", 400, "Incorrect or inexistent measurement_uid"),
    ("/api/v1/measurement/..%2f..%2fetc%2fpasswd", 404, "Not found"),
    # pages that old links lead to
    ("/files/by_date/undefined", 400, "Invalid date format"),
    ("/files/by_date/2026-02-31", 400, "Invalid date format"),
    ("/files/by_date/9999-12-31", 400, "Invalid date format"),
    ("/files/by_country/ITA", 400, "Country code must be two characters"),
    ("/files/by_country/%0d%0a", 400, "Country code must be two characters"),
    (f"/files/by_country/{LONG}", 400, "Country code must be two characters"),
    ("/2026-02-31", 400, "Invalid date format"),
    ("/undefined", 404, "Not found"),
    (f"/{quote(SQL)}", 404, "Not found"),
    ("/2026-11-01/x.txt", 404, "Not found"),
    ("/2026-11-01/..%2fx.json", 404, "Not found"),
]


@attrs.define
class Watched:
    """An engine that remembers what its questions were allowed to cost."""

    engine: object
    limits: list = attrs.field(factory=list)

    @property
    def dialect(self):
        return self.engine.dialect

    def query(self, sql, params=None, *limits, **more):
        self.limits += [*limits, *more.values()]
        return self.engine.query(sql, params, *limits, **more)

    def columns(self, sql, params=None, *limits, **more):
        self.limits += [*limits, *more.values()]
        return self.engine.columns(sql, params, *limits, **more)


@pytest.fixture(scope="module", params=ENGINES)
def watched(request, engines):
    engine = Watched(engines(request.param))
    fill(engine.engine, ROWS)
    return engine


@pytest.fixture(scope="module")
def http(watched):
    with client(SqlCatalog(watched), {UID: b"{}"}) as found:
        yield found


@pytest.fixture(autouse=True)
def bounded(watched):
    watched.limits.clear()
    yield
    assert all(limits.seconds is not None and limits.rows is not None for limits in watched.limits)


def with_value(route, name, value):
    return f"{route}{'&' if '?' in route else '?'}{name}={quote(value)}"


def check(http, path, status, text):
    answer = http.get(path, follow_redirects=False)
    assert answer.status_code == status, (path[:200], answer.text[:300])
    if text is None:
        assert status == 200
        assert not answer.text.startswith('{"error"'), (path[:200], answer.text[:300])
        return
    assert text in answer.json()["error"], (path[:200], answer.text[:300])
    assert ("v" in answer.json()) == path.startswith(CHART)
    assert "max-age=8" not in answer.headers["cache-control"]
    assert len(answer.content) < 1000, "what was wrong is not repeated in full"


@pytest.mark.parametrize(("route", "name"), [(route, name) for route, names in TABLE.items() for name in names])
def test_each_value_has_its_answer_and_the_first_of_several_counts(http, route, name):
    for value, status, text in TABLE[route][name]:
        path = with_value(route, name, value)
        check(http, path, status, text)
        if len(path) < 1000:
            check(http, with_value(path, name, "undefined"), status, text)


@pytest.mark.parametrize(("path", "status", "text"), TOGETHER, ids=[path[:80] for path, _, _ in TOGETHER])
def test_each_combination_has_its_answer(http, path, status, text):
    check(http, path, status, text)


@pytest.mark.parametrize(("route", "name"), [(route, name) for route, names in TABLE.items() for name in names])
def test_no_value_breaks_anything(http, watched, route, name):
    for value in HOSTILE:
        answer = http.get(with_value(route, name, value), follow_redirects=False)
        assert answer.status_code in {200, 400, 403}, (value[:50], answer.text[:300])
    assert watched.engine.query("SELECT count(*) FROM fastpath").scalar() == len(ROWS)


def test_chart_of_too_many_cells_is_refused_with_what_to_do(watched):
    with client(SqlCatalog(watched, most_cells=1)) as http:
        for axes in ("axis_x=probe_cc", "axis_x=measurement_start_day&axis_y=probe_cc&time_grain=day"):
            check(http, f"{CHART}?{axes}&{WEEK}", 400, "Result too large: narrow the filters or choose fewer axes")


def test_table_names_every_parameter_of_every_read_route(http):
    tested = {}
    for route, names in TABLE.items():
        tested.setdefault(route.partition("?")[0].replace(UID, "{measurement_uid}"), set()).update(names)
    declared = {}
    for handler in HANDLERS:
        for path in handler.paths:
            operation = handler.operation_class(responses={})
            names = {parameter.name for parameter in operation.parameters or ()}
            if names:
                declared[path.replace(":str", "")] = names
    assert tested == declared
