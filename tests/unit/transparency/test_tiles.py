"""Tiles: names, widths and growth, as C2SP tlog-tiles describes them."""

import pytest

from ooni_core.errors import Invalid, NotFound
from ooni_core.publication.transparency.merkle import (
    ProofFailed,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
)
from ooni_core.publication.transparency.tiles import (
    Tile,
    TiledNodes,
    bundle,
    checked_entries,
    edge_root,
    grow,
    hashes_of,
    right_edge,
    tile_in_tree,
    unbundle,
)


class TilesInMemory:
    def __init__(self, tiles=()):
        self.tiles = dict(tiles)

    def tile(self, tile):
        if tile not in self.tiles:
            raise NotFound(tile.path)
        return self.tiles[tile]


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 1234067), "tile/0/x001/x234/067"),
        (Tile(0, 0), "tile/0/000"),
        (Tile(1, 5, 17), "tile/1/005.p/17"),
        (Tile(None, 999, 255), "tile/entries/999.p/255"),
        (Tile(None, 1000), "tile/entries/x001/000"),
        (Tile(63, 0, 1), "tile/63/000.p/1"),
    ],
)
def test_tile_has_the_path_of_the_specification(tile, path):
    assert tile.path == path
    assert Tile.parse(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/1234067",
        "tile/0/001/234/067",
        "tile/0/x001/x234/x067",
        "tile/0/x000/067",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/05",
        "tile/data/000",
        "tile/0/000/",
        "/tile/0/000",
        "tile/0/../000",
        "tile/0/٠٠٠",
        "",
    ],
)
def test_path_that_is_not_canonical_is_refused(path):
    with pytest.raises(Invalid):
        Tile.parse(path)


@pytest.mark.parametrize(("level", "index", "width"), [(64, 0, 1), (-1, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)])
def test_impossible_tile_cannot_be_made(level, index, width):
    with pytest.raises(Invalid, match="there is no tile"):
        Tile(level, index, width)


def test_tree_of_70000_leaves_has_the_tiles_of_the_specification():
    growth = grow({}, 0, [leaf_hash(b"%d" % number) for number in range(70_000)])
    widths = [(tile.level, tile.width) for tile in growth.tiles]
    assert widths.count((0, 256)) == 273
    assert sorted(width for width in widths if width != (0, 256)) == [(0, 112), (1, 17), (1, 256), (2, 1)]
    assert right_edge(70_000) == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]


def test_tree_of_256_leaves_has_one_full_tile_and_a_tile_of_one_hash_above():
    assert [tile.path for tile in grow({}, 0, [leaf_hash(b"")] * 256).tiles] == ["tile/0/000", "tile/1/000.p/1"]
    assert right_edge(256) == [Tile(1, 0, 1)]


def test_tiles_of_every_tree_to_300_give_the_same_proofs_as_the_definition(big_tree):
    store, edge = TilesInMemory(), {}
    for size in range(1, 301):
        growth = grow(edge, size - 1, [leaf_hash(big_tree.entries[size - 1])])
        store.tiles |= growth.tiles
        edge = growth.edge
        assert growth.root == big_tree.mth(0, size)
        nodes = TiledNodes(store, size)
        for index in {0, size // 3, size - 1}:
            assert inclusion_proof(nodes, index, size) == big_tree.path(index, 0, size)
        for old in {1, size // 2 or 1, size}:
            assert consistency_proof(nodes, old, size) == big_tree.subproof(old, 0, size)


@pytest.mark.parametrize("steps", [[1000], [1, 255, 1, 255, 256, 232], [255, 2, 743], [600, 400], [256, 256, 256, 232]])
def test_growing_in_steps_ends_in_the_same_tiles_as_growing_at_once(steps, big_tree):
    hashes = [leaf_hash(entry) for entry in big_tree.entries]
    edge, size, tiles = {}, 0, {}
    for step in steps:
        growth = grow(edge, size, hashes[size : size + step])
        tiles |= growth.tiles
        edge, size = growth.edge, growth.size
        assert growth.root == big_tree.mth(0, size)
    at_once = grow({}, 0, hashes)
    assert {tile: tiles[tile] for tile in at_once.tiles} == at_once.tiles
    assert edge_root(edge, 1000) == at_once.root


def test_edge_that_does_not_fit_the_size_is_refused(big_tree):
    growth = grow({}, 0, [leaf_hash(entry) for entry in big_tree.entries[:300]])
    with pytest.raises(ProofFailed, match="right edge"):
        edge_root(growth.edge, 301)


def test_tile_of_another_width_than_the_tree_needs_is_refused(big_tree):
    growth = grow({}, 0, [leaf_hash(entry) for entry in big_tree.entries[:5]])
    store = TilesInMemory({Tile(0, 0, 5): growth.tiles[Tile(0, 0, 5)][:-32]})
    with pytest.raises(ProofFailed, match="4 hashes instead of 5"):
        inclusion_proof(TiledNodes(store, 5), 0, 5)


@pytest.mark.parametrize("length", [0, 31, 33, 257 * 32])
def test_content_that_is_not_a_tile_is_refused(length):
    with pytest.raises(ProofFailed, match="damaged"):
        hashes_of(bytes(length))


def test_tree_has_no_tile_beyond_its_edge():
    assert tile_in_tree(0, 1, 300) == Tile(0, 1, 44)
    with pytest.raises(Invalid):
        tile_in_tree(0, 2, 300)


def test_bundle_holds_each_entry_behind_its_length():
    assert bundle([b"", b"a", b"bc"]).hex() == "0000" + "000161" + "00026263"
    entries = [b"", b"x" * 65_535, b"y"]
    assert list(unbundle(bundle(entries))) == entries


def test_entry_that_is_too_long_is_refused():
    with pytest.raises(Invalid, match="too long"):
        bundle([bytes(65_536)])


def test_bundle_cut_short_at_any_byte_is_noticed():
    whole = bundle([b"one", b"two"])
    for length in range(1, len(whole)):
        if length != 5:  # a cut between two entries shows only against the tile
            with pytest.raises(ProofFailed):
                list(unbundle(whole[:length]))


def test_entries_are_checked_against_the_tree():
    hashes = [leaf_hash(b"one"), leaf_hash(b"two")]
    assert checked_entries(bundle([b"one", b"two"]), hashes) == [b"one", b"two"]
    for wrong in ([b"one"], [b"two", b"one"], [b"one", b"twO"], [b"one", b"two", b"three"]):
        with pytest.raises(ProofFailed, match="does not match"):
            checked_entries(bundle(wrong), hashes)
