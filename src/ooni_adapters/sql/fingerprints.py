"""The fingerprint tables, read and replaced together."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from ooni_adapters.sql.datasets import activate, is_as_activated
from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.schema import Table
from ooni_adapters.sql.tables import FINGERPRINTS_DNS, FINGERPRINTS_HTTP
from ooni_core.scoring import FingerprintSet

_COLUMNS = ", ".join(FINGERPRINTS_DNS.column_names)
_BOTH = (FINGERPRINTS_DNS, FINGERPRINTS_HTTP)
# One statement, so that an engine with snapshots reads both lists as they were at one moment.
_READ = " UNION ALL ".join(f"SELECT '{table.name}' AS kind, {_COLUMNS} FROM {table.name}" for table in _BOTH)  # noqa: S608
_ATTEMPTS = 20

Lists = dict[Table, list[dict[str, Any]]]


@attrs.frozen
class SqlFingerprintStore:
    """A FingerprintStore in the tables ``fingerprints_dns`` and ``fingerprints_http``."""

    engine: SqlEngine

    def load(self) -> FingerprintSet:
        """Return both lists of one moment."""
        found = self._consistent()
        return FingerprintSet.from_rows(found[FINGERPRINTS_DNS], found[FINGERPRINTS_HTTP]).as_database()

    def replace(self, dns: Sequence[Mapping[str, Any]], http: Sequence[Mapping[str, Any]]) -> None:
        """Put both lists in place of the current ones, which stay in the ``_tmp`` tables."""
        activate(self.engine, {FINGERPRINTS_DNS: list(dns), FINGERPRINTS_HTTP: list(http)})

    def _consistent(self) -> Lists:
        """Read until the lists are those that were activated together, or stay as they are.

        ClickHouse exchanges one table after the other. Lists that were changed row by row are not those activated.
        """
        found = self._read()
        for _ in range(_ATTEMPTS):
            if is_as_activated(self.engine, found):
                break
            former, found = found, self._read()
            if found == former:
                break
        return found

    def _read(self) -> Lists:
        found: Lists = {table: [] for table in _BOTH}
        tables = {table.name: table for table in _BOTH}
        for row in self.engine.query(f"{_READ} ORDER BY kind, name").dicts():
            found[tables[row.pop("kind")]].append(row)
        return found
