"""Fingerprints in memory."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from ooni_core.scoring import FingerprintSet


@attrs.define
class MemoryFingerprintStore:
    """A FingerprintStore that lives as long as the process."""

    _known: FingerprintSet = attrs.field(default=FingerprintSet.EMPTY, init=False)

    def load(self) -> FingerprintSet:
        """Return what was put last."""
        return self._known

    def replace(self, dns: Sequence[Mapping[str, Any]], http: Sequence[Mapping[str, Any]]) -> None:
        """Read both lists, then put them in place."""
        self._known = FingerprintSet.from_rows(dns, http).as_database()
