"""Test helpers (``test_helper_instances`` table)."""

from typing import Any

import attrs

from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.instants import aware, naive
from ooni_adapters.sql.tables import TEST_HELPER_INSTANCES
from ooni_core.fleet.model import TestHelper

_READ = """
    SELECT name, rdn, dns_zone, provider, region, ipaddr, ipv6addr, draining_at, destroyed_at
    FROM test_helper_instances
    WHERE sign = 1 AND provider = $provider AND dns_zone = $dns_zone
    ORDER BY name DESC"""


@attrs.frozen
class SqlTestHelperRegister:
    """A TestHelperRegister in the database."""

    engine: SqlEngine

    def put(self, helper: TestHelper) -> None:
        """Upsert by name."""
        row: dict[str, Any] = {
            "rdn": helper.rdn,
            "dns_zone": helper.dns_zone,
            "name": helper.name,
            "provider": helper.provider,
            "region": helper.region,
            "ipaddr": helper.ipv4,
            "ipv6addr": helper.ipv6,
            "draining_at": helper.draining_at and naive(helper.draining_at),
            "destroyed_at": helper.destroyed_at and naive(helper.destroyed_at),
        }
        self.engine.insert(TEST_HELPER_INSTANCES, [row])

    def helpers(self, provider: str, dns_zone: str) -> list[TestHelper]:
        """Look a zone up."""
        found = self.engine.query(_READ, {"provider": provider, "dns_zone": dns_zone})
        return [TestHelper(*texts, aware(drained), aware(gone)) for *texts, drained, gone in found.tuples]
