import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ooni_core.errors import Invalid
from ooni_core.prioritization.model import ListedUrl, TestLists
from ooni_core.refusals import TEXTS, Refused
from ooni_core.testlists.editing import Edit, ListFile, WorkingCopy, applied, checked_edit
from ooni_core.testlists.grammar import CATEGORIES, ListRow, host_of, is_addable, line_of, lint, read_rows
from ooni_core.testlists.updating import FetchedLists, ListUpdater

HEADER = "url,category_code,category_description,date_added,source,notes\n"
GOOD = {"url": "https://example.org/", "category_code": "FILE", "date_added": "2023-04-12", "source": "", "notes": "x"}
ROW = ListRow(**GOOD)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://www.example.org/", "www.example.org"),
        ("http://Example.ORG", "example.org"),
        ("example.org", "example.org"),
        ("https://example.org:8080/x?y=z#f", "example.org"),
        ("https://example.org?x=1", "example.org"),
        ("http://192.0.2.999/", "192.0.2.999"),
        ("https://xn--p1ai.xn--p1ai/", "xn--p1ai.xn--p1ai"),
        ("https://example.org./", "example.org."),
        ("https://localhost/", None),
        ("ftp://example.org/", None),
        ("https://[2001:db8::1]/", None),
        ("https://user@example.org/", None),
        ("https://foo_bar.example.org/", None),
        ("https://example.org/#x y", None),
        ("https://example.org#x", None),
        ("https://example.org/ ", None),
        ("https://example.org/a\\b", None),
        ("https://example.org/a\tb", None),
        ("https://example.org/\n", None),
        ("https://пример.рф/", None),
        ("", None),
    ],
)
def test_only_urls_of_the_grammar_have_a_host(url, host):
    assert host_of(url) == host


@pytest.mark.parametrize(
    ("url", "good"),
    [("https://a.example/", True), ("https://a.example", False), ("a.example/", False), ("https://a.example?x", False)],
)
def test_added_urls_need_scheme_and_path(url, good):
    assert is_addable(url) is good


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"url": "https://example.org"}, "err_bad_url"),
        ({"url": "https://example.org?x"}, "err_bad_url"),
        ({"url": "example.org/"}, "err_bad_url"),
        ({"url": "https://example.org/a\\b"}, "err_bad_url"),
        ({"url": "https://example.org/ "}, "err_bad_url"),
        ({"url": "https://user@example.org/"}, "err_bad_url"),
        ({"category_code": "BOGUS"}, "err_bad_category_code"),
        ({"date_added": "2023-4-12"}, "err_bad_date"),
        ({"date_added": "2023-02-30"}, "err_bad_date"),
        ({"date_added": "２０２３-04-12"}, "err_bad_date"),
        ({"notes": "two\nlines"}, "err_request_params"),
        ({"notes": "two\u2028lines"}, "err_request_params"),
        ({"source": "bell\x07"}, "err_request_params"),
        ({"source": "=cmd()"}, "err_request_params"),
        ({"notes": 7}, "err_request_params"),
        ({"account_id": "0"}, "err_request_params"),
    ],
)
def test_line_that_cannot_be_right_is_refused(change, code):
    for old, new in ((None, {**GOOD, **change}), ({**GOOD, **change}, None)):
        with pytest.raises(Refused) as refusal:
            checked_edit("US", old, new, "why")
        assert refusal.value.err_str == code
        assert str(refusal.value) == TEXTS[code]


@pytest.mark.parametrize("cc", ["USA", "U1", "..", "", None, "ıt"])
def test_name_of_no_list_is_refused(cc):
    with pytest.raises(Refused, match="Country code is invalid"):
        checked_edit(cc, None, GOOD, "why")


def test_comment_becomes_one_short_line():
    assert checked_edit("US", None, GOOD, " a\nb\tc ").comment == "a b c"
    assert len(checked_edit("US", None, GOOD, "x" * 999).comment) == 200


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=20)


@given(texts, texts)
def test_written_lines_are_read_back(source, notes):
    row = ListRow("https://example.org/", "NEWS", "2023-04-12", source, notes)
    assert [found for _, found in read_rows(HEADER + line_of(row), "x.csv")] == [row]
    assert next(csv.reader([line_of(row)])) == list(row.fields())


def add(name, url):
    return Edit(name, None, ListRow(url, "NEWS", "2023-04-12", "", ""), "c")


def test_added_and_deleted_again_is_no_change():
    edit = add("us", "https://a.example/")
    copy = WorkingCopy("IN_PROGRESS", (edit, Edit("us", edit.new, None, "c")))
    assert copy.changes() == {}


def test_edit_is_a_deletion_and_an_addition():
    copy = WorkingCopy("IN_PROGRESS", (Edit("us", ROW, ListRow(**GOOD | {"notes": "y"}), "c"),))
    assert [(c["action"], c["notes"]) for c in copy.changes()["us"]] == [("delete", "x"), ("add", "y")]


def test_line_keeps_its_place_when_edited_and_new_ones_come_last():
    rows = tuple(ListRow(f"https://{n}.example/", "NEWS", "2023-04-12", "", "") for n in range(3))
    edits = [Edit("us", rows[1], ROW, "c"), add("us", "https://z.example/"), Edit("us", rows[0], None, "c")]
    assert [row.url for row in applied(ListFile.of(rows), edits).rows] == [
        ROW.url,
        "https://2.example/",
        "https://z.example/",
    ]


