"""Feedback in memory, for tests."""

from collections import Counter

import attrs

from ooni_core.feedback.model import Feedback, FeedbackSummary


@attrs.frozen
class MemoryFeedbackStore:
    """A FeedbackStore in a dictionary."""

    said: dict[tuple[str, str], str] = attrs.field(factory=dict)

    def put(self, feedback: Feedback) -> None:
        """Keep *feedback*."""
        self.said[feedback.measurement_uid, feedback.account_id] = feedback.status

    def withdraw(self, measurement_uid: str, account_id: str) -> None:
        """Forget what an account said."""
        self.said.pop((measurement_uid, account_id), None)

    def summary(self, measurement_uid: str, account_id: str | None = None) -> FeedbackSummary:
        """Count."""
        votes = Counter(status for (uid, _), status in self.said.items() if uid == measurement_uid)
        return FeedbackSummary(dict(votes), self.said.get((measurement_uid, account_id or "")))
