"""One hop between API hosts: how one of them asks another for a body that is not published yet.

The request carries a time and a keyed hash of time and path. Only hosts that share a key are answered, and a host
answers a hop from its own spool alone, never by asking on: peers cannot ask each other in circles.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import attrs

from ooni_core.errors import Forbidden, Invalid, NotFound
from ooni_core.intake.ports import MeasurementSpool
from ooni_core.measurement import MeasurementUid, SpoolBucket
from ooni_core.ports import Clock

HOP_HEADER = "X-OONI-Hop"

_HOP = re.compile(r"([0-9]{1,12}) ([0-9a-f]{64})")
_VALID = timedelta(minutes=5)


def hop_path(uid: MeasurementUid) -> str:
    """Return the path of a spooled body, the same on every host."""
    return f"/measurement_spool/{uid.bucket.name}/{uid.text}.post"


def sign_hop(key: str, path: str, instant: datetime) -> str:
    """Return the value of the header that asks for *path* in the name of a host that knows *key*."""
    second = int(instant.timestamp())
    return f"{second} {_digest(key, path, second)}"


@attrs.frozen
class SpoolWindow:
    """Shows the spool of this host to its peers.

    Attributes:
        keys: shared with the peers, any of them is accepted; without one nobody is answered.
    """

    spool: MeasurementSpool
    keys: Sequence[str]
    clock: Clock

    def look(self, bucket: str, name: str, hop: str) -> bytes:
        """Return the body in the file *name* of the folder *bucket*, as it was received.

        Args:
            bucket: ``YYYYMMDDHH_CC_testname``.
            name: ``<uid>.post``.
            hop: the header of the request, empty when there was none.

        Raises:
            Forbidden: the header is missing, too old, or not made with one of the keys for this path.
            NotFound: it is not here.
            Unavailable: the spool failed.
        """
        self._check(hop, f"/measurement_spool/{bucket}/{name}")
        try:
            uid, folder = MeasurementUid(name.removesuffix(".post")), SpoolBucket.parse(bucket)
        except Invalid as exc:
            raise NotFound("there is no such body") from exc
        body = self.spool.get(uid) if name.endswith(".post") and uid.bucket == folder else None
        if body is None:
            raise NotFound("there is no such body")
        return body

    def _check(self, hop: str, path: str) -> None:
        match = _HOP.fullmatch(hop)
        if match is None:
            raise Forbidden("only hosts of this platform are answered here")
        second = int(match[1])
        if abs(self.clock.now().timestamp() - second) > _VALID.total_seconds():
            raise Forbidden("this request is too old, or the clocks of the two hosts differ")
        if not any(hmac.compare_digest(_digest(key, path, second), match[2]) for key in self.keys):
            raise Forbidden("this request was not signed with a key that is known here")


def _digest(key: str, path: str, second: int) -> str:
    return hmac.new(key.encode(), f"{second} {path}".encode(), hashlib.sha256).hexdigest()
