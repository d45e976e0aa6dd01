"""The last good test lists in a file."""

import gzip
import logging
import os
from pathlib import Path

import attrs
import orjson

from ooni_core.errors import Unavailable
from ooni_core.prioritization.model import ListedUrl, TestLists

_log = logging.getLogger(__name__)


@attrs.frozen
class FailoverFile:
    """A FailoverCopy in one compressed JSON file."""

    file: Path

    def save(self, lists: TestLists) -> None:
        """Replace the copy."""
        rows = [[e.url, e.domain, e.cc, e.category_code] for entries in lists.by_cc.values() for e in entries]
        partial = self.file.with_name(f".{self.file.name}.{os.getpid()}.tmp")  # several processes keep the same copy
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(gzip.compress(orjson.dumps(rows), 1))
            partial.replace(self.file)
        except OSError as exc:
            raise Unavailable(f"cannot keep a copy of the test lists in {self.file}") from exc

    def load(self) -> TestLists | None:
        """Return the copy, or None when there is none that can be read."""
        try:
            rows = orjson.loads(gzip.decompress(self.file.read_bytes()))
            return TestLists.of([ListedUrl(*row) for row in rows])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, EOFError) as exc:
            _log.warning("the copy of the test lists in %s cannot be read: %s", self.file, exc)
            return None
