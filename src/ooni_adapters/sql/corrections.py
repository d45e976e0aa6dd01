"""Changes of published results by hand (``corrections`` table)."""

from datetime import UTC

import attrs

from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.instants import naive
from ooni_adapters.sql.tables import CORRECTIONS
from ooni_core.scoring.model import Correction

_READ = """
    SELECT time, operator, sql, reason, rows
    FROM corrections
    ORDER BY time DESC, operator, sql
    LIMIT $most"""


@attrs.frozen
class SqlCorrectionLog:
    """A CorrectionLog in the database."""

    engine: SqlEngine

    def note(self, correction: Correction) -> None:
        """Upsert."""
        self.engine.insert(
            CORRECTIONS,
            [
                {
                    "time": naive(correction.at),
                    "operator": correction.operator,
                    "sql": correction.statement,
                    "reason": correction.reason,
                    "rows": correction.rows,
                }
            ],
        )

    def corrections(self, limit: int) -> list[Correction]:
        """Read the newest."""
        found = self.engine.query(_READ, {"most": limit}).tuples
        return [Correction(at.replace(tzinfo=UTC), *rest) for at, *rest in found]
