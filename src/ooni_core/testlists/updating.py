"""Imports the test lists as a whole: read, check, compare with what is in force, swap."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import attrs

from ooni_core.errors import Invalid
from ooni_core.prioritization.model import GLOBAL, ListedUrl, TestLists
from ooni_core.testlists.grammar import CATEGORIES, host_of, read_rows

_COUNTRY_STEM = re.compile(r"[A-Za-z]{2}")
_MOST_CHANGE = 0.2


class ListSource(Protocol):
    """The repository of test lists."""

    def fetch(self) -> "FetchedLists":
        """Return all list files as they are published now.

        Raises:
            Unavailable: the source does not answer.
            Invalid: it holds no lists.
        """


class ReplaceableLists(Protocol):
    """The lists in force."""

    def lists(self) -> TestLists:
        """Return them."""

    def replace(self, entries: Sequence[ListedUrl]) -> None:
        """Put *entries* in their place; readers see the old lists or the new ones.

        Raises:
            Unavailable: the old lists are still there.
        """


@attrs.frozen
class FetchedLists:
    """Files of one version of the repository.

    Attributes:
        version: commit id.
        files: content by stem of the file name.
    """

    version: str
    files: Mapping[str, str]


@attrs.frozen
class ListUpdate:
    """What an update did, or would do.

    Attributes:
        version: commit id of what was read.
        rows: how many lines are in force now.
        added: lines that were not there before.
        removed: lines that were there before.
        rejected: lines left out, each with file, line and reason.
        unknown_categories: how often each category code that is not in the legend occurs; these lines are kept.
    """

    version: str
    rows: int
    added: int
    removed: int
    rejected: Sequence[str]
    unknown_categories: Mapping[str, int]


@attrs.frozen
class ListUpdater:
    """The use case of ``ooni run update-citizenlab``.

    Attributes:
        least: fewest lines that are believed.
        most: most lines that are believed.
    """

    source: ListSource
    store: ReplaceableLists
    least: int = 20_000
    most: int = 1_000_000

    def update(self, *, force: bool = False, dry_run: bool = False) -> ListUpdate:
        """Bring the lists up to date; on any error nothing is changed.

        Args:
            force: accept lists that changed by more than a fifth.
            dry_run: say what would change.

        Raises:
            Invalid: a file is broken, or the lists are unbelievably short, long or different.
            Unavailable: source or store do not answer.
        """
        fetched = self.source.fetch()
        rejected: list[str] = []
        entries = list(_entries(fetched.files, rejected))
        if not self.least <= len(entries) <= self.most:
            raise Invalid(
                f"{len(entries)} rows of test lists: expected {self.least} to {self.most}; nothing was changed"
            )
        before = {entry for urls in self.store.lists().by_cc.values() for entry in urls}
        after = set(entries)
        change = ListUpdate(
            fetched.version, len(after), len(after - before), len(before - after), rejected, _unknown(entries)
        )
        _check_change(change, len(before), force=force)
        if not dry_run and after != before:
            self.store.replace(sorted(after))
        return change


def _check_change(change: ListUpdate, before: int, *, force: bool) -> None:
    changed = max(change.added, change.removed)
    if before and not force and changed > before * _MOST_CHANGE:
        raise Invalid(
            f"{change.added} rows would be added and {change.removed} removed, of {before}: more than "
            f"{_MOST_CHANGE:.0%}; --force accepts that"
        )


def _entries(files: Mapping[str, str], rejected: list[str]) -> Iterator[ListedUrl]:
    for stem in sorted(files):
        cc = GLOBAL if stem == "global" else stem.upper()
        if stem != "global" and not _COUNTRY_STEM.fullmatch(stem):
            continue  # legends and regional lists
        seen = set()
        for line, row in read_rows(files[stem], f"{stem}.csv"):
            host = host_of(row.url)
            if host is None:
                rejected.append(f"{stem}.csv line {line}: not a URL for test lists: {row.url[:120]!r}")
            elif row.url in seen:
                rejected.append(f"{stem}.csv line {line}: duplicate: {row.url[:120]!r}")
            else:
                seen.add(row.url)
                yield ListedUrl(row.url, host, cc, row.category_code)


def _unknown(entries: Sequence[ListedUrl]) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in entries:
        if entry.category_code not in CATEGORIES:
            found[entry.category_code] = found.get(entry.category_code, 0) + 1
    return found
