"""Pages by cursor show a list once, in order, while measurements arrive; and files of it take little memory."""

import itertools
import random
import tracemalloc
from urllib.parse import urlsplit

import attrs
import pytest

from ooni_adapters.memory.catalog import MemoryCatalog
from ooni_adapters.sql.catalog import SqlCatalog
from ooni_adapters.sql.tables import FASTPATH
from ooni_adapters.sql.verdicts import verdict_row
from ooni_core.catalog.model import MeasurementFilter, OrderBy, Page
from ooni_core.catalog.service import CatalogService
from ooni_core.scoring.model import Stored
from ooni_entrypoints.http.downloads import FORMATS, download
from tests.contract.readapi.application import client
from tests.contract.readapi.stores import PROVENANCE
from tests.unit.catalog.rows import row

RANGE = "since=2026-10-31&until=2026-11-30"
PLACES = [("IT", 1, ""), ("BR", 4294967295, "https://ü.example/"), ("DE", 30722, "https://a.example/ 'x'")]


def tied_row(number):
    probe_cc, probe_asn, input = PLACES[number % 3]
    return row(
        number,
        minutes=number % 5,
        probe_cc=probe_cc,
        probe_asn=probe_asn,
        input=input,
        test_name=("tor", "telegram")[number % 2],
        test_start_time=row(number % 4).measurement_start_time,
    )


def store(engine, rows):
    engine.insert(FASTPATH, [verdict_row(Stored(each, {}, PROVENANCE)) for each in rows])


# ClickHouse takes its time over small writes: there each field has one of the directions.
ORDERS = [("duckdb", field, order) for field in OrderBy for order in ("asc", "desc")] + [
    ("chdb", field, ("asc", "desc")[number % 2]) for number, field in enumerate(OrderBy)
]


@pytest.mark.parametrize(("engine", "order_by", "order"), ORDERS)
def test_pages_by_cursor_show_each_measurement_once_in_order_while_others_arrive(engines, engine, order, order_by):
    database = engines(engine)
    chance = random.Random(order_by)
    numbers = chance.sample(range(40), 40)
    there, arriving = numbers[:20], iter(numbers[20:])
    database.execute("TRUNCATE TABLE fastpath")
    store(database, [tied_row(number) for number in there])
    places = []
    path = f"/api/v1/measurements?{RANGE}&limit=4&cursor=&order_by={order_by}&order={order}"
    with client(SqlCatalog(database)) as http:
        while path:
            page = http.get(path).json()
            places += [each["measurement_uid"] for each in page["results"]]
            following = page["metadata"]["next_url"]
            path = following and following.removeprefix(urlsplit(following)._replace(path="", query="").geturl())
            store(database, [tied_row(number) for number in itertools.islice(arriving, 2)])
    every = {tied_row(number).measurement_uid: tied_row(number) for number in numbers}
    keys = [(getattr(every[uid], order_by.value), uid) for uid in places]
    assert keys == sorted(set(keys), reverse=order == "desc")
    assert {tied_row(number).measurement_uid for number in there} <= set(places)


(ENTRY,) = MemoryCatalog([row(1)]).search(MeasurementFilter(), Page())


@attrs.define
class Endless:
    """A catalog with as many measurements as anybody reads; it counts its answers."""

    left: int
    pages: int = 0

    def search(self, filter, page):
        self.pages += 1
        size = min(page.limit, self.left)
        self.left -= size
        return [attrs.evolve(ENTRY, measurement_uid=f"{self.left + n:030d}") for n in range(size)]


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "JSON"])
def test_file_is_read_as_it_is_taken_and_takes_the_memory_of_a_few_pages(form, monkeypatch):
    monkeypatch.setattr("ooni_core.catalog.service._BATCH", 200)
    peaks = []
    for pages in (4, 32):
        catalog = Endless(left=200 * pages)
        batches = CatalogService(catalog).everything(MeasurementFilter(), Page(), None)
        tracemalloc.start()
        pieces = iter(download(batches, form.upper(), "https://api.example").iterator)
        assert catalog.pages == 1, "nothing beyond the first page is read before somebody takes it"
        taken = sum(1 for _ in pieces)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert catalog.pages == pages + 1
        assert taken >= pages
    assert peaks[1] < 2 * peaks[0], "eight times the rows, and no more memory"
