"""List and chart share one filter model: for every filter, on every engine, a list is as long as its chart says.

The rows are the same for all questions, so that an engine is filled once and asked often.
"""

import random
from datetime import timedelta
from urllib.parse import urlencode

import attrs
import pytest
from hypothesis import given, settings

from ooni_core.catalog.model import Axis, CategoryFilter, CountQuery, MeasurementFilter, Page, TimeWindow
from tests.contract.readapi.application import client
from tests.contract.readapi.stores import catalog_on
from tests.contract.readapi.test_catalog import filters
from tests.unit.catalog.rows import START, URLS, row

EVERY = MeasurementFilter()
AXES = {
    Axis.COUNTRY: "probe_ccs",
    Axis.NETWORK: "probe_asns",
    Axis.TEST_NAME: "test_names",
    Axis.INPUT: "inputs",
    Axis.DOMAIN: "domains",
}
WEEK = TimeWindow(START + timedelta(days=2), START + timedelta(days=9))
# Every field of a filter, alone.
ALONE = {
    "window": WEEK,
    "report_id": row(1).report_id,
    "inputs": (URLS[1],),
    "domains": ("a.example", "bücher.example"),
    "probe_ccs": ("IT", "ZZ"),
    "probe_asns": (0, 4294967295),
    "test_names": ("tor",),
    "category": CategoryFilter("NEWS", frozenset({"ZZ", "BR"})),
    "anomaly": True,
    "confirmed": False,
    "failure": True,
    "software_versions": ("3.9.1",),
    "test_versions": ("0.5.0",),
    "engine_versions": ("",),
    "ooni_run_link_ids": (10001, 2**40),
    "known_country": True,
    "known_network": True,
}


def some_rows():
    """A few hundred measurements of five weeks, with many ties; the same ones every time."""
    chance = random.Random(4)
    report = row(1).report_id
    return [
        row(
            number,
            minutes=chance.choice([chance.randrange(40), chance.randrange(50_000)]),
            report_id=chance.choice([report, report[:-16] + "b" * 16]),
            input=chance.choice(URLS),
            probe_cc=chance.choice(["IT", "BR", "DE", "ZZ"]),
            probe_asn=chance.choice([0, 30722, 4294967295]),
            test_name=chance.choice(["web_connectivity", "telegram", "tor"]),
            anomaly=chance.random() < 0.5,
            confirmed=chance.random() < 0.3,
            msm_failure=chance.random() < 0.3,
            domain=chance.choice(["a.example", "b.example", "bücher.example", ""]),
            software_version=chance.choice(["3.20.0", "3.9.1"]),
            test_version=chance.choice(["0.5.0", "0.4.0"]),
            engine_version=chance.choice(["3.20.0", ""]),
            ooni_run_link_id=chance.choice([None, 10001, 2**40]),
        )
        for number in range(300)
    ]


@pytest.fixture(scope="module", params=["memory", "duckdb", "chdb", "clickhouse"])
def catalog(request, engines):
    return catalog_on(request.param, engines, some_rows())


def listed(catalog, filter):
    return len(catalog.search(filter, Page(limit=1000)))


def counted(catalog, filter):
    (cell,) = catalog.count(CountQuery(filter)).cells
    return cell.counts.measurements


def test_fields_below_are_all_that_filters_have():
    assert set(ALONE) == set(attrs.fields_dict(MeasurementFilter))


@pytest.mark.parametrize("field", ALONE)
def test_each_field_alone_keeps_as_many_in_a_list_as_in_a_chart(catalog, field):
    filter = attrs.evolve(EVERY, **{field: ALONE[field]})
    assert 0 < listed(catalog, filter) == counted(catalog, filter) < 300


@settings(max_examples=25, deadline=None)
@given(filter=filters)
def test_any_filter_keeps_as_many_in_a_list_as_in_a_chart(catalog, filter):
    assert listed(catalog, filter) == counted(catalog, filter)


@pytest.mark.parametrize("axis", AXES)
def test_each_cell_counts_what_a_list_with_its_value_shows(catalog, axis):
    for filter in (EVERY, attrs.evolve(EVERY, window=WEEK, failure=False, known_network=True)):
        for cell in catalog.count(CountQuery(filter, (axis,))).cells:
            narrowed = attrs.evolve(filter, **{AXES[axis]: cell.keys})
            assert listed(catalog, narrowed) == cell.counts.measurements


@pytest.mark.parametrize("axis", [Axis.CATEGORY, Axis.BLOCKING_TYPE, Axis.DAY])
def test_cells_of_other_axes_are_made_of_what_a_list_shows(catalog, axis):
    cells = catalog.count(CountQuery(EVERY, (axis,))).cells
    if axis is not Axis.CATEGORY:
        assert sum(cell.counts.measurements for cell in cells) == 300
        return
    for cell in cells:
        assert cell.counts.measurements == listed(catalog, MeasurementFilter(category=CategoryFilter(cell.keys[0])))


SHARED = [
    {},
    {"probe_cc": "IT"},
    {"probe_cc": "IT,BR"},
    {"probe_asn": "AS30722"},
    {"probe_asn": "AS30722,4294967295"},
    {"test_name": "tor"},
    {"test_name": "tor,telegram"},
    {"domain": "a.example"},
    {"domain": "a.example,b.example"},
    {"input": URLS[0]},
    {"ooni_run_link_id": "10001"},
    {"category_code": "POLR", "probe_cc": "IT"},
    {"probe_cc": "IT", "probe_asn": "AS30722", "test_name": "tor", "domain": "b.example"},
]


@pytest.mark.parametrize("query", SHARED, ids=urlencode)
def test_same_parameters_keep_as_many_in_a_list_as_in_a_chart(catalog, query):
    """A list is open where a chart is closed, so its bounds are a second earlier."""
    with client(catalog) as http:
        found = http.get(
            "/api/v1/measurements",
            params={**query, "since": "2026-11-02T23:59:59", "until": "2026-11-20T11:59:59", "limit": 1000},
        ).json()
        chart = http.get(
            "/api/v1/aggregation",
            params={**query, "since": "2026-11-03", "until": "2026-11-20T12:00:00", "include_unknown": "false"},
        ).json()
    assert 0 < found["metadata"]["count"] == chart["result"]["measurement_count"]
