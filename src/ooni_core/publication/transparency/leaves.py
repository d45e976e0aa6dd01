"""What the leaves of the log say: that a measurement was published, or that its body was withdrawn.

A published measurement is the line ``measurement <uid> <length> <sha256>`` (no newline; length in bytes, hash in hex)
about the exact published body: its line in the ``.jsonl.gz`` file without the newline.

A withdrawal is a signed note of six lines: ``withdrawal``, the uid, the number of the leaf that published it, the hash
of the body that is gone, the class of reason and the time in UTC.
"""

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum

import attrs

from ooni_core.errors import Invalid
from ooni_core.measurement import MeasurementUid
from ooni_core.publication.transparency.note import SignedNote, sign
from ooni_core.publication.transparency.ports import Signer

_PUBLISHED = re.compile(rb"measurement (\S{1,200}) (0|[1-9][0-9]{0,15}) ([0-9a-f]{64})")
_WITHDRAWN = re.compile(
    r"withdrawal\n(?P<uid>\S{1,200})\n(?P<leaf>0|[1-9][0-9]{0,15})\n(?P<sha256>[0-9a-f]{64})\n"
    r"(?P<reason>[a-z]+)\n(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)\n",
    re.ASCII,
)
_TIME = "%Y-%m-%dT%H:%M:%SZ"


class WithdrawalReason(StrEnum):
    """Why a body was removed: a class, never the story."""

    PRIVACY = "privacy"
    SAFETY = "safety"
    LEGAL = "legal"
    ERROR = "error"


@attrs.frozen
class PublishedLeaf:
    """States that a measurement was published, and with which bytes.

    Attributes:
        uid: name of the measurement.
        sha256: hash of the published body, 32 bytes.
        length: length of that body in bytes.
    """

    uid: MeasurementUid
    sha256: bytes
    length: int

    def __attrs_post_init__(self) -> None:
        if len(self.sha256) != 32 or self.length < 0:
            raise Invalid("a leaf has a hash of 32 bytes and a length of 0 or more")

    @classmethod
    def of(cls, uid: MeasurementUid, body: bytes) -> "PublishedLeaf":
        """Describe a published body."""
        return cls(uid, hashlib.sha256(body).digest(), len(body))

    @property
    def entry(self) -> bytes:
        """The log entry."""
        return f"measurement {self.uid.text} {self.length} {self.sha256.hex()}".encode()


@attrs.frozen
class WithdrawalLeaf:
    """States that a published body was removed on purpose.

    Attributes:
        uid: name of the measurement.
        leaf: number of the leaf that says it was published.
        sha256: hash of the body that is gone, 32 bytes.
        reason: class of reason.
        time: when, aware, in UTC, to the second.
        note: the statement, signed; the log entry.
    """

    uid: MeasurementUid
    leaf: int
    sha256: bytes
    reason: WithdrawalReason
    time: datetime
    note: SignedNote

    @classmethod
    def make(
        cls, published: PublishedLeaf, leaf: int, reason: WithdrawalReason, time: datetime, signers: Sequence[Signer]
    ) -> "WithdrawalLeaf":
        """Sign the withdrawal of what leaf number *leaf* published."""
        second = time.astimezone(UTC).replace(microsecond=0)
        lines = ["withdrawal", published.uid.text, str(leaf), published.sha256.hex(), reason, second.strftime(_TIME)]
        note = sign("\n".join(lines) + "\n", signers)
        return cls(published.uid, leaf, published.sha256, reason, second, note)

    @property
    def entry(self) -> bytes:
        """The log entry."""
        return self.note.content


Leaf = PublishedLeaf | WithdrawalLeaf


def read_leaf(entry: bytes) -> Leaf:
    """Read a log entry.

    Raises:
        Invalid: it says nothing this version understands.
    """
    published = _PUBLISHED.fullmatch(entry)
    if published:
        uid = MeasurementUid(published[1].decode("utf-8", "replace"))
        return PublishedLeaf(uid, bytes.fromhex(published[3].decode()), int(published[2]))
    if entry.startswith(b"withdrawal\n"):
        return _withdrawal(SignedNote.parse(entry))
    raise Invalid(f"{entry[:60]!r} is not a log entry of this version")


def _withdrawal(note: SignedNote) -> WithdrawalLeaf:
    match = _WITHDRAWN.fullmatch(note.text)
    if match is None or match["reason"] not in set(WithdrawalReason):
        raise Invalid("a withdrawal names a measurement, its leaf and hash, a reason and a time")
    try:
        time = datetime.strptime(match["time"], _TIME).replace(tzinfo=UTC)
    except ValueError as exc:
        raise Invalid(f"a withdrawal happened at the impossible time {match['time']}") from exc
    sha256 = bytes.fromhex(match["sha256"])
    return WithdrawalLeaf(
        MeasurementUid(match["uid"]), int(match["leaf"]), sha256, WithdrawalReason(match["reason"]), time, note
    )
