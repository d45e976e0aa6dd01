"""A thousand probes in thirty networks for a week: who measures what, with the feedback loop and without."""

import heapq
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import attrs

from benchmarks import Figure
from ooni_core.prioritization.model import ListedUrl, PriorityRule, TestLists
from ooni_core.prioritization.ports import Measured
from ooni_core.prioritization.service import NoCounts, Prioritization

PROBES, NETWORKS, DAYS, URLS = 1_000, 30, 7, 600
CHECK_INS_A_DAY, URLS_A_CHECK_IN = 3, 20
MINUTES_TO_SCORE = 5
START = datetime(2026, 1, 4, tzinfo=UTC)
HIGH, LOW = 800, 200


@attrs.define
class _World:
    """Lists, rules and time of the simulation."""

    instant: datetime = START

    def now(self) -> datetime:
        return self.instant

    def version(self) -> str:
        return "1"

    def lists(self) -> TestLists:
        return TestLists.of(
            [
                ListedUrl(f"https://{n}.example/", f"{n}.example", "ZZ" if n % 3 else "IT", "NEWS" if n % 2 else "GAME")
                for n in range(URLS)
            ]
        )

    def rules(self) -> list[PriorityRule]:
        return [PriorityRule("NEWS", priority=HIGH), PriorityRule("GAME", priority=LOW)]

    def counts(self, now: datetime) -> NoCounts:
        return NoCounts()


def _simulate(*, feedback: bool, seed: int, days: int) -> Mapping[int, Counter]:
    """Return how often each URL was measured, by network."""
    chance, world = random.Random(seed), _World()
    asked = Prioritization(world, world, world, world)
    asked.refresh()
    # Networks differ in size as real ones do: a few hold most probes.
    homes = chance.choices(range(1, NETWORKS + 1), [1 / (n + 2) for n in range(NETWORKS)], k=PROBES)
    measured: dict[int, Counter] = {asn: Counter() for asn in set(homes)}
    events: list[tuple[float, int, int]] = []
    for probe, asn in enumerate(homes):
        for day in range(days):
            events += [(day * 86400 + chance.random() * 86400, probe, asn) for _ in range(CHECK_INS_A_DAY)]
    waiting: list[tuple[float, int, Measured]] = []
    for number, (second, _, asn) in enumerate(sorted(events)):
        world.instant = START + timedelta(seconds=second)
        scored = []
        while waiting and waiting[0][0] <= second:
            scored.append(heapq.heappop(waiting)[2])
        asked.measured(scored)
        for place, entry in enumerate(asked.urls("IT", asn, URLS_A_CHECK_IN, (), chance.getrandbits(64))):
            measured[asn][entry.url] += 1
            if feedback:
                result = Measured(f"{number}-{place}", "IT", asn, entry.url, world.instant)
                heapq.heappush(waiting, (second + MINUTES_TO_SCORE * 60, number * 100 + place, result))
    return measured


def _ratio(counts: Counter) -> float:
    high = sum(count for url, count in counts.items() if _number(url) % 2)
    low = sum(count for url, count in counts.items() if not _number(url) % 2)
    return high / low if low else float("inf")


def _number(url: str) -> int:
    return int(url.removeprefix("https://").partition(".")[0])


def figures(*, quick: bool) -> Iterator[Figure]:
    days = 2 if quick else DAYS
    for feedback, name in ((True, "with feedback"), (False, "without")):
        measured = _simulate(feedback=feedback, seed=1, days=days)
        total = sum(measured.values(), Counter())
        # Enough: each URL could have been measured four times.
        enough = {asn: counts for asn, counts in measured.items() if counts.total() >= 4 * URLS}
        covered = sorted(len(counts) / URLS for counts in measured.values())
        full = sum(len(counts) == URLS for counts in enough.values())
        listing = " ".join(f"{len(measured[asn]) / URLS:.2f}" for asn in sorted(measured))
        yield Figure(
            f"measurements of priority {HIGH} for each of {LOW}, {name}",
            _ratio(sum(enough.values(), Counter())),
            "",
            f"goal 4; over {len(enough)} networks with enough probes, {total.total():,} measurements in {days} days",
        )
        yield Figure(f"networks that saw every URL, {name}", full, "networks", f"of {len(enough)} with enough probes")
        yield Figure(f"least coverage of the list in a network, {name}", covered[0], "", f"by network: {listing}")
