"""Recently read parts of published files. They never change, so nothing ever needs to be thrown away for being old."""

from collections.abc import Hashable

import attrs


@attrs.define
class RecentParts:
    """A small least-recently-used store.

    Threads may share it without a lock: each step is one dictionary operation, and losing a race costs one more read.

    Attributes:
        parts: most parts kept.
        part_bytes: longer parts are not kept, so that memory is bounded by the product.
    """

    parts: int = 64
    part_bytes: int = 2**20
    _kept: dict[Hashable, bytes] = attrs.field(factory=dict, init=False)

    def get(self, key: Hashable) -> bytes | None:
        """Return a part, or None."""
        part = self._kept.pop(key, None)
        if part is not None:
            self._kept[key] = part
        return part

    def put(self, key: Hashable, part: bytes) -> None:
        """Keep a part, and let go of the one that was not asked for the longest."""
        if len(part) > self.part_bytes:
            return
        self._kept[key] = part
        while len(self._kept) > self.parts:
            self._kept.pop(next(iter(self._kept), None), None)
