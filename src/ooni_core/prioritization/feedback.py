"""Closes the loop: what was scored is measured less urgently at once."""

from collections.abc import Sequence
from datetime import UTC

import attrs

from ooni_core.prioritization.counting import COUNTED_TEST
from ooni_core.prioritization.ports import Measured
from ooni_core.prioritization.service import Prioritization
from ooni_core.scoring.model import Stored
from ooni_core.scoring.ports import VerdictStore


@attrs.frozen
class CountedVerdicts:
    """A VerdictStore that tells prioritization what it stored, ahead of its next look into the database."""

    store: VerdictStore
    prioritization: Prioritization

    def put(self, verdicts: Sequence[Stored]) -> None:
        """Store *verdicts*, then count those that test lists are about."""
        self.store.put(verdicts)
        self.prioritization.measured([_measured(each) for each in verdicts if each.row.test_name == COUNTED_TEST])

    def known(self, uids: Sequence[str]) -> set[str]:
        """Return those of *uids* that have a verdict."""
        return self.store.known(uids)


def _measured(verdict: Stored) -> Measured:
    row = verdict.row
    return Measured(
        row.measurement_uid,
        row.probe_cc,
        row.probe_asn,
        row.input,
        row.measurement_start_time.replace(tzinfo=UTC),
    )
