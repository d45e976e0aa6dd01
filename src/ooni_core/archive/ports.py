"""What the archive needs from the outside world, beside the spool, the index and the object store."""

from typing import Protocol

from ooni_core.measurement import MeasurementUid


class PeerSpool(Protocol):
    """The spool of another API host."""

    def get(self, uid: MeasurementUid) -> bytes | None:
        """Return the body as that host received it, or None when it does not have it.

        Raises:
            Unavailable: the host did not answer in time, or not in a way that can be believed.
        """


class LegacyCans(Protocol):
    """The cans in which measurements were published until October 2020."""

    def find(self, key: str, measurement_uid: str, report_id: str, input: str) -> bytes | None:
        """Return a measurement of the can *key*, as one line of JSON, or None when it is not in it.

        Args:
            key: such as ``canned/2019-03-04/….tar.lz4``.
            measurement_uid: its name; empty takes the first of that report and input.
            report_id: of the measurement.
            input: of the measurement.

        Raises:
            Unavailable: the store failed, or the can is damaged before the measurement was found.
        """
