"""Why a URL has its place, or none, on the list of a network."""

from collections.abc import Iterable, Sequence

import attrs

from ooni_core.prioritization.model import ListedUrl, PriorityRule, RankedUrl


@attrs.frozen
class Explanation:
    """The place of one line of a list.

    Attributes:
        ranked: the line with its count, priority and weight.
        place: from 1; None when it is not handed out, because its priority is not above zero, another line has the
            same URL, or it is not among what was asked for.
        rules: those whose priorities were added up.
    """

    ranked: RankedUrl
    place: int | None
    rules: tuple[PriorityRule, ...]


def explanations(
    url: str, picked: Sequence[ListedUrl], candidates: Iterable[RankedUrl], rules: Sequence[PriorityRule]
) -> list[Explanation]:
    """Explain each line that lists *url* for a network: none, one, or a country's and the global one.

    Args:
        url: exactly as listed.
        picked: what the network is given, in order.
        candidates: all lines that concern it.
        rules: the rules that hold in its country.
    """
    places = {entry: place for place, entry in enumerate(picked, start=1)}
    return [
        Explanation(ranked, places.get(ranked.entry), tuple(rule for rule in rules if rule.matches(ranked.entry)))
        for ranked in candidates
        if ranked.entry.url == url
    ]
