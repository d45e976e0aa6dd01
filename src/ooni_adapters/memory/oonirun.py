"""OONI Run links in memory."""

import threading
from collections.abc import Sequence
from datetime import datetime
from itertools import count

import attrs

from ooni_core.errors import Conflict
from ooni_core.oonirun.model import LinkVersion


@attrs.define
class MemoryLinks:
    """A LinkStore that lives as long as the process."""

    _versions: dict[tuple[int, datetime], LinkVersion] = attrs.field(factory=dict, init=False)
    _lock: threading.RLock = attrs.field(factory=threading.RLock, init=False)

    def versions(self, link_ids: Sequence[int] | None = None) -> Sequence[LinkVersion]:
        """Return the versions of these links, or of all."""
        with self._lock:
            found = [each for each in self._versions.values() if link_ids is None or each.link_id in link_ids]
        return sorted(found, key=lambda each: (*each.order, each.link_id))

    def add(self, version: LinkVersion, after: LinkVersion | None) -> None:
        """Keep another version where *after* is the latest one."""
        with self._lock:
            if list(self.versions([version.link_id]))[-1:] != ([after] if after else []):
                raise Conflict(f"OONI Run link {version.link_id} was changed meanwhile")
            self._versions[version.link_id, version.descriptor_creation_time] = version

    def archive(self, link_id: int) -> None:
        """Mark every version."""
        with self._lock:
            for each in self.versions([link_id]):
                self._versions[link_id, each.descriptor_creation_time] = attrs.evolve(each, archived=True)

    def first_free(self, start: int) -> int:
        """Return the lowest id from *start* on that no link has."""
        with self._lock:
            taken = {link_id for link_id, _ in self._versions}
        return next(id for id in count(start) if id not in taken)
