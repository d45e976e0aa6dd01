"""What feedback needs from outside."""

from collections.abc import Sequence
from typing import Protocol

from ooni_core.feedback.model import Feedback, FeedbackSummary


class FeedbackStore(Protocol):
    """Keeps the latest feedback of each account on each measurement."""

    def put(self, feedback: Feedback) -> None:
        """Keep *feedback* in place of what its account said about its measurement before; whoever asks next sees it.

        Raises:
            Unavailable: the medium failed; putting it again is safe.
        """

    def withdraw(self, measurement_uid: str, account_id: str) -> None:
        """Forget what an account said about a measurement; when it said nothing, nothing happens.

        Raises:
            Unavailable: the medium failed; withdrawing it again is safe.
        """

    def summary(self, measurement_uid: str, account_id: str | None = None) -> FeedbackSummary:
        """Return what is said about a measurement; nothing about one that nobody knows.

        Args:
            measurement_uid: the measurement.
            account_id: who asks; None for nobody in particular.
        """


class KnownMeasurements(Protocol):
    """Knows which measurements there are."""

    def known(self, uids: Sequence[str]) -> set[str]:
        """Return those of *uids* that there are."""
