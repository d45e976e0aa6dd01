"""The order in which URLs are handed out: weights, ties, limits."""

from array import array
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from operator import attrgetter

import attrs

from ooni_core.prioritization.chance import Chance
from ooni_core.prioritization.model import ANY, GLOBAL, ListedUrl, PriorityRule, RankedUrl, weight_of

_Shape = tuple[str, ...]
_PARTS = ("category_code", "domain", "url")


class Priorities:
    """All rules, arranged so that a URL's priority costs a few look-ups instead of one comparison for each rule."""

    def __init__(self, rules: Sequence[PriorityRule]) -> None:
        self._by_cc: dict[str, dict[_Shape, dict[object, int]]] = {}
        for rule in rules:
            shape = tuple(part for part in _PARTS if getattr(rule, part) != ANY)
            sums = self._by_cc.setdefault(rule.cc, {}).setdefault(shape, {})
            key = _parts_of(shape)(rule)
            sums[key] = sums.get(key, 0) + rule.priority

    def of(self, entry: ListedUrl, probe_cc: str) -> int:
        """Sum the priorities of the rules that match *entry* for probes in *probe_cc*.

        The probe's country chooses the rules: those without a country, and its own; so a country's rule also
        re-weights the global list there.
        """
        return self.of_each([entry], probe_cc)[0]

    def of_each(self, entries: Sequence[ListedUrl], probe_cc: str) -> list[int]:
        """Do the same for each of *entries*, in their order; one after the other takes ten times as long."""
        return self._sums(entries, {ANY, probe_cc})

    def of_overview(self, entry: ListedUrl) -> int:
        """Sum the priorities over all countries' rules, as the table of all countries shows them."""
        return self._sums([entry], self._by_cc if entry.cc == GLOBAL else {ANY, entry.cc})[0]

    def _sums(self, entries: Sequence[ListedUrl], codes: Iterable[str]) -> list[int]:
        terms = [
            map(sums.get, map(_parts_of(shape), entries), repeat(0))
            for code in codes
            for shape, sums in self._by_cc.get(code, {}).items()
        ]
        return [sum(each) for each in zip(*terms, strict=True)] if terms else [0] * len(entries)


def _parts_of(shape: _Shape) -> Callable[[PriorityRule | ListedUrl], object]:
    """Return what reads the parts that rules of a shape compare, from a rule or from a list's line."""
    return attrgetter(*shape) if shape else lambda _: None


@attrs.frozen(eq=False)
class Field:
    """What probes of one country can be asked to measure, before anything is known about their network.

    Attributes:
        entries: URLs whose priority is above zero, each once.
        priorities: their priorities, in the same order.
        places: where in *entries* each URL is.
        alike: places with the same priority, by priority: in this order they are as long as nothing is measured.
    """

    entries: tuple[ListedUrl, ...]
    priorities: tuple[int, ...]
    places: Mapping[str, int]
    alike: Mapping[int, Sequence[int]]

    @classmethod
    def of(cls, entries: Sequence[ListedUrl], priorities: Sequence[int]) -> "Field":
        """Keep what may be measured: a priority of zero or less takes a URL out."""
        kept = [pair for pair in zip(entries, priorities, strict=True) if pair[1] > 0]
        alike: dict[int, array[int]] = {}
        for place, (_, priority) in enumerate(kept):
            alike.setdefault(priority, array("I")).append(place)
        places = {entry.url: place for place, (entry, _) in enumerate(kept)}
        return cls(tuple(e for e, _ in kept), tuple(p for _, p in kept), places, alike)


class Ranking:
    """A field in the order of weights for one network: groups of equal weight, the heaviest first.

    Kept small (a few bytes for each URL), because there is one for each network that asks. Only what was measured is
    weighed one by one: a probe of a new network waits for this.
    """

    __slots__ = ("_ends", "_field", "_order")

    def __init__(self, field: Field, measured: Mapping[str, int]) -> None:
        self._field = field
        self._order, self._ends = array("I"), array("I")
        for _, group in sorted(_groups(field, measured).items(), reverse=True):
            self._order.extend(sorted(group))
            self._ends.append(len(self._order))

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


def _groups(field: Field, measured: Mapping[str, int]) -> Mapping[float, list[int]]:
    """Return the places of a field by their weight."""
    priorities, weights = field.priorities, dict[int, float]()
    for url, count in measured.items():
        place = field.places.get(url)
        if place is not None and count > 0:
            weights[place] = priorities[place] / count  # `weight_of`, whose call takes longer than the rest
    groups: defaultdict[float, list[int]] = defaultdict(list)
    for place, weight in weights.items():
        groups[weight].append(place)
    for priority, alike in field.alike.items():
        groups[weight_of(priority, 0)] += [place for place in alike if place not in weights]
    return groups


def explained(
    entries: Sequence[ListedUrl], priority_of: Callable[[ListedUrl], int], measured: Mapping[str, int]
) -> list[RankedUrl]:
    """Give each of *entries* its count and priority, in the given order."""
    return [RankedUrl(entry, measured.get(entry.url, 0), priority_of(entry)) for entry in entries]


__all__ = ["Field", "Priorities", "Ranking", "explained", "weight_of"]
