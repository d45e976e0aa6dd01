"""Feedback on measurements: said by people who are logged in, read by everybody."""

import attrs

from ooni_core.accounts.model import Session
from ooni_core.errors import Invalid
from ooni_core.feedback.model import Feedback, FeedbackSummary
from ooni_core.feedback.ports import FeedbackStore, KnownMeasurements

_SHORTEST_UID = 5


@attrs.frozen
class FeedbackService:
    """The use cases of feedback.

    Attributes:
        measurements: those that can be judged; None when anything can.
    """

    store: FeedbackStore
    measurements: KnownMeasurements | None = None

    def summary(self, measurement_uid: str, session: Session | None) -> FeedbackSummary:
        """Return what is said about a measurement, known or not.

        Raises:
            Invalid: the uid is too short for one.
        """
        if len(measurement_uid) < _SHORTEST_UID:
            raise Invalid("Invalid measurement_uid", f"expected at least {_SHORTEST_UID} characters")
        return self.store.summary(measurement_uid, session.account_id if session else None)

    def submit(self, session: Session, status: str, measurement_uid: str) -> None:
        """Say something about a measurement, in place of what the same account said before.

        Raises:
            Invalid: there is no such status, or no such measurement.
        """
        feedback = Feedback(status.strip(), measurement_uid.strip(), session.account_id)
        if self.measurements is not None and not self.measurements.known([feedback.measurement_uid]):
            raise Invalid("Unknown measurement_uid")
        self.store.put(feedback)

    def withdraw(self, session: Session, measurement_uid: str) -> None:
        """Take back what the account said about a measurement."""
        self.store.withdraw(measurement_uid, session.account_id)
