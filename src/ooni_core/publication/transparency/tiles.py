"""Tiles: a Merkle tree as static files.

A tile holds up to 256 consecutive hashes of one level; the levels between are recomputed. Level 0 holds leaf hashes,
each hash of level *n* + 1 is the root of one full tile of level *n*. Only full tiles never change; the tile at the
right edge of a tree is *partial* and is kept under a name of its own for each width. Entry bundles hold the entries of
a level 0 tile.

Source: C2SP tlog-tiles (c2sp.org/tlog-tiles).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import attrs

from ooni_core.errors import Invalid
from ooni_core.publication.transparency.merkle import (
    HASH_BYTES,
    Node,
    ProofFailed,
    balanced_root,
    joined,
    leaf_hash,
    nodes_of_range,
)

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
_MOST_ENTRY_BYTES = 2**16 - 1
_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-5]\d?|[6-9]|6[0-3])/(?P<index>(?:x\d{3}/){0,5}\d{3})(?:\.p/(?P<width>[1-9]\d{0,2}))?",
    re.ASCII,
)


@attrs.frozen(order=True)
class Tile:
    """The address of one tile.

    Attributes:
        level: 0 to 63 for hashes; None for the bundle of entries below a level 0 tile.
        index: number of the tile in its level.
        width: number of hashes or entries in it, 1 to 256; less than 256 is a partial tile.
    """

    level: int | None
    index: int
    width: int = TILE_WIDTH

    def __attrs_post_init__(self) -> None:
        level_fits = self.level is None or 0 <= self.level <= 63
        if not (level_fits and self.index >= 0 and 1 <= self.width <= TILE_WIDTH):
            raise Invalid(f"there is no tile of level {self.level}, index {self.index}, width {self.width}")

    @classmethod
    def parse(cls, path: str) -> "Tile":
        """Read a path such as ``tile/0/x001/234.p/5``.

        Raises:
            Invalid: it is not one, or is not written in the one canonical way.
        """
        match = _PATH.fullmatch(path)
        if match is None:
            raise Invalid(f"{path[:80]!r} is not a tile: expected tile/<level or entries>/<index>[.p/<width>]")
        level = None if match["level"] == "entries" else int(match["level"])
        index = int(match["index"].replace("x", "").replace("/", ""))
        tile = cls(level, index, int(match["width"] or TILE_WIDTH))
        if tile.path != path:
            raise Invalid(f"{path[:80]!r} is not a tile path in its canonical form, {tile.path}")
        return tile

    @property
    def path(self) -> str:
        """Where the tile is, below the log's prefix."""
        digits = f"{self.index:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        name = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
        level = "entries" if self.level is None else str(self.level)
        return f"tile/{level}/{name}" + (f".p/{self.width}" if self.is_partial else "")

    @property
    def is_partial(self) -> bool:
        """True when more can still be added."""
        return self.width < TILE_WIDTH

    @property
    def whole(self) -> "Tile":
        """The same tile when it will be full."""
        return Tile(self.level, self.index)

    @property
    def hashes(self) -> "Tile":
        """The level 0 tile that belongs to an entry bundle."""
        return Tile(0, self.index, self.width)


class TileReader(Protocol):
    """Reads the tiles of a log."""

    def tile(self, tile: Tile) -> bytes:
        """Return the content of *tile*.

        A partial tile that is gone because the full one replaced it is cut from the full one.

        Raises:
            NotFound: the log has no such tile.
            Unavailable: the medium failed.
        """


def tile_in_tree(level: int | None, index: int, size: int) -> Tile:
    """Return the tile as it stands in the tree of *size* leaves.

    Raises:
        Invalid: that tree has no such tile.
    """
    width = (size >> (TILE_HEIGHT * (level or 0))) - index * TILE_WIDTH
    return Tile(level, index, min(width, TILE_WIDTH))


