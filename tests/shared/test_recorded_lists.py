"""Real test lists, rules, counters and Tor targets: priorities and orders are the recorded ones, no line is refused."""

import json

import pytest

from ooni_core.prioritization.chance import Chance
from ooni_core.prioritization.model import ListedUrl, PriorityRule
from ooni_core.prioritization.ranking import Field, Priorities, Ranking
from ooni_core.probes.tor_targets import check_tor_targets
from ooni_core.testlists.editing import ListFile
from ooni_core.testlists.grammar import lint, problem_with
from ooni_core.testlists.updating import FetchedLists, ListUpdater
from tests.unit.testlists.test_lists import Store

pytestmark = pytest.mark.shared_data


@pytest.fixture
def recorded(shared_data):
    return lambda name: json.loads((shared_data / "prioritization" / f"{name}.json").read_text())


@pytest.fixture
def counted(recorded):
    """Entries with their counts."""
    rows = recorded("citizenlab_counters_us")
    return {ListedUrl(r["url"], r["domain"], r["cc"].upper(), r["category_code"]): r["msmt_cnt"] for r in rows}


@pytest.fixture
def rules(recorded):
    return [PriorityRule(**row) for row in recorded("url_priorities_us")]


def in_order(entries, rules, cc, counts):
    field = Field.of(entries, Priorities(rules).of_each(entries, cc))
    return Ranking(field, counts).pick(9999, (), Chance(1))


def test_global_list_has_the_recorded_priorities_in_the_recorded_order(recorded, counted, rules):
    golden = recorded("citizenlab")
    entries = [entry for entry in counted if entry.cc == "ZZ"]
    assert {e.url: Priorities(rules).of(e, "ZZ") for e in entries} == {row["url"]: row["priority"] for row in golden}
    found = [Priorities(rules).of(entry, "ZZ") for entry in in_order(entries, rules, "ZZ", {})]
    assert found == [row["priority"] for row in golden]


def test_order_for_a_country_follows_priority_over_count(recorded, counted, rules):
    def priority(entry):  # as the specification words it, one rule after the other
        return sum(
            rule["priority"]
            for rule in recorded_rules
            if rule["category_code"] in {"*", "", entry.category_code}
            and rule["domain"] in {"*", "", entry.domain}
            and rule["url"] in {"*", "", entry.url}
            and (entry.cc == "ZZ" or rule["cc"].upper() in {"*", "", entry.cc})
        )

    recorded_rules = recorded("url_priorities_us")
    weights = {entry: priority(entry) / max(count, 0.1) for entry, count in counted.items() if priority(entry) > 0}
    found = in_order(list(counted), rules, "US", {entry.url: count for entry, count in counted.items()})
    assert set(found) == set(weights)
    assert [weights[entry] for entry in found] == sorted(weights.values(), reverse=True)
    misc = [(e, n) for e, n in counted.items() if e.category_code == "MISC" and n == 38]
    assert {priority(e) / n for e, n in misc} == {-4.7368421052631575}


@pytest.fixture
def lists(shared_data):
    files = (shared_data / "test-lists").glob("??.csv"), (shared_data / "test-lists").glob("global.csv")
    return {file.stem: file.read_text(encoding="utf-8") for found in files for file in found}


def test_no_line_of_real_lists_is_refused(lists):
    assert len(lists) == 5
    assert lint(lists) == []
    store = Store()
    source = type("Source", (), {"fetch": lambda self: FetchedLists("c0ffee", lists)})()
    change = ListUpdater(source, store, least=1000).update()
    assert (change.rejected, change.unknown_categories) == ([], {})
    assert change.rows == change.added == len(store.entries) == 4036


def test_real_lists_are_written_as_they_were_read(lists):
    for name, text in lists.items():
        read = ListFile.parse(text, name)
        assert read.text().rstrip("\n") == text.rstrip("\n")
        assert [problem_with(row) for row in read.rows] == [None] * len(read.rows)


def test_real_tor_targets_are_good(recorded):
    targets = recorded("tor_targets")
    check_tor_targets(targets)
    assert len(targets) == 35
