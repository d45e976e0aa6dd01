"""Checking a log from end to end: its files form the signed tree, and every published body is the logged one."""

from collections.abc import Callable, Collection, Iterator, Mapping

import attrs

from ooni_core.errors import Invalid, NotFound
from ooni_core.measurement import MeasurementUid
from ooni_core.publication.files import gunzip, read_sidecar
from ooni_core.publication.model import JSONL, SIDECAR, BatchName
from ooni_core.publication.ports import ObjectStore
from ooni_core.publication.transparency.checkpoint import Checkpoint
from ooni_core.publication.transparency.leaves import PublishedLeaf, WithdrawalLeaf, read_leaf
from ooni_core.publication.transparency.merkle import EMPTY_ROOT, ProofFailed, leaf_hash
from ooni_core.publication.transparency.tiles import grow
from ooni_core.publication.transparency.view import LogView

_STEP = 1 << 16
_PARTS_OF_A_KEY = 6  # raw/<day>/<hour>/<country>/<nettest>/<file>


def _silent(leaves: int) -> None:
    """Nobody watches."""


@attrs.frozen
class TreeAudit:
    """What a whole log says.

    Attributes:
        measurements: number of leaves that publish a measurement.
        hours: hours of arrival (UTC) that have any.
        withdrawn: withdrawals by uid.
    """

    measurements: int
    hours: Collection[str]
    withdrawn: Mapping[MeasurementUid, WithdrawalLeaf]


def audit_tree(view: LogView, checkpoint: Checkpoint, progress: Callable[[int], None] = _silent) -> TreeAudit:
    """Read every entry and every tile, and rebuild the signed root from them.

    Args:
        view: the log.
        checkpoint: the signed state that must come out.
        progress: called with the number of leaves whenever some were read.

    Raises:
        ProofFailed: an entry, a tile or the root is not what was signed, or a withdrawal is not signed.
        NotFound: a file of the log is missing.
    """
    edge: Mapping[int, list[bytes]] = {}
    root, published, hours = EMPTY_ROOT, 0, set()
    withdrawn: dict[MeasurementUid, WithdrawalLeaf] = {}
    for start in range(0, checkpoint.size, _STEP):
        end = min(start + _STEP, checkpoint.size)
        entries = list(view.entries(start, end, checkpoint.size))
        growth = grow(edge, start, [leaf_hash(entry) for entry in entries])
        edge, root = {level: list(hashes) for level, hashes in growth.edge.items()}, growth.root
        for tile, content in growth.tiles.items():
            # Above level 0, tiles that are partial after this step only are not stored.
            if (not tile.is_partial or end == checkpoint.size) and view.tile(tile) != content:
                raise ProofFailed(f"{tile.path} does not match the entries below it")
        for leaf in map(read_leaf, entries):
            hours.add(leaf.uid.hour)
            if isinstance(leaf, PublishedLeaf):
                published += 1
            else:
                _check_withdrawal(view, leaf, checkpoint.size)
                withdrawn[leaf.uid] = leaf
        progress(end - start)
    if root != checkpoint.root:
        raise ProofFailed("the entries of the log do not lead to the signed root")
    return TreeAudit(published, hours, withdrawn)


def _check_withdrawal(view: LogView, leaf: WithdrawalLeaf, size: int) -> None:
    leaf.note.verified(view.keys, view.check)
    about = read_leaf(next(view.entries(leaf.leaf, leaf.leaf + 1, size)))
    if not isinstance(about, PublishedLeaf) or (about.uid, about.sha256) != (leaf.uid, leaf.sha256):
        raise ProofFailed(f"the withdrawal of {leaf.uid.text} is not about what leaf {leaf.leaf} published")


@attrs.define
class BodyAudit:
    """Compares the published bodies in an object store with the log, hour by hour.

    Attributes:
        bodies: number of bodies that are exactly as logged.
        files: number of ``.jsonl.gz`` files read.
    """

    view: LogView
    size: int
    withdrawn: Collection[MeasurementUid]
    objects: ObjectStore
    bodies: int = 0
    files: int = 0

    def hours(self, logged: Collection[str]) -> list[str]:
        """Return the hours to check: those of the log and, from the first of them on, every other that has files."""
        parts = (key.split("/") for key in self.objects.keys("raw"))
        published = {f"{part[1]}{part[2]}" for part in parts if len(part) == _PARTS_OF_A_KEY}
        return sorted({*logged, *(hour for hour in published if logged and hour > min(logged))})

    def check_hour(self, hour: str) -> Iterator[str]:
        """Yield one sentence for each body of *hour* (``YYYYMMDDHH``) that is not as the log says."""
        logged = {leaf.uid: leaf for leaf in self._logged(hour)}
        for key in list(self.objects.keys(f"raw/{hour[:8]}/{hour[8:]}")):
            if key.endswith(JSONL):
                self.files += 1
                yield from self._check_file(key, logged)
        for uid in logged:
            if uid not in self.withdrawn:
                yield f"{uid.text} is in the log, and its body is missing"

    def _logged(self, hour: str) -> Iterator[PublishedLeaf]:
        for segment in self.view.segments(hour, self.size):
            for entry in self.view.entries(segment.start, segment.end, self.size):
                leaf = read_leaf(entry)
                if isinstance(leaf, PublishedLeaf):
                    yield leaf

    def _check_file(self, key: str, logged: dict[MeasurementUid, PublishedLeaf]) -> Iterator[str]:
        try:
            name, _ = BatchName.parse(key)
            lines = read_sidecar(self.objects.get(name.key(SIDECAR)))
            texts = gunzip(self.objects.get(key)).split(b"\n")
        except NotFound:
            yield f"{key} has no index beside it: its measurements cannot be named"
            return
        except Invalid as exc:
            yield f"{key} cannot be read: {exc}"
            return
        for line in lines:
            text = texts[line.linenum] if line.linenum < len(texts) else b""
            problem = "" if line.problem else self._compare(MeasurementUid(line.measurement_uid), text, logged)
            if problem:
                yield f"{line.measurement_uid} in {key} {problem}"

    def _compare(self, uid: MeasurementUid, text: bytes, logged: dict[MeasurementUid, PublishedLeaf]) -> str:
        leaf = logged.pop(uid, None)
        if leaf is None:
            return "is not in the log, or published twice"
        if uid in self.withdrawn:
            return "was withdrawn, and its body is still here"
        if PublishedLeaf.of(uid, text) != leaf:
            return "is not what was published"
        self.bodies += 1
        return ""
