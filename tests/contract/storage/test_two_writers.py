"""Several processes write to one ClickHouse; each stands here for one of them, with an engine of its own."""

import threading

import pytest

from ooni_adapters.database import open_database
from ooni_adapters.sql.tables import CITIZENLAB, CITIZENLAB_FLIP


@pytest.fixture
def engines(_chdb, clickhouse_url):
    both = [open_database(clickhouse_url) for _ in range(2)]
    yield both
    both[0].replace({CITIZENLAB: []})
    for engine in both:
        engine.close()


def urls(list_name, count):
    found = [{"domain": f"{n}.example", "url": f"https://{n}.example/", "cc": list_name} for n in range(count)]
    return [{**one, "category_code": "NEWS"} for one in found]


def test_tables_that_two_replace_at_once_hold_what_one_of_them_wrote(engines):
    def replace(engine, list_name):
        for _ in range(4):
            engine.replace({CITIZENLAB: urls(list_name, 300)})

    threads = [threading.Thread(target=replace, args=each) for each in zip(engines, ("IT", "BR"), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = "SELECT cc, count(*) FROM {} GROUP BY cc"
    for table in (CITIZENLAB, CITIZENLAB_FLIP):
        [(list_name, count)] = engines[0].query(held.format(table.name)).tuples
        assert list_name in {"IT", "BR"}
        assert count == 300
    left = "SELECT count(*) FROM system.tables WHERE database = currentDatabase() AND name LIKE 'citizenlab_%'"
    assert engines[0].query(left).scalar() == 1
