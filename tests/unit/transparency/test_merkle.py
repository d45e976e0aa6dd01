"""Merkle hashing and proofs: published vectors, every small tree, every flipped bit."""

import random
from collections.abc import Callable, Iterator

import pytest

from ooni_core.errors import Invalid
from ooni_core.publication.transparency.merkle import (
    EMPTY_ROOT,
    ProofFailed,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    nodes_of_range,
    root,
    verify_consistency,
    verify_inclusion,
)

# The test vectors of Certificate Transparency (RFC 6962), as every implementation publishes them.
ENTRIES = [
    bytes.fromhex(entry)
    for entry in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
H1 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
H23 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
H4567 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
H4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
H67 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
H45 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
INCLUSIONS = [
    (0, 1, []),
    (0, 2, [H1]),
    (1, 2, [ROOTS[1]]),
    (2, 3, [ROOTS[2]]),
    (1, 5, [ROOTS[1], H23, H4]),
    (0, 8, [H1, H23, H4567]),
    (5, 8, [H4, H67, ROOTS[4]]),
]
CONSISTENCIES = [
    (1, 1, []),
    (1, 8, [H1, H23, H4567]),
    (2, 5, [H23, H4]),
    (6, 8, [H45, H67, ROOTS[4]]),
]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_the_published_ones(size, make_tree):
    assert root(make_tree(ENTRIES), size).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSIONS)
def test_inclusion_proofs_are_the_published_ones(index, size, proof, make_tree):
    hashes = inclusion_proof(make_tree(ENTRIES), index, size)
    assert [hash.hex() for hash in hashes] == proof
    verify_inclusion(leaf_hash(ENTRIES[index]), index, size, hashes, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("old", "new", "proof"), CONSISTENCIES)
def test_consistency_proofs_are_the_published_ones(old, new, proof, make_tree):
    hashes = consistency_proof(make_tree(ENTRIES), old, new)
    assert [hash.hex() for hash in hashes] == proof
    verify_consistency(old, new, bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[new]), hashes)


def test_inclusion_of_every_leaf_of_every_tree_to_300(big_tree):
    for size in range(1, 301):
        whole = big_tree.mth(0, size)
        assert root(big_tree, size) == whole
        for index in range(size):
            proof = inclusion_proof(big_tree, index, size)
            assert proof == big_tree.path(index, 0, size)
            verify_inclusion(leaf_hash(big_tree.entries[index]), index, size, proof, whole)


def test_consistency_of_every_pair_of_trees_to_300(big_tree):
    for new in range(1, 301):
        for old in range(1, new + 1):
            proof = consistency_proof(big_tree, old, new)
            assert proof == big_tree.subproof(old, 0, new)
            verify_consistency(old, new, big_tree.mth(0, old), big_tree.mth(0, new), proof)


def _flipped(parts: list[bytes]) -> Iterator[list[bytes]]:
    """Yield *parts* with each bit flipped in turn."""
    for place, part in enumerate(parts):
        for bit in range(256):
            other = (int.from_bytes(part, "big") ^ (1 << bit)).to_bytes(32, "big")
            yield [*parts[:place], other, *parts[place + 1 :]]


def _is_refused(verify: Callable[..., None], *arguments: object) -> bool:
    try:
        verify(*arguments)
    except ProofFailed:
        return True
    return False


def test_every_flipped_bit_of_an_inclusion_proof_is_noticed(big_tree):
    pick = random.Random(7)
    for size in range(1, 301):
        index = pick.randrange(size)
        parts = [leaf_hash(big_tree.entries[index]), big_tree.mth(0, size), *inclusion_proof(big_tree, index, size)]
        for leaf, whole, *proof in _flipped(parts):
            assert _is_refused(verify_inclusion, leaf, index, size, proof, whole)


def test_every_flipped_bit_of_a_consistency_proof_is_noticed(big_tree):
    pick = random.Random(8)
    for new in range(1, 301):
        old = pick.randint(1, new)
        parts = [big_tree.mth(0, old), big_tree.mth(0, new), *consistency_proof(big_tree, old, new)]
        for old_root, new_root, *proof in _flipped(parts):
            assert _is_refused(verify_consistency, old, new, old_root, new_root, proof)


def test_inclusion_proof_of_another_place_or_length_is_refused(big_tree):
    for size in range(1, 70):
        whole = big_tree.mth(0, size)
        for index in range(size):
            leaf, proof = leaf_hash(big_tree.entries[index]), inclusion_proof(big_tree, index, size)
            places = [(other, proof) for other in range(-1, size + 1) if other != index]
            lengths = [(index, [*proof, leaf]), (index, [leaf, *proof])] + ([(index, proof[:-1])] if proof else [])
            for place, hashes in places + lengths:
                assert _is_refused(verify_inclusion, leaf, place, size, hashes, whole)


def test_consistency_proof_of_other_sizes_or_length_is_refused(big_tree):
    for new in range(2, 40):
        for old in range(1, new):
            roots = big_tree.mth(0, old), big_tree.mth(0, new)
            proof = consistency_proof(big_tree, old, new)
            for hashes in ([*proof, roots[0]], [roots[0], *proof], proof[:-1], proof[1:], []):
                assert _is_refused(verify_consistency, old, new, *roots, hashes)
            assert _is_refused(verify_consistency, new, old, *roots, proof)


def test_empty_tree_is_a_prefix_of_every_tree_and_only_with_its_own_root(big_tree):
    verify_consistency(0, 5, EMPTY_ROOT, big_tree.mth(0, 5), consistency_proof(big_tree, 0, 5))
    with pytest.raises(ProofFailed):
        verify_consistency(0, 5, big_tree.mth(0, 1), big_tree.mth(0, 5), [])


def test_equal_sizes_with_different_roots_are_not_consistent(big_tree):
    with pytest.raises(ProofFailed):
        verify_consistency(5, 5, big_tree.mth(0, 5), big_tree.mth(5, 10), [])


@pytest.mark.parametrize(("index", "size"), [(5, 5), (-1, 5), (0, 0)])
def test_proof_of_a_leaf_that_is_not_there_is_not_made(index, size, big_tree):
    with pytest.raises(Invalid, match="has no leaf"):
        inclusion_proof(big_tree, index, size)


def test_proof_that_a_tree_shrank_is_not_made(big_tree):
    with pytest.raises(Invalid, match="does not extend"):
        consistency_proof(big_tree, 6, 5)


def test_hashes_of_other_lengths_are_refused(big_tree):
    with pytest.raises(ProofFailed, match="32 bytes"):
        verify_inclusion(b"short", 0, 1, [], b"short")


def test_leaf_cannot_pass_for_an_inner_node():
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)


def test_range_is_cut_into_complete_subtrees_from_the_largest():
    cut = [((node.index << node.level), (node.index + 1) << node.level) for node in nodes_of_range(0, 300)]
    assert cut == [(0, 256), (256, 288), (288, 296), (296, 300)]
