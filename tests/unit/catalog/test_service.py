"""The catalog's use cases, over the plain-Python catalog."""

from datetime import datetime

import attrs
import pytest

from ooni_adapters.memory.catalog import MemoryCatalog
from ooni_core.catalog.model import Axis, CountQuery, MeasurementFilter, OrderBy, Page, TimeWindow
from ooni_core.catalog.service import CatalogService
from ooni_core.errors import Invalid
from tests.unit.catalog.rows import LISTS, row

ALL = MeasurementFilter()
THIS_YEAR = MeasurementFilter(window=TimeWindow(datetime(2026, 1, 1), datetime(2027, 1, 1)))


def service(*rows):
    return CatalogService(MemoryCatalog(list(rows), LISTS))


def uids(entries):
    return [entry.measurement_uid for entry in entries]


def test_measurement_from_an_unknown_network_is_not_shown():
    hidden = row(1, probe_asn=0)
    catalog = service(hidden)
    assert catalog.find(hidden.measurement_uid) is None
    assert catalog.find_in_report(hidden.report_id, hidden.input) is None
    assert catalog.withholds(hidden.measurement_uid)


def test_measurement_that_nobody_knows_is_not_withheld():
    assert not service().withholds("20261101000000.000000_IT_webconnectivity_0000000000000000")


def test_newest_of_several_measurements_of_one_input_is_found():
    catalog = service(row(1), row(3), row(2))
    found = catalog.find_in_report(row(1).report_id, row(1).input)
    assert found.measurement_uid == row(3).measurement_uid


def test_category_of_the_global_list_comes_first():
    assert service(row(1)).find(row(1).measurement_uid).category_code == "NEWS"


def test_everything_is_walked_through_once_in_order_even_when_times_are_equal(monkeypatch):
    monkeypatch.setattr("ooni_core.catalog.service._BATCH", 3)
    catalog = service(*(row(n, minutes=n // 5) for n in range(20)))
    batches = list(catalog.everything(ALL, Page(descending=False), None))
    assert [len(batch) for batch in batches] == [3] * 6 + [2]
    assert [uid for batch in batches for uid in uids(batch)] == [row(n).measurement_uid for n in range(20)]


def test_walk_stops_after_as_many_as_are_wanted(monkeypatch):
    monkeypatch.setattr("ooni_core.catalog.service._BATCH", 3)
    batches = list(service(*map(row, range(20))).everything(ALL, Page(offset=2, descending=False), 7))
    assert [uid for batch in batches for uid in uids(batch)] == [row(n).measurement_uid for n in range(2, 9)]


@pytest.mark.parametrize("order_by", list(OrderBy))
@pytest.mark.parametrize("descending", [True, False])
def test_cursor_continues_behind_the_last_one_in_any_order(order_by, descending, monkeypatch):
    monkeypatch.setattr("ooni_core.catalog.service._BATCH", 2)
    rows = [row(n, minutes=n % 3, input="xyz"[n % 3], probe_asn=n % 2 + 1) for n in range(9)]
    page = Page(order_by=order_by, descending=descending)
    walked = [uid for batch in service(*rows).everything(THIS_YEAR, page, None) for uid in uids(batch)]
    assert walked == uids(service(*rows).search(THIS_YEAR, attrs.evolve(page, limit=9)))
    assert len(set(walked)) == 9


def test_deep_offset_needs_a_filter_that_leaves_few():
    for ask in (service().search, lambda *question: next(service().everything(*question, None))):
        with pytest.raises(Invalid, match="offset is only allowed up to 10000"):
            ask(ALL, Page(offset=10_001))
    assert list(service().search(MeasurementFilter(domains=("a.example",)), Page(offset=10_001))) == []


def test_order_other_than_that_of_time_needs_a_year_or_a_filter_that_leaves_few():
    by_input = Page(order_by=OrderBy.INPUT)
    with pytest.raises(Invalid, match="order_by=input is only allowed over up to 366 days"):
        service().search(ALL, by_input)
    assert list(service().search(THIS_YEAR, by_input)) == []
    assert list(service().search(MeasurementFilter(probe_asns=(1,)), by_input)) == []


def test_chart_with_the_same_axis_twice_is_refused():
    with pytest.raises(Invalid):
        service().chart(CountQuery(ALL, (Axis.DAY, Axis.DAY)))
