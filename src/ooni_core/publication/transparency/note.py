"""Signed notes: a text with signatures that anyone can check against a short public key line.

Source: C2SP signed-note (c2sp.org/signed-note), Ed25519 signatures (type 1). Keys are written as the Go module
``golang.org/x/mod/sumdb/note`` writes them: ``name+id+base64`` to verify, ``PRIVATE+KEY+name+id+base64`` to sign.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Sequence

import attrs

from ooni_core.errors import Invalid
from ooni_core.publication.transparency.merkle import ProofFailed
from ooni_core.publication.transparency.ports import SignatureCheck, Signer

_ED25519 = b"\x01"
_DASH = "\N{EM DASH} "
_MOST_SIGNATURES = 64
_MOST_BYTES = 1 << 20


def key_id(name: str, public_key: bytes) -> bytes:
    """Return the four bytes that, beside the name, say which key made a signature."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public_key).digest()[:4]


def check_key_name(name: str) -> None:
    """Refuse names that cannot stand in a signature line.

    Raises:
        Invalid: it is empty, or holds a space, a control character or a plus sign.
    """
    if not name or "+" in name or not name.isprintable() or any(letter.isspace() for letter in name):
        raise Invalid(f"{name[:80]!r} is not a key name: expected text without spaces and plus signs")


@attrs.frozen
class VerifierKey:
    """A public key that signs notes, with the name it signs under."""

    name: str
    public_key: bytes

    def __attrs_post_init__(self) -> None:
        check_key_name(self.name)
        if len(self.public_key) != 32:
            raise Invalid(f"an Ed25519 public key has 32 bytes, not {len(self.public_key)}")

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Read ``name+id+base64``.

        Raises:
            Invalid: it is not a public key of that form, or the id does not belong to it.
        """
        name, _, rest = text.strip().partition("+")
        id, _, encoded = rest.partition("+")
        decoded = _decoded(encoded, "a public key")
        if decoded[:1] != _ED25519:
            raise Invalid(f"the public key of {name[:80]!r} is not an Ed25519 key for notes")
        key = cls(name, decoded[1:])
        if id != key.id.hex():
            raise Invalid(f"the public key of {name[:80]!r} carries the id {id[:16]!r}, but its own is {key.id.hex()}")
        return key

    @property
    def id(self) -> bytes:
        """Four bytes that tell this key from others with the same name."""
        return key_id(self.name, self.public_key)

    @property
    def text(self) -> str:
        """``name+id+base64``, to be published."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(_ED25519 + self.public_key).decode()}"


@attrs.frozen
class Signature:
    """One signature line of a note."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        """As it stands in the note, with its newline."""
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"


@attrs.frozen
class SignedNote:
    """A text ending in a newline, and its signatures."""

    text: str
    signatures: Sequence[Signature]

    @classmethod
    def parse(cls, content: bytes) -> "SignedNote":
        """Read a note.

        Raises:
            Invalid: it is not one. Nothing is said about whether the signatures are right.
        """
        text, signatures = _cut(content)
        lines = signatures.removesuffix("\n").split("\n")
        if len(lines) > _MOST_SIGNATURES:
            raise Invalid(f"a note with {len(lines)} signatures is not accepted: at most {_MOST_SIGNATURES}")
        return cls(text, tuple(_signature(line) for line in lines))

    @property
    def content(self) -> bytes:
        """The whole note."""
        return (self.text + "\n" + "".join(signature.line for signature in self.signatures)).encode()

    def verified(self, keys: Iterable[VerifierKey], check: SignatureCheck) -> str:
        """Return the text once a known key vouches for it. Signatures of unknown keys are ignored.

        Raises:
            ProofFailed: no known key signed it, or a known key's signature is wrong.
        """
        known = {(key.name, key.id): key for key in keys}
        vouching = 0
        for signature in self.signatures:
            key = known.get((signature.name, signature.key_id))
            if key is None:
                continue
            if not check(key.public_key, self.text.encode(), signature.signature):
                raise ProofFailed(f"the signature of {key.name} is wrong")
            vouching += 1
        if not vouching:
            names = ", ".join(sorted({name for name, _ in known})) or "nobody"
            raise ProofFailed(f"no known key signed this: expected one of {names}")
        return self.text


def sign(text: str, signers: Sequence[Signer]) -> SignedNote:
    """Sign *text* with each of *signers*.

    Raises:
        Invalid: the text does not end in a newline, or holds control characters.
    """
    if not text.endswith("\n") or any(letter < " " and letter != "\n" for letter in text):
        raise Invalid("a note's text ends in a newline and holds no control characters")
    return SignedNote(text, tuple(_signed_by(signer, text) for signer in signers))


def _signed_by(signer: Signer, text: str) -> Signature:
    return Signature(signer.name, key_id(signer.name, signer.public_key), signer.sign(text.encode()))


def _cut(content: bytes) -> tuple[str, str]:
    if len(content) > _MOST_BYTES:
        raise Invalid(f"a note of {len(content)} bytes is not accepted: at most {_MOST_BYTES}")
    try:
        whole = content.decode()
    except UnicodeDecodeError as exc:
        raise Invalid("a note is UTF-8 text") from exc
    text, blank, signatures = whole.rpartition("\n\n")
    if not blank or not signatures.endswith("\n") or any(letter < " " and letter != "\n" for letter in whole):
        raise Invalid("a note is a text, an empty line and signature lines")
    return text + "\n", signatures


def _signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise Invalid(f"{line[:80]!r} is not a signature line")
    check_key_name(name)
    decoded = _decoded(encoded, "a signature")
    if len(decoded) < 5:
        raise Invalid("a signature line is too short")
    return Signature(name, decoded[:4], decoded[4:])


def _decoded(encoded: str, what: str) -> bytes:
    try:
        decoded = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise Invalid(f"{what} is not base64") from exc
    # One text for one value: unused bits must be zero, or a flipped bit would go unseen.
    if base64.b64encode(decoded).decode() != encoded:
        raise Invalid(f"{what} is not canonical base64")
    return decoded
