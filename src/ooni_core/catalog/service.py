"""The use cases of the catalog: find one measurement, list many, count them."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import attrs

from ooni_core.catalog.model import (
    UNKNOWN_NETWORK,
    Activity,
    CatalogEntry,
    Chart,
    CountQuery,
    Cursor,
    MeasurementFilter,
    OrderBy,
    Page,
)
from ooni_core.catalog.ports import MeasurementCatalog
from ooni_core.catalog.rules import check_axes
from ooni_core.errors import Invalid

DEEPEST_OFFSET = 10_000
LARGEST_PAGE = 100_000
LONGEST_SORTED = timedelta(days=366)
_BATCH = 10_000


def cursor_after(entry: CatalogEntry, order_by: OrderBy) -> Cursor:
    """Return the place behind *entry* in a list sorted by *order_by*."""
    return Cursor(getattr(entry, order_by.value), entry.measurement_uid)


@attrs.frozen
class CatalogService:
    """Answers what readers ask about scored measurements."""

    catalog: MeasurementCatalog

    def search(self, filter: MeasurementFilter, page: Page) -> Sequence[CatalogEntry]:
        """Return one page of a list.

        Raises:
            Invalid: it would cost far more than it shows; the text says what to ask instead.
        """
        _check_cost(filter, page)
        return self.catalog.search(filter, page)

    def everything(self, filter: MeasurementFilter, page: Page, most: int | None) -> Iterator[Sequence[CatalogEntry]]:
        """Walk through all measurements that *filter* keeps, in batches, with bounded memory.

        Args:
            filter: which ones.
            page: order and place to start at; its limit is not used.
            most: stop after so many; None: after the last one.

        Raises:
            Invalid: as for `search`.
        """
        _check_cost(filter, page)
        left = most
        while left is None or left > 0:
            size = _BATCH if left is None else min(_BATCH, left)
            batch = self.catalog.search(filter, attrs.evolve(page, limit=size))
            if batch:
                yield batch
            if len(batch) < size:
                return
            left = None if left is None else left - size
            page = attrs.evolve(page, offset=0, after=cursor_after(batch[-1], page.order_by))

    def find(self, measurement_uid: str) -> CatalogEntry | None:
        """Return one measurement, or None when there is none or nobody may see it."""
        return _if_public(self.catalog.by_uid(measurement_uid))

    def withholds(self, measurement_uid: str) -> bool:
        """Say whether that measurement is known, but nobody may see it."""
        entry = self.catalog.by_uid(measurement_uid)
        return entry is not None and _if_public(entry) is None

    def find_in_report(self, report_id: str, input: str) -> CatalogEntry | None:
        """Return the newest measurement of *input* (``""`` for nettests without one) in a report, or None."""
        return _if_public(self.catalog.by_report(report_id, input))

    def count_in_report(self, report_id: str, input: str) -> int:
        """Return how many measurements of *input* a report has: more than one is ambiguous."""
        return self.catalog.count_in_report(report_id, input)

    def chart(self, query: CountQuery) -> Chart:
        """Count measurements per combination of axis values.

        Raises:
            Invalid: both axes are the same.
            UnsupportedChart: it would have a cell for each of far too many inputs.
        """
        check_axes(query)
        return self.catalog.count(query)

    def activity(self, query: CountQuery) -> Sequence[Activity]:
        """Sum up how much was measured per combination of axis values; flags are counted as stored."""
        return self.catalog.activity(query)


def _check_cost(filter: MeasurementFilter, page: Page) -> None:
    if filter.is_selective:
        return
    if page.offset > DEEPEST_OFFSET and page.after is None:
        raise Invalid(
            f"offset is only allowed up to {DEEPEST_OFFSET} without report_id, input, domain or probe_asn: "
            "follow next_url, or start with an empty cursor= parameter"
        )
    # Only the order of time lets an engine stop early; any other one sorts everything in the window.
    if page.order_by is not OrderBy.MEASUREMENT_START_TIME and filter.window.is_longer_than(LONGEST_SORTED):
        raise Invalid(
            f"order_by={page.order_by.value} is only allowed over up to {LONGEST_SORTED.days} days without report_id, "
            "input, domain or probe_asn: narrow since and until"
        )


def _if_public(entry: CatalogEntry | None) -> CatalogEntry | None:
    # A probe that could not tell its network may have reported the address of its user.
    return None if entry is None or entry.probe_asn == UNKNOWN_NETWORK else entry
