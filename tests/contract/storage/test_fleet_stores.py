"""What every TestHelperRegister promises, on every adapter."""

from datetime import UTC, datetime

import attrs
import pytest

from ooni_adapters.memory.fleet import MemoryTestHelperRegister
from ooni_adapters.sql.fleet import SqlTestHelperRegister
from ooni_adapters.sql.signed import apply_signed
from ooni_adapters.sql.tables import TEST_HELPER_INSTANCES
from ooni_core.errors import Invalid
from ooni_core.fleet.model import TestHelper

ENGINES = ("duckdb_memory", "chdb", "clickhouse")
CLOUD, ZONE = "Digital Ocean", "th.ooni.org"
NOW = datetime(2024, 5, 15, 12, tzinfo=UTC)
FIRST = TestHelper("roaming-th-20240508", "0", ZONE, CLOUD, "fra1", "192.0.2.1", "2001:db8::1")


@pytest.fixture(params=["memory", *ENGINES])
def register(request):
    if request.param == "memory":
        return MemoryTestHelperRegister()
    return SqlTestHelperRegister(request.getfixturevalue(request.param))


def test_helpers_of_a_provider_and_zone_come_newest_name_first(register):
    second = TestHelper("roaming-th-20240515", "1", ZONE, CLOUD, "ams3")
    for helper in (
        FIRST,
        second,
        attrs.evolve(FIRST, name="x", provider="other"),
        attrs.evolve(FIRST, name="y", dns_zone="z"),
    ):
        register.put(helper)
    assert register.helpers(CLOUD, ZONE) == [second, FIRST]
    assert register.helpers(CLOUD, "") == []


def test_helper_takes_the_place_of_what_was_known_under_its_name(register):
    draining = attrs.evolve(FIRST, draining_at=NOW, ipv4="192.0.2.9")
    destroyed = attrs.evolve(draining, destroyed_at=NOW)
    for helper in (FIRST, draining, draining, destroyed):
        register.put(helper)
        assert register.helpers(CLOUD, ZONE) == [helper]
    assert [helper.is_live for helper in (FIRST, draining, destroyed)] == [True, False, False]


@pytest.mark.parametrize("engine", ENGINES)
def test_pairs_of_signed_rows_of_older_systems_are_one_helper(engine, request):
    engine = request.getfixturevalue(engine)
    row = {"rdn": "0", "dns_zone": ZONE, "name": FIRST.name, "provider": CLOUD, "region": "fra1"}
    row |= {"ipaddr": FIRST.ipv4, "ipv6addr": FIRST.ipv6, "draining_at": None, "destroyed_at": None, "sign": 1}
    drained = {**row, "draining_at": NOW.replace(tzinfo=None)}
    apply_signed(engine, TEST_HELPER_INSTANCES, [row])
    apply_signed(engine, TEST_HELPER_INSTANCES, [{**row, "sign": -1}, drained])
    assert SqlTestHelperRegister(engine).helpers(CLOUD, ZONE) == [attrs.evolve(FIRST, draining_at=NOW)]


@pytest.mark.parametrize("engine", ENGINES)
def test_helper_that_cannot_be_stored_changes_nothing(engine, request):
    register = SqlTestHelperRegister(request.getfixturevalue(engine))
    register.put(FIRST)
    with pytest.raises(Invalid):
        register.put(attrs.evolve(FIRST, draining_at=datetime(1969, 1, 1, tzinfo=UTC)))
    assert register.helpers(CLOUD, ZONE) == [FIRST]


@pytest.mark.parametrize("wrong", [{"name": ""}, {"draining_at": NOW.replace(tzinfo=None)}])
def test_helper_that_cannot_be_is_refused(wrong):
    with pytest.raises((Invalid, ValueError)):
        attrs.evolve(FIRST, **wrong)
