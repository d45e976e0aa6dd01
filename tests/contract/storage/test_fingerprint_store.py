"""What every FingerprintStore promises, on every adapter; and what databases remember of whole datasets."""

import threading

import attrs
import pytest

from ooni_adapters.memory.fingerprints import MemoryFingerprintStore
from ooni_adapters.sql.datasets import activate, is_as_activated
from ooni_adapters.sql.fingerprints import SqlFingerprintStore
from ooni_adapters.sql.tables import CITIZENLAB, FINGERPRINTS_DNS, FINGERPRINTS_HTTP
from ooni_adapters.sql.testlists import SqlTestLists
from ooni_core.errors import Invalid
from ooni_core.prioritization.model import ListedUrl
from ooni_core.scoring import FingerprintSet
from ooni_core.testing import block_page

ENGINES = ("duckdb_memory", "duckdb_file", "chdb", "clickhouse")


def entry(name, location="body", **changes):
    one = attrs.asdict(block_page(f"page of {name}", location=location, countries="IT,RU", name=name))
    return {**one, "expected_countries": "IT,RU", "source": "", "exp_url": "", "notes": "", **changes}


@pytest.fixture(params=["memory", *ENGINES])
def store(request):
    if request.param == "memory":
        return MemoryFingerprintStore()
    return SqlFingerprintStore(request.getfixturevalue(request.param))


@pytest.fixture(params=ENGINES)
def engine(request):
    return request.getfixturevalue(request.param)


def test_what_was_put_comes_back_in_the_order_of_the_historical_tables(store):
    assert store.load() == FingerprintSet.EMPTY
    dns, http = [entry("d", "dns")], [entry("bb"), entry("aa", other_names="é\t'"), entry("z")]
    store.replace(dns, http)
    assert store.load() == FingerprintSet.from_rows(dns, http).as_database()
    assert [one.name for one in store.load().http] == ["z", "aa", "bb"]


def test_replacing_leaves_nothing_of_the_former_lists(store):
    store.replace([entry("d", "dns")], [entry("a"), entry("b")])
    store.replace([], [entry("b", pattern="another")])
    assert store.load() == FingerprintSet.from_rows([], [entry("b", pattern="another")])


def test_refused_lists_change_nothing(store):
    store.replace([entry("d", "dns")], [entry("a")])
    with pytest.raises(Invalid):
        store.replace([], [entry("b"), entry("c", confidence_no_fp=1000)])
    assert [len(lists) for lists in (store.load().dns, store.load().http)] == [1, 1]


def test_lists_are_never_a_new_one_beside_an_old_one(store):
    def put(turn):
        names = [f"{turn}.{n}" for n in range(20)]
        store.replace([entry(f"dns.{name}", "dns") for name in names], [entry(f"http.{name}") for name in names])

    def turns(fingerprints):
        return {one.name.split(".")[1] for one in (*fingerprints.dns, *fingerprints.http)}

    put(0)
    seen, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            seen.append(turns(store.load()))

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(1, 9):
        put(turn)
    stop.set()
    reader.join()
    assert turns(store.load()) == {"8"}
    assert [found for found in seen if len(found) != 1] == []


def test_lists_that_were_changed_row_by_row_are_read_as_they_are(engine):
    store = SqlFingerprintStore(engine)
    store.replace([], [entry("a")])
    engine.insert(FINGERPRINTS_HTTP, [entry("b")])
    assert [one.name for one in store.load().http] == ["a", "b"]


def test_stored_row_that_is_no_fingerprint_is_named(engine):
    engine.insert(FINGERPRINTS_HTTP, [entry("odd", scope="moon")])
    with pytest.raises(Invalid, match="odd"):
        SqlFingerprintStore(engine).load()


def test_database_knows_which_content_was_activated_last(engine):
    dns, http = [entry("d", "dns")], [entry("b"), entry("a")]
    SqlFingerprintStore(engine).replace(dns, http)
    assert is_as_activated(engine, {FINGERPRINTS_DNS: dns, FINGERPRINTS_HTTP: http[::-1]})
    assert not is_as_activated(engine, {FINGERPRINTS_DNS: dns, FINGERPRINTS_HTTP: [entry("b")]})
    SqlTestLists(engine).replace([ListedUrl("https://a/", "a", "ZZ", "NEWS")])
    assert is_as_activated(
        engine, {CITIZENLAB: [{"url": "https://a/", "domain": "a", "cc": "ZZ", "category_code": "NEWS"}]}
    )
    activate(engine, {CITIZENLAB: []})
    names = engine.query("SELECT DISTINCT name FROM dataset_versions ORDER BY name").tuples
    assert names == [("citizenlab",), ("fingerprints_dns",), ("fingerprints_http",)]
