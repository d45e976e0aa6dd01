"""Which sessions are void (``session_expunge`` table)."""

from datetime import UTC, datetime

import attrs

from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.tables import SESSION_EXPUNGE


@attrs.frozen
class SqlExpungedSessions:
    """ExpungedSessions in the database."""

    engine: SqlEngine

    def threshold(self, account_id: str) -> datetime | None:
        """Return the instant (aware, UTC) up to which issued sessions are void, None when all are good."""
        found = self.engine.query(
            "SELECT threshold FROM session_expunge WHERE account_id = $account_id", {"account_id": account_id}
        ).scalar()
        return found.replace(tzinfo=UTC) if found is not None else None

    def expunge(self, account_id: str, at: datetime) -> None:
        """Make the sessions void that were issued up to *at*."""
        second = at.astimezone(UTC).replace(microsecond=0, tzinfo=None)
        self.engine.insert(SESSION_EXPUNGE, [{"account_id": account_id, "threshold": second}])
