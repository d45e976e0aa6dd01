"""What the catalog needs from the outside world."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from ooni_core.catalog.model import (
    Activity,
    CatalogEntry,
    Chart,
    CountQuery,
    ListedUrl,
    MeasurementFilter,
    Page,
    Runtime,
)


class MeasurementCatalog(Protocol):
    """Answers questions about scored measurements. A measurement that was scored again counts once, as last scored.

    Every method may raise `QueryTimeout` (it took longer than allowed and was cancelled) and `Unavailable`.
    """

    def search(self, filter: MeasurementFilter, page: Page) -> Sequence[CatalogEntry]:
        """Return the measurements of one page, in a total order: the page's field, then the uid.

        Following `Page.after` from page to page returns each measurement exactly once, whatever arrives meanwhile.
        """

    def by_uid(self, measurement_uid: str) -> CatalogEntry | None:
        """Return one measurement with the category of its input, or None."""

    def by_report(self, report_id: str, input: str) -> CatalogEntry | None:
        """Return the measurement of that pair, the newest uid when there are several, or None.

        *input* is ``""`` for nettests without one.
        """

    def count_in_report(self, report_id: str, input: str) -> int:
        """Return how many measurements of that pair there are: more than one is ambiguous."""

    def count(self, query: CountQuery) -> Chart:
        """Return the cells of a chart, sorted ascending by their keys; without axes exactly one."""

    def activity(self, query: CountQuery) -> Sequence[Activity]:
        """Return how much was measured per group, sorted ascending by its keys; without axes exactly one."""

    def runtimes(self, filter: MeasurementFilter) -> Sequence[Runtime]:
        """Return runtimes per nettest, country and day, over measurements whose scores hold one, sorted like that.

        The value is ``extra.test_runtime`` of the scores, in seconds. Quantiles interpolate linearly.
        """


class ReferenceTables(Protocol):
    """Tables about the world that counts are shown with."""

    def listed_urls(self, domains: Sequence[str] | None = None) -> Sequence[ListedUrl]:
        """Return the entries of all test lists, or of those *domains* only (exact texts)."""

    def network_names(self, asns: Sequence[int] | None = None) -> Mapping[int, str]:
        """Return the newest organisation name of each known network, or of those *asns* only."""

    def test_groups(self) -> Mapping[str, str]:
        """Return the group of each nettest, by nettest name; empty when the operator loaded none."""


class BodyFinder(Protocol):
    """Finds the body of a measurement, wherever it is now."""

    def find(self, measurement_uid: str, report_id: str = "", input: str = "") -> bytes | None:
        """Return the measurement exactly as its probe submitted it, or None when it is nowhere."""
