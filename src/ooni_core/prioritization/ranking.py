"""The order in which URLs are handed out: weights, ties, limits."""

from array import array
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import attrs

from ooni_core.prioritization.chance import Chance
from ooni_core.prioritization.model import ANY, GLOBAL, ListedUrl, PriorityRule, RankedUrl, weight_of

_Shape = tuple[bool, bool, bool]


class Priorities:
    """All rules, arranged so that a URL's priority costs a few look-ups instead of one comparison for each rule."""

    def __init__(self, rules: Sequence[PriorityRule]) -> None:
        self._by_cc: dict[str, dict[_Shape, dict[tuple[str, ...], int]]] = {}
        for rule in rules:
            shape = (rule.category_code != ANY, rule.domain != ANY, rule.url != ANY)
            key = _project(shape, rule.category_code, rule.domain, rule.url)
            sums = self._by_cc.setdefault(rule.cc, {}).setdefault(shape, {})
            sums[key] = sums.get(key, 0) + rule.priority

    def of(self, entry: ListedUrl, probe_cc: str) -> int:
        """Sum the priorities of the rules that match *entry* for probes in *probe_cc*.

        The probe's country chooses the rules: those without a country, and its own; so a country's rule also
        re-weights the global list there.
        """
        codes = (ANY,) if probe_cc == ANY else (ANY, probe_cc)
        return sum(self._sum(entry, code) for code in codes)

    def of_overview(self, entry: ListedUrl) -> int:
        """Sum the priorities over all countries' rules, as the table of all countries shows them."""
        codes = self._by_cc if entry.cc == GLOBAL else (ANY, entry.cc)
        return sum(self._sum(entry, code) for code in codes)

    def _sum(self, entry: ListedUrl, cc: str) -> int:
        total = 0
        for shape, sums in self._by_cc.get(cc, {}).items():
            total += sums.get(_project(shape, entry.category_code, entry.domain, entry.url), 0)
        return total


def _project(shape: _Shape, *values: str) -> tuple[str, ...]:
    return tuple(value for wanted, value in zip(shape, values, strict=True) if wanted)


@attrs.frozen(eq=False)
class Field:
    """What probes of one country can be asked to measure, before anything is known about their network.

    Attributes:
        entries: URLs whose priority is above zero, each once.
        priorities: their priorities, in the same order.
    """

    entries: tuple[ListedUrl, ...]
    priorities: tuple[int, ...]
    urls: tuple[str, ...]

    @classmethod
    def of(cls, entries: Sequence[ListedUrl], priority_of: Callable[[ListedUrl], int]) -> "Field":
        """Keep what may be measured: a priority of zero or less takes a URL out."""
        kept = [(entry, priority) for entry in entries if (priority := priority_of(entry)) > 0]
        return cls(tuple(e for e, _ in kept), tuple(p for _, p in kept), tuple(e.url for e, _ in kept))


class Ranking:
    """A field in the order of weights for one network: groups of equal weight, the heaviest first.

    Kept small (a few bytes for each URL), because there is one for each network that asks.
    """

    __slots__ = ("_ends", "_field", "_order")

    def __init__(self, field: Field, measured: Mapping[str, int]) -> None:
        counted = map(measured.get, field.urls) if measured else (None for _ in field.urls)
        weights = [p / max(c or 0, 0.1) for p, c in zip(field.priorities, counted, strict=True)]
        order = sorted(range(len(weights)), key=weights.__getitem__, reverse=True)
        self._field = field
        self._order = array("I", order)
        self._ends = array("I", _ends_of_groups([weights[place] for place in order]))

    def __len__(self) -> int:
        return len(self._order)

    def pick(self, limit: int, categories: Collection[str], chance: Chance) -> list[ListedUrl]:
        """Take the first *limit* URLs; within equal weights, *chance* decides.

        Chance matters: without it every probe of a network would get the same head of the list, and measure the same
        URLs again until the counters have caught up.

        Args:
            limit: most URLs to return; 0 or less returns none.
            categories: the only categories wanted; empty for all.
            chance: source of the decisions among equals.
        """
        entries, picked = self._field.entries, list[ListedUrl]()
        for group in self._groups():
            if len(picked) >= limit:
                break
            members: Sequence[int] = group
            if categories:
                members = [place for place in group if entries[place].category_code in categories]
            picked += [entries[place] for place in chance.some(members, limit - len(picked))]
        return picked

    def _groups(self) -> Iterator[Sequence[int]]:
        start = 0
        for end in self._ends:
            yield self._order[start:end]
            start = end


def _ends_of_groups(weights: Sequence[float]) -> list[int]:
    last = len(weights)
    return [place for place in range(1, last + 1) if place == last or weights[place] != weights[place - 1]]


def explained(
    entries: Sequence[ListedUrl], priority_of: Callable[[ListedUrl], int], measured: Mapping[str, int]
) -> list[RankedUrl]:
    """Give each of *entries* its count and priority, in the given order."""
    return [RankedUrl(entry, measured.get(entry.url, 0), priority_of(entry)) for entry in entries]


__all__ = ["Field", "Priorities", "Ranking", "explained", "weight_of"]
