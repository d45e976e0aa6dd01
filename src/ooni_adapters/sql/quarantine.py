"""Measurements that could not be scored (``fastpath_quarantine`` table)."""

from collections.abc import Iterable, Sequence

import attrs

from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.tables import QUARANTINE
from ooni_core.scoring.model import UNREADABLE, Quarantined


@attrs.frozen
class SqlQuarantineStore:
    """A QuarantineStore in the ``fastpath_quarantine`` table."""

    engine: SqlEngine

    def put(self, entries: Sequence[Quarantined]) -> None:
        """Upsert by uid."""
        self.engine.insert(QUARANTINE, [attrs.asdict(entry) for entry in entries])

    def known(self, uids: Sequence[str]) -> set[str]:
        """Look uids up."""
        return {uid for uid, kind in self._kinds(uids).items() if kind != UNREADABLE}

    def unreadable(self, uids: Sequence[str]) -> set[str]:
        """Look uids up."""
        return {uid for uid, kind in self._kinds(uids).items() if kind == UNREADABLE}

    def release(self, uids: Sequence[str]) -> None:
        """Delete those that are there."""
        self.engine.delete(QUARANTINE, [{"measurement_uid": uid} for uid in sorted(self._kinds(uids))])

    def entries(self, limit: int) -> Iterable[Quarantined]:
        """Read the newest."""
        found = self.engine.query(
            "SELECT measurement_uid, reason, kind FROM fastpath_quarantine ORDER BY measurement_uid DESC LIMIT $limit",
            {"limit": limit},
        )
        return [Quarantined(measurement_uid=uid, reason=reason, kind=kind) for uid, reason, kind in found.tuples]

    def _kinds(self, uids: Sequence[str]) -> dict[str, str]:
        if not uids:
            return {}
        found = self.engine.query(
            "SELECT measurement_uid, kind FROM fastpath_quarantine WHERE measurement_uid IN $uids", {"uids": list(uids)}
        )
        return dict(found.tuples)
