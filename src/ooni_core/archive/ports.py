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
