"""Several peers asked at the same time, so that a slow one delays nobody."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

import attrs

from ooni_core.archive.ports import PeerSpool
from ooni_core.errors import Unavailable
from ooni_core.measurement import MeasurementUid


@attrs.define(eq=False)
class PeersTogether:
    """A PeerSpool that is all of *peers*: the first body that comes is the answer.

    Attributes:
        at_once: most requests under way, for all callers together.
    """

    peers: Sequence[PeerSpool]
    at_once: int = 16
    _threads: ThreadPoolExecutor = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._threads = ThreadPoolExecutor(self.at_once, thread_name_prefix="peers")

    def get(self, uid: MeasurementUid) -> bytes | None:
        """Return the body as a peer received it; None only when every peer said that it has none."""
        asked = [self._threads.submit(peer.get, uid) for peer in self.peers]
        failure: Unavailable | None = None
        try:
            for answer in as_completed(asked):
                try:
                    body = answer.result()
                except Unavailable as exc:
                    failure = exc
                    continue
                if body is not None:
                    return body
        finally:
            for answer in asked:
                answer.cancel()
        if failure is not None:
            raise failure
        return None

    def close(self) -> None:
        """Ask no more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
