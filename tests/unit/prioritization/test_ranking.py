from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ooni_core.errors import Invalid
from ooni_core.prioritization.chance import Chance
from ooni_core.prioritization.defaults import DEFAULT_RULES, SEED_LIST
from ooni_core.prioritization.explanation import explanations
from ooni_core.prioritization.model import ListedUrl, PriorityRule, RankedUrl, TestLists
from ooni_core.prioritization.ranking import Field, Priorities, Ranking, explained

A = ListedUrl("https://a.example.org/x", "a.example.org", "ZZ", "CULTR")
MUSEO = ListedUrl("https://museo.example.it/", "museo.example.it", "IT", "CULTR")
NEWS = ListedUrl("https://news.example.it/", "news.example.it", "IT", "NEWS")
WORLD = ListedUrl("https://www.example.org/", "www.example.org", "ZZ", "NEWS")
GAMES = ListedUrl("https://games.example.com/", "games.example.com", "ZZ", "GAME")
GIOCHI = ListedUrl("https://giochi.example.it/", "giochi.example.it", "IT", "GAME")
XED = ListedUrl("https://sex-ed.example.net/", "sex-ed.example.net", "ZZ", "XED")
WORKED = [A, MUSEO, NEWS, WORLD, GAMES, GIOCHI, XED]
COUNTS = {NEWS.url: 10, WORLD.url: 40, GAMES.url: 5, GIOCHI.url: 2}
RULES = [
    PriorityRule("NEWS", priority=100),
    PriorityRule("CULTR", priority=40),
    PriorityRule("GAME", priority=20),
    PriorityRule("*", "IT", "news.example.it", "*", 50),
    PriorityRule("GAME", "IT", priority=-200),
    PriorityRule(url="https://a.example.org/x", priority=15),
]


def ranking(entries, rules, counts, cc):
    return Ranking(Field.of(entries, Priorities(rules).of_each(entries, cc)), counts)


def test_worked_example_of_the_specification():
    priorities = Priorities(RULES)
    table = {r.entry: r for r in explained(WORKED, lambda e: priorities.of(e, "IT"), COUNTS)}
    assert [(table[e].priority, table[e].weight) for e in WORKED] == [
        (55, 550.0),
        (40, 400.0),
        (150, 15.0),
        (100, 2.5),
        (-180, -36.0),
        (-180, -90.0),
        (0, 0.0),
    ]
    assert ranking(WORKED, RULES, COUNTS, "IT").pick(9999, (), Chance(1)) == [A, MUSEO, NEWS, WORLD]


def test_each_place_of_the_worked_example_is_explained():
    priorities = Priorities(RULES)
    table = explained(WORKED, lambda e: priorities.of(e, "IT"), COUNTS)
    picked = ranking(WORKED, RULES, COUNTS, "IT").pick(9999, (), Chance(1))
    found = {e: explanations(e.url, picked, table, RULES) for e in WORKED}
    assert all(len(lines) == 1 for lines in found.values())
    numbers = {e: (lines[0].place, [RULES.index(rule) + 1 for rule in lines[0].rules]) for e, lines in found.items()}
    assert [numbers[e] for e in WORKED] == [
        (1, [2, 6]),
        (2, [2]),
        (3, [1, 4]),
        (4, [1]),
        (None, [3, 5]),
        (None, [3, 5]),
        (None, []),
    ]


@pytest.mark.parametrize(("measured", "weight"), [(1, 55.0), (2, 27.5)])
def test_each_measurement_lowers_the_weight(measured, weight):
    assert RankedUrl(A, measured, 55).weight == weight


def test_exact_weights_of_recorded_vectors():
    misc = ListedUrl("https://m.example/", "m.example", "ZZ", "MISC")
    rules = Priorities([PriorityRule("MISC", priority=20), PriorityRule("MISC", "US", priority=-200)])
    assert explained([misc], lambda e: rules.of(e, "US"), {misc.url: 38})[0].weight == -4.7368421052631575
    humr = ListedUrl("https://h.example/", "h.example", "IT", "HUMR")
    rules = Priorities(
        [PriorityRule(cc="IT", domain="h.example", priority=20), PriorityRule("HUMR", "IT", priority=400)]
    )
    found = explained([humr], lambda e: rules.of(e, "IT"), {humr.url: 38})[0]
    assert (found.priority, found.weight) == (420, 11.052631578947368)


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        (PriorityRule("MISC", "US"), True),
        (PriorityRule("BOGUS", "US"), False),
        (PriorityRule("MISC", "US", "BOGUS"), False),
        (PriorityRule("MISC", "US", "", "BOGUS"), False),
    ],
)
def test_rules_match_exactly_or_by_wildcard(rule, matches):
    assert rule.matches(ListedUrl("https://m.example/", "m.example", "ZZ", "MISC")) is matches


@pytest.mark.parametrize(("cc", "matches"), [("us", True), ("US", True), ("*", True), ("", True), ("IE", False)])
def test_country_rules_match_country_lists_whatever_their_case(cc, matches):
    assert PriorityRule("MISC", cc).matches(ListedUrl("https://m.example/", "m.example", "US", "MISC")) is matches


