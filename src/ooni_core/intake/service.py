"""The use case of a probe that submits: open a report, then hand over measurements one by one."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import attrs

from ooni_core.errors import Conflict, Invalid, Unavailable
from ooni_core.intake.backpressure import SpoolBound
from ooni_core.intake.envelope import check_body
from ooni_core.intake.model import ReportRequest
from ooni_core.intake.ports import MeasurementSpool, ScoringQueue
from ooni_core.measurement import MeasurementUid, ReportId
from ooni_core.ports import NO_TALLY, Clock, Entropy, Tally

_RANDOM_BYTES = 12
_ATTEMPTS = 8


@attrs.frozen
class IntakeService:
    """Accepts measurements: durable first, then told to the probe, then scored.

    Attributes:
        collector_id: identity of this host, part of the report ids it makes.
        bound: how many may wait for publication; None admits all.
        tally: told of each measurement.
    """

    spool: MeasurementSpool
    queue: ScoringQueue
    clock: Clock
    entropy: Entropy
    collector_id: str
    bound: SpoolBound | None = None
    tally: Tally = NO_TALLY

    def open_report(self, request: ReportRequest) -> ReportId:
        """Name a new report. Nothing is stored: any well-shaped id is accepted later, from any host."""
        return ReportId.mint(
            self.clock.now(),
            request.test_name,
            request.probe_cc,
            request.probe_asn,
            self.collector_id,
            self.entropy.bytes(_RANDOM_BYTES),
        )

    def receive(self, report_id: ReportId, body: bytes, *, vouched: bool = False) -> MeasurementUid | None:
        """Keep *body*, byte for byte, and queue it for scoring. On return it survives a power cut.

        Args:
            report_id: where it was submitted to.
            body: the whole envelope.
            vouched: see `check_body`.

        Returns:
            Its uid, or None when the report does not say where it was made: such measurements are dropped on purpose,
            and the probe is not told to try again.

        Raises:
            Invalid: the body cannot be a measurement; nothing was kept.
            Unavailable: it could not be made durable, or too many wait already; the probe should try again.
        """
        if self.drops(report_id):
            return None
        with self.refusing("bad_json"):
            check_body(body, vouched=vouched)
        if self.bound is not None:
            self.bound.admit()
        uid = self._spooled(report_id, body)
        self.queue.offer(uid)
        self.tally.count("receive_measurement_count")
        return uid

    def drops(self, report_id: ReportId) -> bool:
        """Say whether a report names no network or no country: its measurements are of no use to anybody."""
        for nowhere, reason in ((report_id.probe_asn == 0, "asn_0"), (report_id.probe_cc == "ZZ", "cc_zz")):
            if nowhere:
                self.tally.count("measurement_bad_count", reason=reason)
                return True
        return False

    @contextmanager
    def refusing(self, reason: str) -> Iterator[None]:
        """Count what is refused inside the block."""
        try:
            yield
        except Invalid:
            self.tally.count("measurement_bad_count", reason=reason)
            raise

    def _spooled(self, report_id: ReportId, body: bytes) -> MeasurementUid:
        uid = MeasurementUid.mint(self.clock.now(), report_id.probe_cc, report_id.test_name, body)
        for attempt in range(_ATTEMPTS):
            candidate = uid.later(attempt) if attempt else uid
            try:
                self.spool.put(candidate, body)
            except Conflict:
                # Other bytes with the same truncated hash in the same microsecond: the next microsecond is free.
                continue
            return candidate
        raise Unavailable(f"no free name for a measurement within {timedelta(microseconds=_ATTEMPTS)} of {uid.text}")
