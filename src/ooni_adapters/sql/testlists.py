"""Test lists in the ``citizenlab`` table."""

import hashlib
import logging
from collections.abc import Iterator, Sequence

import attrs
import pyarrow as pa

from ooni_adapters.sql.datasets import activate
from ooni_adapters.sql.engine import Limits, SqlEngine
from ooni_adapters.sql.tables import CITIZENLAB
from ooni_core.prioritization.model import ListedUrl, TestLists

_log = logging.getLogger(__name__)
_READ = "SELECT url, domain, cc, category_code FROM citizenlab ORDER BY url, domain, cc, category_code"
_LIMITS = Limits(seconds=120, rows=None)
# Arrow makes texts without ever letting other threads run, and one of them answers probes.
_LINES_AT_ONCE = 500


@attrs.frozen
class SqlTestLists:
    """A ListStore that can also be replaced as a whole."""

    engine: SqlEngine

    def version(self) -> str:
        """Return a digest of the content."""
        digest = hashlib.blake2b(digest_size=16)
        for batch in self._batches():
            # Whole columns at once: other threads answer probes meanwhile.
            digest.update(batch.serialize())
        return digest.hexdigest()

    def lists(self) -> TestLists:
        """Return all lists as they are now; older rows may spell the country in small letters."""
        return TestLists.of(
            [
                ListedUrl(url, domain, cc.upper(), category)
                for batch in self._batches()
                for start in range(0, len(batch), _LINES_AT_ONCE)
                for url, domain, cc, category in _lines(batch.slice(start, _LINES_AT_ONCE))
            ]
        )

    def replace(self, entries: Sequence[ListedUrl]) -> None:
        """Put *entries* in the place of all lists; readers see the old lists or the new ones.

        Raises:
            Unavailable: the database failed; the old lists are still there.
        """
        fields = ("domain", "url", "cc", "category_code")
        rows = pa.table({name: [getattr(entry, name) for entry in entries] for name in fields})
        activate(self.engine, {CITIZENLAB: rows})

    def _batches(self) -> Iterator[pa.RecordBatch]:
        return self.engine.stream(_READ, limits=_LIMITS)


def _lines(batch: pa.RecordBatch) -> Iterator[tuple[str, ...]]:
    return zip(*(column.to_pylist() for column in batch.columns), strict=True)