def right_edge(size: int) -> list[Tile]:
    """Return the partial tiles of the tree of *size* leaves, lowest level first."""
    tiles, level, hashes = [], 0, size
    while hashes:
        if hashes % TILE_WIDTH:
            tiles.append(Tile(level, hashes // TILE_WIDTH, hashes % TILE_WIDTH))
        level, hashes = level + 1, hashes // TILE_WIDTH
    return tiles


def hashes_of(content: bytes) -> list[bytes]:
    """Cut the content of a tile into its hashes.

    Raises:
        ProofFailed: the length is not one of a tile.
    """
    if not content or len(content) % HASH_BYTES or len(content) > TILE_WIDTH * HASH_BYTES:
        raise ProofFailed(f"a tile of {len(content)} bytes is damaged: expected 1 to 256 hashes of 32 bytes")
    return [content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)]


@attrs.frozen
class TiledNodes:
    """The complete subtrees of the tree of *size* leaves, read from its tiles (a NodeReader)."""

    reader: TileReader
    size: int

    def hashes(self, nodes: Sequence[Node]) -> list[bytes]:
        """Return the hash of each of *nodes*, reading each tile once."""
        read: dict[Tile, list[bytes]] = {}
        return [self._hash(node, read) for node in nodes]

    def _hash(self, node: Node, read: dict[Tile, list[bytes]]) -> bytes:
        level, height = divmod(node.level, TILE_HEIGHT)
        index, start = divmod(node.index << height, TILE_WIDTH)
        tile = tile_in_tree(level, index, self.size)
        if tile not in read:
            read[tile] = hashes_of(self.reader.tile(tile))
            if len(read[tile]) != tile.width:
                raise ProofFailed(f"{tile.path} is damaged: {len(read[tile])} hashes instead of {tile.width}")
        return balanced_root(read[tile][start : start + (1 << height)])


def edge_root(edge: Mapping[int, Sequence[bytes]], size: int) -> bytes:
    """Return the root of the tree of *size* leaves from its right edge alone.

    Args:
        edge: hashes of the partial tile of each level that has one.
        size: number of leaves.

    Raises:
        ProofFailed: the edge does not belong to a tree of that size.
    """
    hashes = []
    for node in nodes_of_range(0, size):
        level, height = divmod(node.level, TILE_HEIGHT)
        start = (node.index << height) % TILE_WIDTH
        covered = edge.get(level, ())[start : start + (1 << height)]
        if len(covered) != 1 << height:
            raise ProofFailed(f"the right edge of the tree is damaged at level {level}")
        hashes.append(balanced_root(covered))
    return joined(hashes)


@attrs.frozen
class Growth:
    """What a log gains by new leaves.

    Attributes:
        tiles: content of every new or changed hash tile.
        edge: the new right edge, by level.
        size: number of leaves afterwards.
    """

    tiles: Mapping[Tile, bytes]
    edge: Mapping[int, Sequence[bytes]]
    size: int

    @property
    def root(self) -> bytes:
        """Root of the grown tree."""
        return edge_root(self.edge, self.size)


def grow(edge: Mapping[int, Sequence[bytes]], size: int, leaves: Sequence[bytes]) -> Growth:
    """Add leaf hashes at the right edge of a tree.

    Args:
        edge: hashes of the partial tile of each level that has one.
        size: number of leaves so far.
        leaves: hashes of the new leaves.
    """
    tiles: dict[Tile, bytes] = {}
    new_edge: dict[int, Sequence[bytes]] = dict(edge)
    level, before, rising = 0, size, list(leaves)
    while rising:
        pending = [*edge.get(level, ()), *rising]
        full, rest = divmod(len(pending), TILE_WIDTH)
        first = before // TILE_WIDTH
        cut = [pending[at * TILE_WIDTH : (at + 1) * TILE_WIDTH] for at in range(full + (rest > 0))]
        tiles |= {Tile(level, first + at, len(hashes)): b"".join(hashes) for at, hashes in enumerate(cut)}
        new_edge[level] = cut[full] if rest else ()
        rising = [balanced_root(hashes) for hashes in cut[:full]]
        level, before = level + 1, first
    return Growth(tiles, {level: hashes for level, hashes in new_edge.items() if hashes}, size + len(leaves))


def bundle(entries: Sequence[bytes]) -> bytes:
    """Write entries one after the other, each behind its length in two bytes.

    Raises:
        Invalid: an entry is longer than 65,535 bytes.
    """
    for entry in entries:
        if len(entry) > _MOST_ENTRY_BYTES:
            raise Invalid(f"a log entry of {len(entry)} bytes is too long: at most {_MOST_ENTRY_BYTES}")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def unbundle(content: bytes) -> Iterator[bytes]:
    """Read the entries of a bundle.

    Raises:
        ProofFailed: it ends in the middle of an entry.
    """
    at = 0
    while at < len(content):
        length = int.from_bytes(content[at : at + 2], "big")
        entry = content[at + 2 : at + 2 + length]
        if len(entry) != length or at + 2 > len(content):
            raise ProofFailed("an entry bundle is damaged: it ends in the middle of an entry")
        yield entry
        at += 2 + length


def checked_entries(content: bytes, hashes: Sequence[bytes]) -> list[bytes]:
    """Read the entries of a bundle and check them against their level 0 tile.

    Raises:
        ProofFailed: an entry is not the one whose hash is in the tree.
    """
    entries = list(unbundle(content))
    if [leaf_hash(entry) for entry in entries] != list(hashes):
        raise ProofFailed("an entry bundle does not match the tree")
    return entries
