"""Ed25519 by the ``cryptography`` library."""

import base64
import binascii

import attrs
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ooni_core.errors import Invalid
from ooni_core.publication.transparency.note import VerifierKey, check_key_name

_PREFIX = "PRIVATE+KEY+"
_ED25519 = b"\x01"


@attrs.frozen
class Ed25519Signer:
    """A Signer with a private key in memory. Its text form is a secret and is never shown by ``repr``.

    Attributes:
        name: name it signs under.
        seed: the 32 secret bytes.
    """

    name: str
    seed: bytes = attrs.field(repr=False)
    _key: Ed25519PrivateKey = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        check_key_name(self.name)
        if len(self.seed) != 32:
            raise Invalid("an Ed25519 private key has 32 bytes")
        object.__setattr__(self, "_key", Ed25519PrivateKey.from_private_bytes(self.seed))

    @classmethod
    def parse(cls, text: str) -> "Ed25519Signer":
        """Read ``PRIVATE+KEY+name+id+base64``.

        Raises:
            Invalid: it is not such a key, or the id does not belong to it. The message does not hold the key.
        """
        name, _, rest = text.strip().removeprefix(_PREFIX).partition("+")
        id, _, encoded = rest.partition("+")
        try:
            decoded = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as exc:
            raise Invalid(f"the private key of {name[:80]!r} is not base64") from exc
        if not text.startswith(_PREFIX) or decoded[:1] != _ED25519:
            raise Invalid(f"the private key of {name[:80]!r} is not of the form PRIVATE+KEY+name+id+base64")
        signer = cls(name, decoded[1:])
        if signer.verifier_key.id.hex() != id:
            raise Invalid(f"the private key of {name[:80]!r} carries an id that is not its own: it may be damaged")
        return signer

    @property
    def public_key(self) -> bytes:
        """The 32 bytes of the public key."""
        return self._key.public_key().public_bytes_raw()

    @property
    def verifier_key(self) -> VerifierKey:
        """The public key with its name, to be published."""
        return VerifierKey(self.name, self.public_key)

    @property
    def secret_text(self) -> str:
        """``PRIVATE+KEY+name+id+base64``, to be kept secret."""
        return f"{_PREFIX}{self.name}+{self.verifier_key.id.hex()}+{base64.b64encode(_ED25519 + self.seed).decode()}"

    def sign(self, message: bytes) -> bytes:
        """Return the signature of *message*, 64 bytes."""
        return self._key.sign(message)


def ed25519_check(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether *signature* is the one of *message* by *public_key* (a SignatureCheck)."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
