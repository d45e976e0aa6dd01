"""A log in memory, and a Merkle tree written as the RFC defines it, to compare with."""

import hashlib
from collections.abc import Sequence
from functools import cache

import attrs
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ooni_core.errors import Conflict
from ooni_core.publication.transparency.log import TransparencyLog
from ooni_core.publication.transparency.merkle import Node


class KeyInMemory:
    """A Signer whose key is a number."""

    def __init__(self, number: int, name: str = "log.example/ooni") -> None:
        self.name = name
        self._key = Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big"))
        self.public_key = self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


def check(public_key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


class Interrupted(Exception):
    """The process was killed here."""


@attrs.define
class FilesInMemory:
    """A LogStorage whose process can be killed before or after its n-th change."""

    files: dict[str, bytes] = attrs.field(factory=dict)
    changes: int = 0
    dies_at: int | None = None
    dies_after: bool = False

    def _changing(self, change) -> None:
        self.changes += 1
        if self.changes == self.dies_at and not self.dies_after:
            raise Interrupted
        change()
        if self.changes == self.dies_at:
            raise Interrupted

    def read(self, path: str) -> bytes | None:
        return self.files.get(path)

    def add(self, path: str, content: bytes) -> None:
        if self.files.get(path, content) != content:
            raise Conflict(path)
        self._changing(lambda: self.files.__setitem__(path, content))

    def point(self, path: str, content: bytes) -> None:
        self._changing(lambda: self.files.pop(path, None))
        self._changing(lambda: self.files.__setitem__(path, content))

    def names(self, folder: str) -> Sequence[str]:
        return sorted(path for path in self.files if path.startswith(folder + "/"))

    def remove(self, path: str) -> None:
        self._changing(lambda: self.files.pop(path, None))


class TreeByDefinition:
    """The definitions of RFC 6962 section 2.1, word for word: slow, and sharing no code with the real thing."""

    def __init__(self, entries: Sequence[bytes]) -> None:
        self.entries = entries
        self.mth = cache(self._mth)

    def _mth(self, low: int, high: int) -> bytes:
        if high == low:
            return hashlib.sha256().digest()
        if high - low == 1:
            return hashlib.sha256(b"\x00" + self.entries[low]).digest()
        middle = low + self._k(high - low)
        return hashlib.sha256(b"\x01" + self.mth(low, middle) + self.mth(middle, high)).digest()

    @staticmethod
    def _k(n: int) -> int:
        k = 1
        while k * 2 < n:
            k *= 2
        return k

    def path(self, m: int, low: int, high: int) -> list[bytes]:
        if high - low == 1:
            return []
        k = self._k(high - low)
        if m < k:
            return [*self.path(m, low, low + k), self.mth(low + k, high)]
        return [*self.path(m - k, low + k, high), self.mth(low, low + k)]

    def subproof(self, m: int, low: int, high: int, whole: bool = True) -> list[bytes]:
        if m == high - low:
            return [] if whole else [self.mth(low, high)]
        k = self._k(high - low)
        if m <= k:
            return [*self.subproof(m, low, low + k, whole), self.mth(low + k, high)]
        return [*self.subproof(m - k, low + k, high, False), self.mth(low, low + k)]

    def hashes(self, nodes: Sequence[Node]) -> list[bytes]:
        return [self.mth(node.index << node.level, (node.index + 1) << node.level) for node in nodes]


@pytest.fixture(scope="session")
def big_tree() -> TreeByDefinition:
    return TreeByDefinition([b"entry %d" % number for number in range(1000)])


@pytest.fixture
def make_tree():
    return TreeByDefinition


@pytest.fixture
def make_key():
    return KeyInMemory


@pytest.fixture
def signature_check():
    return check


@pytest.fixture
def interrupted():
    return Interrupted


@pytest.fixture
def files() -> FilesInMemory:
    return FilesInMemory()


@pytest.fixture
def open_log():
    """Open a log on some files as a fresh process would."""

    def open(files: FilesInMemory, number: int = 1, former_keys=()) -> TransparencyLog:
        return TransparencyLog(files, [KeyInMemory(number)], check, former_keys)

    return open
