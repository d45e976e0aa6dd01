"""What people say about measurements (``msmt_feedback`` table)."""

import attrs

from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.tables import MSMT_FEEDBACK
from ooni_core.feedback.model import Feedback, FeedbackSummary

_SUMMARY = """
    SELECT status, count(*) AS votes, max(CASE WHEN account_id = $account_id THEN 1 ELSE 0 END) AS own
    FROM msmt_feedback
    WHERE measurement_uid = $measurement_uid
    GROUP BY status
    ORDER BY status"""


@attrs.frozen
class SqlFeedbackStore:
    """A FeedbackStore in the database."""

    engine: SqlEngine

    def put(self, feedback: Feedback) -> None:
        """Replace the row of this account and measurement."""
        self.engine.insert(MSMT_FEEDBACK, [attrs.asdict(feedback)])

    def withdraw(self, measurement_uid: str, account_id: str) -> None:
        """Delete the row of this account and measurement."""
        self.engine.delete(MSMT_FEEDBACK, [{"measurement_uid": measurement_uid, "account_id": account_id}])

    def summary(self, measurement_uid: str, account_id: str | None = None) -> FeedbackSummary:
        """Count and find the own row at once, so that both are of the same instant."""
        asked = {"measurement_uid": measurement_uid, "account_id": account_id or ""}
        found = self.engine.query(_SUMMARY, asked).tuples
        return FeedbackSummary(
            votes={status: votes for status, votes, _ in found},
            own=next((status for status, _, own in found if own), None),
        )
