"""The key file of a log: one key a line, newest first.

A line ``PRIVATE+KEY+…`` signs; a line ``name+id+base64`` only verifies what it signed in the past. Empty lines and
lines that begin with ``#`` are ignored.
"""

from collections.abc import Sequence
from pathlib import Path

import attrs

from ooni_adapters.private_files import create_private_file
from ooni_adapters.signing.ed25519 import Ed25519Signer
from ooni_core.errors import Conflict, Invalid, NotFound, Unavailable
from ooni_core.ports import Entropy
from ooni_core.publication.transparency.note import VerifierKey


@attrs.frozen
class Keyring:
    """The keys of one log.

    Attributes:
        signers: keys that sign, newest first.
        former_keys: keys that signed in the past.
    """

    signers: Sequence[Ed25519Signer]
    former_keys: Sequence[VerifierKey]

    @property
    def origin(self) -> str:
        """Name of the log."""
        return self.verifier_keys[0].name

    @property
    def verifier_keys(self) -> Sequence[VerifierKey]:
        """Every public key that may have signed a checkpoint of the log, newest first."""
        return [*(signer.verifier_key for signer in self.signers), *self.former_keys]


def read_keys(path: Path) -> Keyring:
    """Read a key file.

    Raises:
        NotFound: there is no such file.
        Invalid: it holds no key, keys of different names, or something else.
        Unavailable: it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as exc:
        raise NotFound(f"there is no key file {path}: make one with `ooni log keygen`") from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise Unavailable(f"the key file {path} cannot be read: {exc}") from exc
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    try:
        signers = [Ed25519Signer.parse(line) for line in lines if line.startswith("PRIVATE+KEY+")]
        former = [VerifierKey.parse(line) for line in lines if not line.startswith("PRIVATE+KEY+")]
    except Invalid as exc:
        raise Invalid(f"{path}: {exc}") from exc
    ring = Keyring(signers, former)
    names = {key.name for key in ring.verifier_keys}
    if len(names) != 1:
        raise Invalid(f"{path} must hold keys of exactly one log, but holds {len(names)}: {', '.join(sorted(names))}")
    return ring


def load_or_create_keys(path: Path, origin: str, entropy: Entropy) -> Keyring:
    """Read a key file; make one with a fresh key when there is none.

    Args:
        path: the file; readable by its owner only.
        origin: name of the log, should there be no file yet.
        entropy: where a fresh key comes from.

    Raises:
        Invalid: the file holds no key or something else.
        Unavailable: the file cannot be read or written.
    """
    if not path.exists():
        try:
            _create(path, Ed25519Signer(origin, entropy.bytes(32)).secret_text + "\n")
        except Conflict:
            return read_keys(path)  # another process has just made it
    return read_keys(path)


def add_key(path: Path, origin: str, entropy: Entropy) -> Keyring:
    """Put a fresh key in front of those in the file, or begin the file with it.

    Raises:
        Invalid: the file is of another log, or damaged.
        Unavailable: the file cannot be read or written.
    """
    fresh = Ed25519Signer(origin, entropy.bytes(32)).secret_text + "\n"
    if not path.exists():
        _create(path, fresh)
        return read_keys(path)
    ring = read_keys(path)
    if ring.origin != origin:
        raise Invalid(f"{path} holds keys of {ring.origin}, not of {origin}")
    content = fresh + path.read_text(encoding="utf-8")
    successor = path.with_name(path.name + ".new")
    _create(successor, content)
    try:
        successor.replace(path)
    except OSError as exc:
        raise Unavailable(f"the key file {path} cannot be replaced: {exc}") from exc
    return read_keys(path)


def _create(path: Path, text: str) -> None:
    try:
        create_private_file(path, text)
    except FileExistsError as exc:
        raise Conflict(f"{path} exists already") from exc
    except OSError as exc:
        raise Unavailable(f"the key file {path} cannot be written: {exc}") from exc
