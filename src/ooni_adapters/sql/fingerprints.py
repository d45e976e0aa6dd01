"""The fingerprint tables, read and replaced together."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.tables import FINGERPRINTS_DNS, FINGERPRINTS_HTTP
from ooni_core.scoring import FingerprintSet

_COLUMNS = ", ".join(FINGERPRINTS_DNS.column_names)


@attrs.frozen
class SqlFingerprintStore:
    """Keeps the two fingerprint sets as rows with the columns of their CSV files."""

    engine: SqlEngine

    def load(self) -> FingerprintSet:
        """Return both sets, ready for scoring.

        Raises:
            Invalid: a stored row is no fingerprint.
        """
        return FingerprintSet.from_rows(*self.rows())

    def rows(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return the rows for DNS and for HTTP, each in the order of their names."""
        return self._read("fingerprints_dns"), self._read("fingerprints_http")

    def replace(self, dns: Sequence[Mapping[str, Any]], http: Sequence[Mapping[str, Any]]) -> None:
        """Put both sets in place of the current ones, which stay in the ``_tmp`` tables.

        Raises:
            Invalid: a row does not fit; nothing was changed.
            Unavailable: the database failed.
        """
        self.engine.replace({FINGERPRINTS_DNS: list(dns), FINGERPRINTS_HTTP: list(http)})

    def _read(self, table: str) -> list[dict[str, Any]]:
        return self.engine.query(f"SELECT {_COLUMNS} FROM {table} ORDER BY name").dicts()  # noqa: S608
