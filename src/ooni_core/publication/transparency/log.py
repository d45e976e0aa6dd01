"""Writing the log: appending sealed hours and withdrawals, safely repeated after a crash at any instant.

State lives beside the data, in files that are written once:

- ``pending/<sha256>``: the entries somebody is about to append;
- ``appends/<size>``: which of them come next in the log of that size. Whoever writes this file first decides, so two
  hosts that share one log never fork it; the other one finishes this append and then makes its own;
- ``tile/…``, ``hours/…``, ``withdrawals/…``: what readers need; fully determined by the two files above;
- ``checkpoints/<size>``: each checkpoint ever signed;
- ``checkpoint``: a copy of the newest one, the only file that is replaced.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

import attrs

from ooni_core.errors import Conflict, Invalid, NotFound, Unavailable
from ooni_core.measurement import MeasurementUid
from ooni_core.publication.model import Manifest
from ooni_core.publication.transparency.checkpoint import Checkpoint
from ooni_core.publication.transparency.leaves import (
    Leaf,
    PublishedLeaf,
    WithdrawalLeaf,
    WithdrawalReason,
    read_leaf,
)
from ooni_core.publication.transparency.merkle import ProofFailed, leaf_hash
from ooni_core.publication.transparency.note import VerifierKey
from ooni_core.publication.transparency.ports import LogStorage, SignatureCheck, Signer
from ooni_core.publication.transparency.tiles import (
    TILE_WIDTH,
    Tile,
    bundle,
    checked_entries,
    edge_root,
    grow,
    hashes_of,
    right_edge,
    unbundle,
)
from ooni_core.publication.transparency.view import (
    CHECKPOINT_PATH,
    FoundLeaf,
    LogView,
    Segment,
    segment_path,
    withdrawal_path,
)

_MEASUREMENTS = "measurements"
_WITHDRAWALS = "withdrawals"
_MOST_ATTEMPTS = 100


@attrs.define
class TransparencyLog:
    """Appends to one log.

    Attributes:
        storage: where its files are.
        signers: the keys that sign checkpoints; the name of the first is the log's origin.
        check: how signatures are checked.
        former_keys: public keys that signed earlier checkpoints and no longer sign.
    """

    storage: LogStorage
    signers: Sequence[Signer] = attrs.field(validator=attrs.validators.min_len(1))
    check: SignatureCheck
    former_keys: Sequence[VerifierKey] = ()
    _tip: Checkpoint | None = attrs.field(default=None, init=False)

    @property
    def view(self) -> LogView:
        """The log as readers see it."""
        keys = [VerifierKey(signer.name, signer.public_key) for signer in self.signers]
        return LogView(self.storage, self.signers[0].name, [*keys, *self.former_keys], self.check)

    def append_hour(self, hour: str, leaves: Iterable[PublishedLeaf]) -> Checkpoint:
        """Add what was published of one hour, in the order of the uids, and sign the new state.

        Leaves that are in the log already are left out, so repeating a call, whole or in part, adds nothing twice. An
        hour may be appended in several calls.

        Args:
            hour: hour of arrival (UTC), ``YYYYMMDDHH``.
            leaves: in any order; each of a measurement that arrived in that hour.

        Returns:
            A signed state of the log that has all of them; what was there before when nothing is new.

        Raises:
            Invalid: a measurement arrived in another hour.
            Conflict: the log says other bytes were published under one of these uids; nothing was added.
            ProofFailed: the stored log does not match its signed state; nothing was added.
            Unavailable: the storage failed. Some of it may be done; calling again finishes it.
        """
        wanted = {leaf.uid: leaf for leaf in sorted(leaves, key=lambda leaf: leaf.uid)}
        for uid in wanted:
            if uid.hour != hour:
                raise Invalid(f"{uid.text} did not arrive in hour {hour}")

        def missing(known: Iterable[FoundLeaf]) -> list[Leaf]:
            published = {found.leaf.uid: found.leaf for found in known if isinstance(found.leaf, PublishedLeaf)}
            for uid in published.keys() & wanted.keys():
                if published[uid] != wanted[uid]:
                    raise Conflict(f"the log says that {uid.text} was published with other bytes")
            return [leaf for uid, leaf in wanted.items() if uid not in published]

        return self._append(_MEASUREMENTS, hour, missing)

    def append_manifest(self, manifest: Manifest) -> Checkpoint:
        """Add every measurement that the files of *manifest* publish; does and raises what ``append_hour`` does.

        Lines that stand for an unreadable body are left out: there is nothing that anybody could fetch and compare.
        """
        lines = (line for batch in manifest.batches for line in batch.lines if not line.problem)
        return self.append_hour(
            manifest.hour,
            (PublishedLeaf(MeasurementUid(x.measurement_uid), bytes.fromhex(x.sha256), x.length) for x in lines),
        )

    def withdraw(self, uid: MeasurementUid, reason: WithdrawalReason, time: datetime) -> Checkpoint:
        """State that the body of *uid* was withdrawn. Repeating it adds nothing.

        Raises:
            NotFound: the log does not know *uid*.
            ProofFailed: the stored log does not match its signed state; nothing was added.
            Unavailable: the storage failed. Some of it may be done; calling again finishes it.
        """

        def statement(known: Iterable[FoundLeaf]) -> list[Leaf]:
            about = [found for found in known if found.leaf.uid == uid]
            if any(isinstance(found.leaf, WithdrawalLeaf) for found in about):
                return []
            for found in about:
                if isinstance(found.leaf, PublishedLeaf):
                    return [WithdrawalLeaf.make(found.leaf, found.index, reason, time, self.signers)]
            raise NotFound(f"the log does not say that {uid.text} was published")

        return self._append(_WITHDRAWALS, uid.hour, statement)

    def _append(self, kind: str, hour: str, choose: Callable[[Iterable[FoundLeaf]], list[Leaf]]) -> Checkpoint:
        for _ in range(_MOST_ATTEMPTS):
            tip = self.settle()
            entries = [leaf.entry for leaf in choose(self.leaves_of(hour, tip.size))]
            if not entries:
                return tip
            content = bundle(entries)
            segment = Segment(kind, hour, tip.size, len(entries), hashlib.sha256(content).hexdigest())
            self.storage.add(_pending_path(segment), content)
            try:
                self.storage.add(_append_path(tip.size), segment.content)
            except Conflict:
                continue  # another host was faster: finish what it began, then look again
            return self.settle()
        raise Unavailable("the log could not be extended: other hosts were faster each time")

    def leaves_of(self, hour: str, size: int) -> Iterator[FoundLeaf]:
        """Return what the first *size* leaves say about the measurements of *hour*, in the order of the log."""
        for segment in self.view.segments(hour, size):
            for index, entry in enumerate(self.view.entries(segment.start, segment.end, size), segment.start):
                yield FoundLeaf(index, read_leaf(entry))

    def settle(self) -> Checkpoint:
        """Finish every append that was begun, by whomever, and return the newest state.

        Raises:
            ProofFailed: the stored log does not match its signed state.
            Unavailable: the storage failed. Calling again finishes it.
        """
        tip = self._tip or self._newest()
        finished: list[tuple[Checkpoint, Segment]] = []
        while (content := self.storage.read(_append_path(tip.size))) is not None:
            segment = Segment.parse(content)
            finished.append((tip, segment))
            note = self._finish(tip, segment)
            tip = self.view.opened(note)
            self._tip = None  # until readers are told
        if finished:
            self.storage.point(CHECKPOINT_PATH, note)
        for before, segment in finished:
            self._clean(before, segment)
        self._tip = tip
        return tip

    def _newest(self) -> Checkpoint:
        """Find a recent state; later ones are found from there."""
        content = self.storage.read(CHECKPOINT_PATH)
        if content is None:
            names = self.storage.names("checkpoints")
            content = self.storage.read(names[-1]) if names else None
            if content is not None:
                self.storage.point(CHECKPOINT_PATH, content)
        return Checkpoint.empty(self.view.origin) if content is None else self.view.opened(content)

    def _finish(self, tip: Checkpoint, segment: Segment) -> bytes:
        """Write what one begun append leads to; return the checkpoint that seals it."""
        path = _checkpoint_path(segment.end)
        sealed = self.storage.read(path)
        if sealed is not None:
            return sealed
        content = self.storage.read(_pending_path(segment))
        if content is None:
            sealed = self.storage.read(path)  # another host has just finished it
            if sealed is None:
                raise ProofFailed(f"the entries of the append at {segment.start} are lost")
            return sealed
        if hashlib.sha256(content).hexdigest() != segment.sha256:
            raise ProofFailed(f"the entries of the append at {segment.start} are damaged")
        root = self._write_tiles(tip, list(unbundle(content)))
        self._write_numbered(segment_path, segment)
        if segment.kind == _WITHDRAWALS:
            self._write_numbered(lambda _, number: withdrawal_path(number), segment)
        return self._seal(path, Checkpoint(tip.origin, segment.end, root))

    def _write_tiles(self, tip: Checkpoint, entries: Sequence[bytes]) -> bytes:
        view = self.view
        edge = {tile.level or 0: hashes_of(view.tile(tile)) for tile in right_edge(tip.size)}
        if edge_root(edge, tip.size) != tip.root:
            raise ProofFailed("the stored tiles do not match the signed checkpoint: refusing to extend the log")
        growth = grow(edge, tip.size, [leaf_hash(entry) for entry in entries])
        first, rest = divmod(tip.size, TILE_WIDTH)
        last = checked_entries(view.tile(Tile(None, first, rest)), edge[0]) if rest else []
        together = [*last, *entries]
        for start in range(0, len(together), TILE_WIDTH):
            cut = together[start : start + TILE_WIDTH]
            self.storage.add(Tile(None, first + start // TILE_WIDTH, len(cut)).path, bundle(cut))
        for tile, content in growth.tiles.items():
            self.storage.add(tile.path, content)
        return growth.root

    def _write_numbered(self, path: Callable[[str, int], str], segment: Segment) -> None:
        number = 0
        while True:
            there = self.storage.read(path(segment.hour, number))
            if there == segment.content:
                return
            if there is None:
                self.storage.add(path(segment.hour, number), segment.content)
                return
            number += 1

    def _seal(self, path: str, checkpoint: Checkpoint) -> bytes:
        note = checkpoint.signed(self.signers)
        try:
            self.storage.add(path, note)
        except Conflict as exc:
            # A host with another set of keys sealed the same append. Both statements must be about the same tree.
            note = self.storage.read(path) or b""
            if self.view.opened(note) != checkpoint:
                raise ProofFailed(f"two different trees of {checkpoint.size} leaves were signed") from exc
        return note

    def _clean(self, before: Checkpoint, segment: Segment) -> None:
        """Forget what the finished append made superfluous."""
        self.storage.remove(_pending_path(segment))
        filled = [tile for tile in right_edge(before.size) if _is_full(tile, segment.end)]
        for tile in filled:
            both = [tile.whole, Tile(None, tile.index)] if tile.level == 0 else [tile.whole]
            for whole in both:
                for name in self.storage.names(f"{whole.path}.p"):
                    self.storage.remove(name)


def _is_full(tile: Tile, size: int) -> bool:
    return (size >> (8 * (tile.level or 0))) >= (tile.index + 1) * TILE_WIDTH


def _pending_path(segment: Segment) -> str:
    return f"pending/{segment.sha256}"


def _append_path(size: int) -> str:
    return f"appends/{size:020d}"


def _checkpoint_path(size: int) -> str:
    return f"checkpoints/{size:020d}"
