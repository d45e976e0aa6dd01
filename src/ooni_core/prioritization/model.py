"""What prioritization speaks of: listed URLs, priority rules, and who measures."""

import re
from collections.abc import Mapping
from datetime import datetime
from operator import attrgetter

import attrs

from ooni_core.errors import Invalid

GLOBAL = "ZZ"
"""Country code of the global test list, and of probes whose country is unknown."""

ANY = "*"
"""In a rule: matches everything."""

_CC = re.compile(r"[A-Z]{2}")
_CATEGORY = re.compile(r"[A-Z0-9]{1,16}")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f\\]")
_LONGEST = 2048
_TEXTS = attrgetter("url", "domain", "cc", "category_code")


@attrs.frozen(order=True)
class ListedUrl:
    """One line of a test list.

    Attributes:
        url: matched byte for byte with the input of measurements, so never normalised.
        domain: its host, without port.
        cc: two capital letters; ``ZZ`` is the global list.
        category_code: what the site is about, such as ``NEWS``.
    """

    url: str
    domain: str
    cc: str
    category_code: str

    @property
    def country_code(self) -> str:
        """Country as probes are told: ``XX`` for the global list."""
        return "XX" if self.cc == GLOBAL else self.cc


def _wildcard(text: str) -> str:
    return text or ANY


def _country(text: str) -> str:
    return text.upper() or ANY


def _printable(_: object, attribute: "attrs.Attribute[str]", value: str) -> None:
    if len(value) > _LONGEST or _UNPRINTABLE.search(value):
        raise Invalid(f"{attribute.name} of a priority rule is longer than {_LONGEST} or holds spaces: {value[:80]!r}")


@attrs.frozen(order=True)
class PriorityRule:
    """Adds *priority* to every URL that it matches; ``*`` matches anything, and so does an empty text.

    A URL whose priorities sum to zero or less is not measured: a large negative rule takes a site, a category or a
    country out.
    """

    category_code: str = attrs.field(default=ANY, converter=_wildcard)
    cc: str = attrs.field(default=ANY, converter=_country)
    domain: str = attrs.field(default=ANY, converter=_wildcard, validator=_printable)
    url: str = attrs.field(default=ANY, converter=_wildcard, validator=_printable)
    priority: int = attrs.field(default=0)

    @category_code.validator
    def _check_category(self, _: "attrs.Attribute[str]", value: str) -> None:
        if value != ANY and not _CATEGORY.fullmatch(value):
            raise Invalid(f"a rule's category_code is * or capital letters, not {value[:40]!r}")

    @cc.validator
    def _check_cc(self, _: "attrs.Attribute[str]", value: str) -> None:
        if value != ANY and not _CC.fullmatch(value):
            raise Invalid(f"a rule's cc is * or two letters, not {value[:40]!r}")

    @priority.validator
    def _check_priority(self, _: "attrs.Attribute[int]", value: int) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**31:
            raise Invalid(f"a rule's priority is a whole number below 2^31, not {value!r}")

    @property
    def target(self) -> tuple[str, str, str, str]:
        """What it matches. There is at most one rule for each target."""
        return self.category_code, self.cc, self.domain, self.url

    def matches(self, entry: ListedUrl) -> bool:
        """Say whether this rule re-weights *entry*, for probes in the rule's country.

        URLs of the global list match rules of every country: which countries' rules apply to a probe is decided
        before, by the probe's country.
        """
        return (
            self.category_code in {ANY, entry.category_code}
            and self.domain in {ANY, entry.domain}
            and self.url in {ANY, entry.url}
            and (entry.cc == GLOBAL or self.cc in {ANY, entry.cc})
        )


@attrs.frozen
class RuleChange:
    """One entry of the rules' history.

    Attributes:
        at: aware instant (UTC).
        author: account id of who did it; ``""`` for the service itself.
        old: the rule before, None when created.
        new: the rule after, None when deleted.
    """

    at: datetime
    author: str
    old: PriorityRule | None
    new: PriorityRule | None


@attrs.frozen
class RankedUrl:
    """A URL with its place explained.

    Attributes:
        entry: the list's line.
        measured: measurements counted for the asking country and network.
        priority: sum over the matching rules.
    """

    entry: ListedUrl
    measured: int
    priority: int

    @property
    def weight(self) -> float:
        """What the order follows: see ``weight_of``."""
        return weight_of(self.priority, self.measured)


def weight_of(priority: int, measured: int) -> float:
    """Weigh *priority* against how often a URL was measured already.

    Counts rise until weights are equal, so in the long run a URL with four times the priority is measured four times
    as often. One without any measurement weighs ten times its priority.

    Source: prioritization rules of the OONI API, "Priority and weight".
    """
    return priority / max(measured, 0.1)


def _sorted_once(entries: "list[ListedUrl]") -> tuple[ListedUrl, ...]:
    # Comparing their texts takes a tenth of the time that comparing the entries themselves does.
    unique = {_TEXTS(entry): entry for entry in entries}
    return tuple(unique[texts] for texts in sorted(unique))


@attrs.frozen
class TestLists:
    """All test lists at one moment.

    Attributes:
        by_cc: each country's lines, sorted; ``ZZ`` holds the global list.
    """

    __test__ = False  # the name begins with Test, and it is not one

    by_cc: Mapping[str, tuple[ListedUrl, ...]]

    @classmethod
    def of(cls, entries: "list[ListedUrl]") -> "TestLists":
        """Group *entries* by country and sort them, so that equal lists are equal values."""
        by_cc: dict[str, list[ListedUrl]] = {}
        for entry in entries:
            by_cc.setdefault(entry.cc, []).append(entry)
        return cls({cc: _sorted_once(urls) for cc, urls in sorted(by_cc.items())})

    def candidates(self, probe_cc: str) -> tuple[ListedUrl, ...]:
        """Return every line that concerns probes in *probe_cc*: its own list and the global one."""
        own = self.by_cc.get(probe_cc, ()) if probe_cc != GLOBAL else ()
        return (*self.by_cc.get(GLOBAL, ()), *own)

    def choices(self, probe_cc: str) -> tuple[ListedUrl, ...]:
        """Return the candidates with each URL once: a country's own line wins over the global one."""
        unique = {entry.url: entry for entry in self.candidates(probe_cc)}
        return tuple(unique.values())