words = st.sampled_from(["*", "a", "b"])
rules_lists = st.lists(
    st.builds(
        PriorityRule,
        st.sampled_from(["*", "A", "B"]),
        st.sampled_from(["*", "IT", "US"]),
        words,
        words,
        st.integers(-9, 9),
    ),
    max_size=12,
)


@given(
    rules_lists,
    st.sampled_from(["a", "b"]),
    st.sampled_from(["a", "b"]),
    st.sampled_from(["IT", "ZZ"]),
    st.sampled_from(["A", "B"]),
)
def test_priority_is_the_sum_of_the_matching_rules(rules, url, domain, cc, category):
    entry = ListedUrl(url, domain, cc, category)
    mine = [rule for rule in rules if rule.cc in {"*", "IT"}]
    assert Priorities(rules).of(entry, "IT") == sum(rule.priority for rule in mine if rule.matches(entry))
    assert Priorities(rules).of_overview(entry) == sum(rule.priority for rule in rules if rule.matches(entry))


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3)), max_size=30, unique_by=None),
    st.integers(-1, 40),
    st.integers(0, 2**64),
)
def test_picked_urls_are_the_heaviest_and_each_comes_once(shape, limit, seed):
    entries = [ListedUrl(f"u{i}", f"d{i}", "ZZ", "NEWS") for i in range(len(shape))]
    priority = {e.url: p for e, (p, _) in zip(entries, shape, strict=True)}
    counts = {e.url: c for e, (_, c) in zip(entries, shape, strict=True)}
    picked = Ranking(Field.of(entries, list(priority.values())), counts).pick(limit, (), Chance(seed))
    weights = [RankedUrl(e, counts[e.url], priority[e.url]).weight for e in entries]
    got = [RankedUrl(e, counts[e.url], priority[e.url]).weight for e in picked]
    assert got == sorted(weights, reverse=True)[: max(0, limit)]
    assert len(set(picked)) == len(picked)


def test_probes_of_one_network_get_different_heads_when_weights_tie():
    entries = [ListedUrl(f"https://{i}.example/", f"{i}.example", "ZZ", "NEWS") for i in range(500)]
    heads = [tuple(ranking(entries, RULES, {}, "IT").pick(20, (), Chance(seed))) for seed in range(40)]
    assert len(set(heads)) == 40
    spread = Counter(entry for head in heads for entry in head)
    assert len(spread) > 300


def test_same_seed_gives_the_same_order():
    entries = [ListedUrl(f"https://{i}.example/", f"{i}.example", "ZZ", "NEWS") for i in range(50)]
    asked = ranking(entries, RULES, {}, "IT")
    assert asked.pick(20, (), Chance(7)) == asked.pick(20, (), Chance(7))


def test_only_wanted_categories_are_picked():
    assert ranking(WORKED, RULES, COUNTS, "IT").pick(10, {"NEWS"}, Chance(0)) == [NEWS, WORLD]


@given(st.lists(st.integers(), max_size=30), st.integers(0, 40), st.integers(0, 2**64))
def test_chance_takes_each_member_at_most_once(members, count, seed):
    taken = Chance(seed).some(members, count)
    assert len(taken) == min(count, len(members))
    assert not Counter(taken) - Counter(members)


def test_every_member_is_as_likely_as_any_other():
    first = Counter(Chance(seed * 7919).some("abcd", 1)[0] for seed in range(8000))
    assert all(1800 < first[letter] < 2200 for letter in "abcd")


def test_country_line_wins_over_the_global_line_of_the_same_url():
    own = ListedUrl(WORLD.url, WORLD.domain, "IT", "GOVT")
    lists = TestLists.of([WORLD, own, A])
    assert set(lists.choices("IT")) == {own, A}
    assert set(lists.choices("US")) == {WORLD, A}
    assert set(lists.candidates("IT")) == {own, WORLD, A}


def test_probes_without_country_get_the_global_list_only():
    assert set(TestLists.of(WORKED).choices("ZZ")) == {A, WORLD, GAMES, XED}


def test_default_rules_favour_every_category_of_the_seed_list():
    priorities = Priorities(DEFAULT_RULES)
    assert len(DEFAULT_RULES) == 31
    assert {e.category_code for e in SEED_LIST} == {r.category_code for r in DEFAULT_RULES}
    assert all(priorities.of(entry, "IT") > 0 for entry in SEED_LIST)


@pytest.mark.parametrize(
    "made",
    [
        lambda: PriorityRule("news"),
        lambda: PriorityRule(cc="ITA"),
        lambda: PriorityRule(url="https://a.example/ b"),
        lambda: PriorityRule(domain="a\nb"),
        lambda: PriorityRule(priority=2**31),
        lambda: PriorityRule(priority=True),
    ],
)
def test_rules_that_cannot_be_right_are_refused(made):
    with pytest.raises(Invalid):
        made()
