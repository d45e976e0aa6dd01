"""Ed25519 keys that sign the transparency log, and the file that keeps them."""

from ooni_adapters.signing.ed25519 import Ed25519Signer, ed25519_check
from ooni_adapters.signing.keyfile import Keyring, add_key, load_or_create_keys, read_keys

__all__ = ["Ed25519Signer", "Keyring", "add_key", "ed25519_check", "load_or_create_keys", "read_keys"]
