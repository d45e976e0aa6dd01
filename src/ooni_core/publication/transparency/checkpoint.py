"""Checkpoints: the signed statement of how many leaves a log has and which tree they form.

Source: C2SP tlog-checkpoint and tlog-proof (c2sp.org/tlog-checkpoint, c2sp.org/tlog-proof).
"""

import base64
import re
from collections.abc import Iterable, Sequence

import attrs

from ooni_core.errors import Invalid
from ooni_core.publication.transparency.merkle import EMPTY_ROOT, HASH_BYTES, verify_inclusion
from ooni_core.publication.transparency.note import SignedNote, VerifierKey, sign
from ooni_core.publication.transparency.ports import SignatureCheck, Signer

_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_HASH = re.compile(r"[A-Za-z0-9+/]{43}=")
_PROOF_HEADER = "c2sp.org/tlog-proof@v1"
_MOST_PROOF_HASHES = 63


@attrs.frozen
class Checkpoint:
    """The state of a log.

    Attributes:
        origin: name of the log.
        size: number of leaves.
        root: root hash of the tree they form, 32 bytes.
    """

    origin: str
    size: int
    root: bytes

    def __attrs_post_init__(self) -> None:
        if not self.origin or "\n" in self.origin:
            raise Invalid("the origin of a log is one line of text")
        if self.size < 0 or len(self.root) != HASH_BYTES:
            raise Invalid("a checkpoint has a size of 0 or more and a root of 32 bytes")

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Read the text of a note.

        Raises:
            Invalid: it is not a checkpoint.
        """
        lines = text.removesuffix("\n").split("\n")
        if len(lines) < 3 or not text.endswith("\n") or not all(lines):
            raise Invalid("a checkpoint has three lines or more, none of them empty: origin, size, root hash")
        return cls(lines[0], _number(lines[1]), _hash(lines[2]))

    @classmethod
    def empty(cls, origin: str) -> "Checkpoint":
        """The state of a log before its first leaf."""
        return cls(origin, 0, EMPTY_ROOT)

    @classmethod
    def opened(cls, content: bytes, origin: str, keys: Iterable[VerifierKey], check: SignatureCheck) -> "Checkpoint":
        """Read a signed checkpoint of the log *origin* and check its signature.

        Raises:
            ProofFailed: no known key signed it, or a signature is wrong.
            Invalid: it is not a checkpoint of that log.
        """
        checkpoint = cls.parse(SignedNote.parse(content).verified(keys, check))
        if checkpoint.origin != origin:
            raise Invalid(f"this is a checkpoint of {checkpoint.origin[:80]!r}, not of {origin!r}")
        return checkpoint

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def signed(self, signers: Sequence[Signer]) -> bytes:
        """Return the checkpoint as a signed note."""
        return sign(self.text, signers).content


@attrs.frozen
class InclusionProof:
    """Shows, offline, that an entry is in a log.

    Attributes:
        index: number of the leaf.
        hashes: siblings from the leaf to the root.
        checkpoint: the signed checkpoint, as published.
    """

    index: int
    hashes: Sequence[bytes]
    checkpoint: bytes

    @classmethod
    def parse(cls, content: bytes) -> "InclusionProof":
        """Read a ``.tlog-proof`` file.

        Raises:
            Invalid: it is not one.
        """
        head, _, checkpoint = content.partition(b"\n\n")
        try:
            lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError as exc:
            raise Invalid("a proof begins with lines of ASCII text") from exc
        if lines[0] != _PROOF_HEADER:
            raise Invalid(f"a proof begins with the line {_PROOF_HEADER}")
        rest = lines[2:] if lines[1:] and lines[1].startswith("extra ") else lines[1:]
        if not rest or not rest[0].startswith("index ") or len(rest) - 1 > _MOST_PROOF_HASHES:
            raise Invalid("a proof has an index line and at most 63 hashes")
        return cls(_number(rest[0][6:]), tuple(_hash(line) for line in rest[1:]), checkpoint)

    @property
    def content(self) -> bytes:
        """The proof as a ``.tlog-proof`` file."""
        lines = [_PROOF_HEADER, f"index {self.index}", *(base64.b64encode(hash).decode() for hash in self.hashes)]
        return ("\n".join(lines) + "\n\n").encode() + self.checkpoint

    def verify(self, leaf: bytes, origin: str, keys: Iterable[VerifierKey], check: SignatureCheck) -> Checkpoint:
        """Check that the entry with leaf hash *leaf* is in the log *origin*.

        Returns:
            The checkpoint that vouches for it.

        Raises:
            ProofFailed: it is not shown.
            Invalid: the checkpoint is not one of that log.
        """
        checkpoint = Checkpoint.opened(self.checkpoint, origin, keys, check)
        verify_inclusion(leaf, self.index, checkpoint.size, self.hashes, checkpoint.root)
        return checkpoint


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise Invalid(f"{text[:30]!r} is not a plain number")
    return int(text)


def _hash(text: str) -> bytes:
    decoded = base64.b64decode(text) if _HASH.fullmatch(text) else b""
    # One text for one value: unused bits must be zero, or a flipped bit would go unseen.
    if len(decoded) != HASH_BYTES or base64.b64encode(decoded).decode() != text:
        raise Invalid(f"{text[:60]!r} is not the base64 form of a SHA-256 hash")
    return decoded
