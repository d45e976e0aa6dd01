"""Roles of accounts (``accounts`` table)."""

import attrs

from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.tables import ACCOUNTS


@attrs.frozen
class SqlAccountRoles:
    """AccountRoles in the database."""

    engine: SqlEngine

    def role(self, account_id: str) -> str | None:
        """Return the role that was set last, None when none ever was."""
        found: str | None = self.engine.query(
            "SELECT role FROM accounts WHERE account_id = $account_id", {"account_id": account_id}
        ).scalar()
        return found

    def set_role(self, account_id: str, role: str) -> None:
        """Remember a role."""
        self.engine.insert(ACCOUNTS, [{"account_id": account_id, "role": role}])
