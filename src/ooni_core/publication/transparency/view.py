"""Reading a log: its state, its entries, and proofs about them. Works on any copy of the log's files."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

import attrs
import msgspec

from ooni_core.errors import NotFound
from ooni_core.measurement import MeasurementUid
from ooni_core.publication.transparency.checkpoint import Checkpoint, InclusionProof
from ooni_core.publication.transparency.leaves import Leaf, PublishedLeaf, WithdrawalLeaf, read_leaf
from ooni_core.publication.transparency.merkle import (
    HASH_BYTES,
    ProofFailed,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from ooni_core.publication.transparency.note import VerifierKey
from ooni_core.publication.transparency.ports import LogReader, SignatureCheck
from ooni_core.publication.transparency.tiles import (
    TILE_WIDTH,
    Tile,
    TiledNodes,
    bundle,
    checked_entries,
    hashes_of,
    tile_in_tree,
    unbundle,
)

CHECKPOINT_PATH = "checkpoint"


@attrs.frozen
class Segment:
    """Leaves that were appended together: all of one hour, sorted by uid.

    Attributes:
        kind: ``measurements`` or ``withdrawals``.
        hour: hour of arrival (UTC) in the uids of all of them, ``YYYYMMDDHH``.
        start: number of the first leaf.
        count: how many.
        sha256: hash (hex) of the bundle of all entries.
    """

    kind: str
    hour: str
    start: int
    count: int
    sha256: str

    @classmethod
    def parse(cls, content: bytes) -> "Segment":
        """Read a stored segment.

        Raises:
            ProofFailed: it is damaged.
        """
        try:
            return msgspec.json.decode(content, type=cls)
        except msgspec.MsgspecError as exc:
            raise ProofFailed(f"a segment of the log is damaged: {exc}") from exc

    @property
    def content(self) -> bytes:
        """The segment as it is stored."""
        return msgspec.json.encode(self)

    @property
    def end(self) -> int:
        """One past the last leaf: the size of the log once it is in."""
        return self.start + self.count


@attrs.frozen
class FoundLeaf:
    """A leaf and its number."""

    index: int
    leaf: Leaf


@attrs.frozen
class LogView:
    """Reads and checks one log.

    Attributes:
        reader: where its files are.
        origin: its name.
        keys: public keys that may sign its checkpoints.
        check: how signatures are checked.
    """

    reader: LogReader
    origin: str
    keys: Sequence[VerifierKey]
    check: SignatureCheck

    def checkpoint_note(self) -> bytes:
        """Return the newest checkpoint as published.

        Raises:
            NotFound: nothing was ever logged.
        """
        content = self.reader.read(CHECKPOINT_PATH)
        if content is None:
            raise NotFound(f"the log {self.origin} has no checkpoint yet")
        return content

    def checkpoint(self) -> Checkpoint:
        """Return the newest checkpoint, its signature checked.

        Raises:
            NotFound: nothing was ever logged.
            ProofFailed: no known key signed it.
        """
        return self.opened(self.checkpoint_note())

    def opened(self, note: bytes) -> Checkpoint:
        """Read a checkpoint of this log and check its signature.

        Raises:
            ProofFailed: no known key signed it, or a signature is wrong.
            Invalid: it is not a checkpoint of this log.
        """
        return Checkpoint.opened(note, self.origin, self.keys, self.check)

    def tile(self, tile: Tile) -> bytes:
        """Return the content of *tile*; a partial one that is gone is cut from the full one.

        Raises:
            NotFound: the log has no such tile.
        """
        content = self.reader.read(tile.path)
        if content is None and tile.is_partial:
            whole = self.reader.read(tile.whole.path)
            content = None if whole is None else _cut(tile, whole)
        if content is None:
            raise NotFound(f"the log has no {tile.path}")
        return content

    def entries(self, start: int, end: int, size: int) -> Iterator[bytes]:
        """Read entries *start* up to *end* of the tree of *size* leaves, each checked against the leaf hashes.

        Raises:
            ProofFailed: the stored entries do not match the stored tree.
        """
        for index in range(start // TILE_WIDTH, -(-end // TILE_WIDTH)):
            tile = tile_in_tree(None, index, size)
            entries = checked_entries(self.tile(tile), hashes_of(self.tile(tile.hashes)))
            first = index * TILE_WIDTH
            yield from entries[max(start - first, 0) : end - first]

    def segments(self, hour: str, size: int) -> Iterator[Segment]:
        """Return the segments of *hour* within the first *size* leaves, in the order in which they were appended."""
        number = 0
        while (content := self.reader.read(segment_path(hour, number))) is not None:
            segment = Segment.parse(content)
            if segment.end <= size:
                yield segment
            number += 1

    def find(self, uid: MeasurementUid, size: int) -> list[FoundLeaf]:
        """Return what the first *size* leaves say about *uid*, oldest first."""
        found = []
        for segment in self.segments(uid.hour, size):
            leaves = _Leaves(self, size)
            index = leaves.search(uid, segment)
            while index < segment.end and (leaf := leaves.at(index)).uid == uid:
                found.append(FoundLeaf(index, leaf))
                index += 1
        return found

    def withdrawals(self, size: int) -> Iterator[FoundLeaf]:
        """Return every withdrawal within the first *size* leaves, oldest first."""
        number = 0
        while (content := self.reader.read(withdrawal_path(number))) is not None:
            segment = Segment.parse(content)
            number += 1
            if segment.end > size:
                continue
            for index, entry in enumerate(self.entries(segment.start, segment.end, size), segment.start):
                yield FoundLeaf(index, read_leaf(entry))

    def prove(self, uid: MeasurementUid) -> "MeasurementProof":
        """Show that *uid* was published, and whether it was withdrawn.

        Raises:
            NotFound: the log does not know it.
            ProofFailed: the stored log is damaged.
        """
        note = self.checkpoint_note()
        checkpoint = self.opened(note)
        published: FoundLeaf | None = None
        withdrawn: FoundLeaf | None = None
        for found in self.find(uid, checkpoint.size):
            if isinstance(found.leaf, PublishedLeaf):
                published = published or found
            else:
                withdrawn = withdrawn or found
        if published is None:
            raise NotFound(f"the log says nothing about {uid.text}")
        return MeasurementProof(
            published,
            self._proof(published, checkpoint, note),
            withdrawn,
            self._proof(withdrawn, checkpoint, note) if withdrawn else None,
        )

    def verify_extends(self, old: Checkpoint, new: Checkpoint) -> None:
        """Check that the log only grew between two checkpoints.

        Raises:
            ProofFailed: something in it was changed or removed.
        """
        if old.size > new.size:
            raise ProofFailed(f"the log shrank from {old.size} to {new.size} leaves")
        proof = consistency_proof(TiledNodes(self, new.size), old.size, new.size) if old.size else []
        verify_consistency(old.size, new.size, old.root, new.root, proof)

    def _proof(self, found: FoundLeaf, checkpoint: Checkpoint, note: bytes) -> InclusionProof:
        hashes = inclusion_proof(TiledNodes(self, checkpoint.size), found.index, checkpoint.size)
        # A damaged tile must be noticed here, not by the person who relies on the proof.
        verify_inclusion(leaf_hash(found.leaf.entry), found.index, checkpoint.size, hashes, checkpoint.root)
        return InclusionProof(found.index, tuple(hashes), note)


@attrs.frozen
class _Leaves:
    """Single leaves of the tree of *size* leaves. Each bundle is read once; only what is asked for is hashed."""

    view: LogView
    size: int
    read: dict[int, tuple[list[bytes], list[bytes]]] = attrs.field(factory=dict)

    def at(self, index: int) -> Leaf:
        """Return one leaf, checked against the leaf hashes.

        Raises:
            ProofFailed: it does not match the stored tree.
        """
        number, place = divmod(index, TILE_WIDTH)
        if number not in self.read:
            tile = tile_in_tree(None, number, self.size)
            self.read[number] = list(unbundle(self.view.tile(tile))), hashes_of(self.view.tile(tile.hashes))
        entries, hashes = self.read[number]
        if len(entries) != len(hashes) or leaf_hash(entries[place]) != hashes[place]:
            raise ProofFailed("an entry bundle does not match the tree")
        return read_leaf(entries[place])

    def search(self, uid: MeasurementUid, segment: Segment) -> int:
        """Return the number of the first leaf in *segment* whose uid is not before *uid*.

        Measurements arrive evenly enough for their time to tell nearly where they are; every other step halves what is
        left, for hours in which they did not.
        """
        low, high, begin, end, halve = segment.start, segment.end, 0.0, 3600.0, False
        while low < high:
            share = 0.5 if halve or end <= begin else (_second(uid) - begin) / (end - begin)
            guess = low + int((high - 1 - low) * min(max(share, 0.0), 1.0))
            bundle_start = guess // TILE_WIDTH * TILE_WIDTH
            first, last = max(bundle_start, low), min(bundle_start + TILE_WIDTH, high)
            if uid < (found := self.at(first).uid):
                high, end = first, _second(found)
            elif uid > (found := self.at(last - 1).uid):
                low, begin = last, _second(found)
            else:
                return bisect_left(range(segment.end), uid, first, last, key=lambda index: self.at(index).uid)
            halve = not halve
        return low


def _second(uid: MeasurementUid) -> float:
    """Return when in its hour it arrived."""
    return int(uid.text[10:12]) * 60 + float(uid.text[12:21])


@attrs.frozen
class MeasurementProof:
    """What the log says about one measurement, and the proof of it."""

    published: FoundLeaf
    proof: InclusionProof
    withdrawn: FoundLeaf | None
    withdrawal_proof: InclusionProof | None

    @property
    def leaf(self) -> PublishedLeaf:
        """What was published."""
        assert isinstance(self.published.leaf, PublishedLeaf)
        return self.published.leaf

    @property
    def withdrawal(self) -> WithdrawalLeaf | None:
        """The withdrawal, if its body was withdrawn."""
        leaf = self.withdrawn.leaf if self.withdrawn else None
        return leaf if isinstance(leaf, WithdrawalLeaf) else None


def segment_path(hour: str, number: int) -> str:
    """Where the segments of an hour are: numbered from 0, without gaps, so that they are found without a listing."""
    return f"hours/{hour}/{number}"


def withdrawal_path(number: int) -> str:
    """Where the segments of withdrawals are: numbered from 0, without gaps."""
    return f"withdrawals/{number}"


def _cut(tile: Tile, whole: bytes) -> bytes:
    if tile.level is None:
        return bundle(list(unbundle(whole))[: tile.width])
    return whole[: tile.width * HASH_BYTES]
