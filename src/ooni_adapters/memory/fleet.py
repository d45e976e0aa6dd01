"""Test helpers in memory."""

import attrs

from ooni_core.fleet.model import TestHelper


@attrs.define
class MemoryTestHelperRegister:
    """A TestHelperRegister that lives as long as the process."""

    _helpers: dict[str, TestHelper] = attrs.field(factory=dict, init=False)

    def put(self, helper: TestHelper) -> None:
        """Keep the last of each name."""
        self._helpers = self._helpers | {helper.name: helper}

    def helpers(self, provider: str, dns_zone: str) -> list[TestHelper]:
        """Look a zone up."""
        found = [one for one in self._helpers.values() if (one.provider, one.dns_zone) == (provider, dns_zone)]
        return sorted(found, key=lambda helper: helper.name, reverse=True)
