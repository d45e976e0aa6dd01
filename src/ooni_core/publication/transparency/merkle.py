"""Merkle tree hashing and proofs.

Source: RFC 6962 section 2.1 and RFC 9162 section 2.1. The tree of n leaves splits at the largest power of two below n;
leaves and inner nodes are hashed under different prefixes, so that neither can pass for the other.

A *node* is a complete subtree, named by its level (it spans ``2**level`` leaves) and its index among the nodes of that
level. A *range* is a half-open pair of leaf indices.
"""

import hashlib
from collections.abc import Sequence
from typing import Protocol

import attrs

from ooni_core.errors import Invalid, OoniError

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
_MOST_LEAVES = 2**63


class ProofFailed(OoniError):
    """A proof, a signature or a stored part of a log does not show what it claims to show."""

    code = "proof_failed"


@attrs.frozen(order=True)
class Node:
    """A complete subtree: leaves ``index * 2**level`` up to ``(index + 1) * 2**level``."""

    level: int
    index: int


class NodeReader(Protocol):
    """Knows the hashes of the complete subtrees of one tree."""

    def hashes(self, nodes: Sequence[Node]) -> Sequence[bytes]:
        """Return the hash of each of *nodes*, in their order."""


def leaf_hash(entry: bytes) -> bytes:
    """Hash one log entry into a leaf."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two siblings into their parent."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def nodes_of_range(low: int, high: int) -> list[Node]:
    """Cut a range into complete subtrees, left to right.

    Args:
        low: first leaf. It must be a multiple of the largest power of two that is not above ``high - low``, as it is
            for every range that the tree itself has.
        high: one past the last leaf.
    """
    nodes = []
    while low < high:
        level = (high - low).bit_length() - 1
        nodes.append(Node(level, low >> level))
        low += 1 << level
    return nodes


def joined(hashes: Sequence[bytes]) -> bytes:
    """Return the root of a tree, given the hashes of its complete subtrees from left (largest) to right."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def balanced_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over a power-of-two number of sibling hashes."""
    level = list(hashes)
    while len(level) > 1:
        level = [node_hash(left, right) for left, right in zip(level[::2], level[1::2], strict=True)]
    return level[0]


def root(reader: NodeReader, size: int) -> bytes:
    """Return the root of the tree of the first *size* leaves."""
    return joined(reader.hashes(nodes_of_range(0, size)))


def inclusion_proof(reader: NodeReader, index: int, size: int) -> list[bytes]:
    """Return the siblings that lead from leaf *index* up to the root of the tree of *size* leaves.

    Raises:
        Invalid: the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise Invalid(f"a tree of {size} leaves has no leaf {index}")
    return _hashes_of_ranges(reader, _inclusion_ranges(index, size))


def consistency_proof(reader: NodeReader, old: int, new: int) -> list[bytes]:
    """Return what shows that the tree of *old* leaves is a prefix of the tree of *new* leaves.

    Raises:
        Invalid: *old* is larger than *new*, or negative.
    """
    if not 0 <= old <= new:
        raise Invalid(f"a tree of {new} leaves does not extend one of {old}")
    return _hashes_of_ranges(reader, _consistency_ranges(old, new))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that *leaf* (a leaf hash) is number *index* of the tree with this size and root.

    Raises:
        ProofFailed: it is not shown.

    Source: RFC 9162 section 2.1.3.2.
    """
    if not 0 <= index < size <= _MOST_LEAVES:
        raise ProofFailed(f"a tree of {size} leaves has no leaf {index}")
    _check_lengths(leaf, root, *proof)
    position, last, computed = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofFailed("the inclusion proof is too long")
        if position & 1 or position == last:
            computed = node_hash(sibling, computed)
            position, last = _above_missing_siblings(position, last)
        else:
            computed = node_hash(computed, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise ProofFailed("the inclusion proof is too short")
    if computed != root:
        raise ProofFailed("the inclusion proof leads to another root")


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the tree (*new*, *new_root*) begins with all of the tree (*old*, *old_root*).

    Raises:
        ProofFailed: it is not shown.

    Source: RFC 9162 section 2.1.4.2.
    """
    if not 0 <= old <= new <= _MOST_LEAVES:
        raise ProofFailed(f"a tree of {new} leaves cannot extend one of {old}")
    _check_lengths(old_root, new_root, *proof)
    if old in {0, new}:
        _check_trivial(old, old_root, new_root, proof)
        return
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    position, last = _above_right_children(old - 1, new - 1)
    if not path:
        raise ProofFailed("the consistency proof is empty")
    seen_old = seen_new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofFailed("the consistency proof is too long")
        if position & 1 or position == last:
            seen_old, seen_new = node_hash(sibling, seen_old), node_hash(sibling, seen_new)
            position, last = _above_missing_siblings(position, last)
        else:
            seen_new = node_hash(seen_new, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise ProofFailed("the consistency proof is too short")
    if (seen_old, seen_new) != (old_root, new_root):
        raise ProofFailed("the trees are not consistent: the newer one does not contain the older one unchanged")


def _check_lengths(*hashes: bytes) -> None:
    if any(len(hash) != HASH_BYTES for hash in hashes):
        raise ProofFailed(f"every hash of a proof has {HASH_BYTES} bytes")


def _check_trivial(old: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    if proof:
        raise ProofFailed("the consistency proof is too long")
    if old_root != (new_root if old else EMPTY_ROOT):
        raise ProofFailed("two trees of the same size have different roots")


def _above_missing_siblings(position: int, last: int) -> tuple[int, int]:
    """Climb past the levels at which a node on the right edge has no sibling to its right."""
    while position and not position & 1:
        position, last = position >> 1, last >> 1
    return position, last


def _above_right_children(position: int, last: int) -> tuple[int, int]:
    """Climb to the largest complete subtree that ends with leaf *position*."""
    while position & 1:
        position, last = position >> 1, last >> 1
    return position, last


def _hashes_of_ranges(reader: NodeReader, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
    cut = [nodes_of_range(low, high) for low, high in ranges]
    hashes = iter(reader.hashes([node for nodes in cut for node in nodes]))
    return [joined([next(hashes) for _ in nodes]) for nodes in cut]


def _split(low: int, high: int) -> int:
    return low + (1 << ((high - low - 1).bit_length() - 1))


def _inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """The subtrees beside the path from a leaf to the root, leaf first (RFC 6962 section 2.1.1)."""
    ranges, low, high = [], 0, size
    while high - low > 1:
        middle = _split(low, high)
        if index < middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
    return ranges[::-1]


def _consistency_ranges(old: int, new: int) -> list[tuple[int, int]]:
    """The subtrees that rebuild both roots (RFC 6962 section 2.1.2)."""
    if old in {0, new}:
        return []
    ranges, low, high = [], 0, new
    while high != old:
        middle = _split(low, high)
        if old <= middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
    # The verifier knows the old root itself; any other remaining subtree must be told.
    if low:
        ranges.append((low, high))
    return ranges[::-1]