def test_lines_that_nobody_edits_keep_every_byte():
    odd = 'https://q.example/,"NEWS","News, as they say",2023-04-12,"a ""b""",two\u2028parts\r\n'
    text = f"{HEADER}{odd}\n{line_of(ROW)}https://last.example/,XYZ,Old,2023-04-12,,".replace(
        "\nhttps://q", "\r\nhttps://q"
    )
    edited = ListFile.parse(text, "x.csv").edited(add("x", "https://new.example/"))
    assert edited.text() == f"{text}\nhttps://new.example/,NEWS,News Media,2023-04-12,,\n"
    assert ListFile.parse(edited.text(), "x.csv").rows == edited.rows


def test_list_with_other_columns_is_not_edited():
    with pytest.raises(Invalid, match=r"x\.csv line 1: expected url,category_code"):
        ListFile.parse("url,category_code,notes\n", "x.csv")


def test_edit_whose_line_is_gone_is_left_out():
    assert applied(ListFile.of(()), [Edit("us", ROW, None, "c")]).rows == ()


class Store:
    def __init__(self, entries=()):
        self.entries, self.replaced = list(entries), 0

    def lists(self):
        return TestLists.of(self.entries)

    def replace(self, entries):
        self.entries, self.replaced = list(entries), self.replaced + 1


class Source:
    def __init__(self, **files):
        self.files = files

    def fetch(self):
        return FetchedLists("c0ffee", {name.replace("_", "-"): HEADER + text for name, text in self.files.items()})


def lines(*urls, category="NEWS"):
    return "".join(f"{url},{category},{CATEGORIES.get(category, '')},2023-04-12,,\n" for url in urls)


def updater(store, least=1, **files):
    return ListUpdater(Source(**files), store, least, 10)


def test_update_reads_countries_and_the_global_list_only():
    store = Store()
    files = {
        "global": lines("https://w.example/"),
        "it": lines("https://I.example/x"),
        "cis": lines("https://c.example/"),
    }
    change = updater(store, **files, LEGEND="x\n").update()
    assert store.entries == [
        ListedUrl("https://I.example/x", "i.example", "IT", "NEWS"),
        ListedUrl("https://w.example/", "w.example", "ZZ", "NEWS"),
    ]
    assert (change.version, change.rows, change.added, change.removed) == ("c0ffee", 2, 2, 0)


def test_bad_rows_are_left_out_with_file_line_and_reason():
    change = updater(Store(), it=lines("https://a.example/", "nonsense", "https://a.example/")).update()
    assert change.rejected == [
        "it.csv line 3: not a URL for test lists: 'nonsense'",
        "it.csv line 4: duplicate: 'https://a.example/'",
    ]


def test_unknown_categories_are_kept_and_counted():
    change = updater(Store(), it=lines("https://a.example/", category="XYZ")).update()
    assert (change.rows, change.unknown_categories) == (1, {"XYZ": 1})


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"it": ""}, "0 rows of test lists: expected 1 to 10"),
        ({"it": lines(*(f"https://{n}.example/" for n in range(11)))}, "11 rows"),
        ({"it": 'https://a.example/,"NEWS\n'}, "it.csv line"),
        ({"it": "https://a.example/,NEWS\n"}, "it.csv line 2: 2 fields, expected 6"),
    ],
)
def test_broken_lists_change_nothing(files, message):
    store = Store([ListedUrl("https://old.example/", "old.example", "IT", "NEWS")])
    with pytest.raises(Invalid, match=message):
        updater(store, **files).update(force=True)
    assert store.replaced == 0


def test_file_without_the_needed_columns_is_refused():
    with pytest.raises(Invalid, match=r"x\.csv line 1: the header lacks"):
        list(read_rows("url,notes\nhttps://a.example/,\n", "x.csv"))


def test_great_change_needs_force():
    store = Store([ListedUrl(f"https://{n}.example/", f"{n}.example", "IT", "NEWS") for n in range(4)])
    few = {"it": lines("https://0.example/", "https://1.example/")}
    with pytest.raises(Invalid, match="--force"):
        updater(store, **few).update()
    assert store.replaced == 0
    assert updater(store, **few).update(force=True).removed == 2
    assert len(store.entries) == 2


def test_dry_run_and_equal_lists_write_nothing():
    store, files = Store(), {"it": lines("https://0.example/")}
    assert updater(store, **files).update(dry_run=True).added == 1
    assert store.replaced == 0
    updater(store, **files).update()
    updater(store, **files).update()
    assert store.replaced == 1


def test_lint_names_what_the_repository_would_refuse():
    files = {
        "global": HEADER + lines("https://w.example/"),
        "it": HEADER + lines("https://w.example/", "https://a.example", "https://b.example/", "https://b.example/"),
    }
    assert lint(files) == [
        "it.csv line 2: in the global list already: https://w.example/",
        "it.csv line 3: bad url: https://a.example",
        "it.csv line 5: duplicate url: https://b.example/",
    ]
