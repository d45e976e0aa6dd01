"""Databases and lists that come from elsewhere: fetched, checked, swapped; nothing changes when anything is wrong."""

import csv
import gzip
import http.server
import threading

import pytest
from click.testing import CliRunner

from ooni_adapters.database import open_database
from ooni_adapters.geoip import GeoipUpdater, MmdbGeolocator, build_mmdb
from ooni_adapters.sql.testlists import SqlTestLists
from ooni_core.errors import Invalid, Unavailable
from ooni_core.probes.address import parsed
from ooni_core.probes.location import NOWHERE, Location
from ooni_entrypoints.cli import cli
from tests.contract.probes.conftest import NETWORKS, HandClock, write_geoip
from tests.contract.probes.repositories import HEADER, LISTS, make_origin, publish
from tests.service import RunningService, eventually, post

GOOGLE = parsed("8.8.8.8")


def test_what_a_database_knows_is_told_part_by_part(tmp_path):
    assert build_mmdb(write_geoip(tmp_path), tmp_path / "new" / "folder") == 5
    found = MmdbGeolocator(tmp_path / "new" / "folder")
    assert found.locate(GOOGLE) == Location("US", 15169, "Google")
    assert found.locate(parsed("1.2.3.4")) == Location("AU")
    assert found.locate(parsed("2001:db8::1")) == Location("FR", 64511, "Six")
    assert found.locate(parsed("::1")) == NOWHERE
    assert found.warnings() == []


def test_without_a_database_everything_is_nowhere_with_a_warning(tmp_path):
    found = MmdbGeolocator(tmp_path)
    assert found.locate(GOOGLE) == NOWHERE
    assert "no GeoIP database" in found.warnings()[0]


def test_new_database_is_noticed_and_a_broken_one_is_not_used_up(tmp_path):
    found = MmdbGeolocator(tmp_path, look_seconds=0)
    assert found.locate(GOOGLE) == NOWHERE
    build_mmdb(write_geoip(tmp_path), tmp_path)
    assert found.locate(GOOGLE).cc == "US"
    build_mmdb(write_geoip(tmp_path, [("8.8.8.0/24", "FR", "", "")]), tmp_path)
    assert found.locate(GOOGLE) == Location("FR")


def test_separate_files_for_countries_and_networks_are_read_together(tmp_path):
    for name, networks in (("cc", [("8.8.8.0/24", "US", "", "")]), ("asn", [("8.8.8.0/24", "", "15169", "Google")])):
        build_mmdb(write_geoip(tmp_path, networks), tmp_path / name)
        (tmp_path / name / "asn_cc.mmdb").rename(tmp_path / f"{name}.mmdb")
    assert MmdbGeolocator(tmp_path).locate(GOOGLE) == Location("US", 15169, "Google")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("8.8.8.0", "US")], "column asn is missing"),
        ([("8.8.8.1/24", "US", "", "")], "line 2"),
        ([("8.8.8.0/24", "USA", "", "")], "cc 'USA'"),
        ([("8.8.8.0/24", "US", "AS1", "")], "line 2: asn 'AS1'"),
        ([("8.8.8.0/24", "US", "-1", "")], "asn '-1'"),
        ([("::/0", "US", "1", "")], "line 2: network '::/0' is the whole internet"),
        ([("", "US", "1", "")], "line 2"),
    ],
)
def test_csv_that_cannot_be_right_builds_nothing(tmp_path, rows, message):
    file = tmp_path / "networks.csv"
    with file.open("w", newline="") as opened:
        csv.writer(opened).writerows([("network", "cc", "asn", "as_name")[: len(rows[0])], *rows])
    with pytest.raises(Invalid, match=message):
        build_mmdb(file, tmp_path)
    assert not list(tmp_path.glob("*.mmdb"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("networks.csv", b"network,cc,asn,as_name\n8.8.8.0/24,US,1,\xff\n", "not a CSV file in UTF-8"),
        ("networks.csv.gz", b"no gzip", "not a whole gzip file"),
        ("networks.csv.gz", gzip.compress(b"network,cc,asn,as_name\n", mtime=0)[:-4], "not a whole gzip file"),
    ],
)
def test_file_that_is_no_csv_is_refused_in_words(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    done = run(tmp_path, "import", "geoip", str(tmp_path / name))
    assert (done.exit_code, message in done.output) == (1, True), done.output


def test_smaller_network_holds_whatever_the_order_of_lines(tmp_path):
    networks = [("10.1.0.0/16", "IT", "2", "Small"), ("10.0.0.0/8", "US", "1", "Great"), ("10.1.2.0/24", "FR")]
    build_mmdb(write_geoip(tmp_path, networks), tmp_path)
    found = [MmdbGeolocator(tmp_path).locate(parsed(text)) for text in ("10.1.1.1", "10.2.1.1", "10.1.2.1")]
    assert found == [Location("IT", 2, "Small"), Location("US", 1, "Great"), Location("FR")]


def test_imported_database_is_where_the_service_looks_for_it(tmp_path):
    folder = tmp_path / "elsewhere"
    done = run(tmp_path, "--set", f"probes.geoip_dir={folder}", "import", "geoip", str(write_geoip(tmp_path)))
    assert done.exit_code == 0, done.output
    assert MmdbGeolocator(folder).locate(GOOGLE).asn == 15169


class Source:
    """A web server with files; ``failures`` come first. With a *context* it speaks TLS."""

    def __init__(self, context=None):
        self.files, self.failures, self.seen = {}, [], []
        source = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_GET(self):
                source.seen.append((self.path, self.headers["User-Agent"]))
                content = source.files.get(self.path)
                status = source.failures.pop(0) if source.failures else 200 if content is not None else 404
                self.send_response(status)
                self.end_headers()
                if status == 200:
                    self.wfile.write(content)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            self.server.handle_error = lambda *_: None  # clients that do not trust us hang up
            self.url = self.url.replace("http:", "https:")
        self.thread = threading.Thread(target=self.server.serve_forever, args=[0.02])
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def source(tmp_path):
    source = Source()
    build_mmdb(write_geoip(tmp_path), tmp_path / "made")
    source.files["/2026-11-20261101.mmdb.gz"] = gzip.compress((tmp_path / "made" / "asn_cc.mmdb").read_bytes())
    yield source
    source.stop()


@pytest.fixture
def updater(source, tmp_path):
    sources = {"asn_cc.mmdb": f"{source.url}/{{month}}-{{release}}.mmdb.gz"}
    return GeoipUpdater(tmp_path / "geoip", sources, HandClock(), pause=lambda _: None)


def test_database_of_the_month_is_installed_once(updater, source):
    assert "installed" in updater.update()
    assert MmdbGeolocator(updater.folder).locate(GOOGLE).cc == "US"
    assert (updater.folder / "geoipdbts").read_text() == "2026-11"
    assert source.seen == [("/2026-11-20261101.mmdb.gz", "ooni-downloader")]
    assert "in place" in updater.update()
    assert len(source.seen) == 1


def test_former_database_is_kept(updater):
    build_mmdb(write_geoip(updater.folder.parent, [("8.8.8.0/24", "FR", "", "")]), updater.folder)
    former = (updater.folder / "asn_cc.mmdb").read_bytes()
    updater.update(force=True)
    assert (updater.folder / "asn_cc.mmdb.previous").read_bytes() == former
    assert sorted(file.name for file in updater.folder.iterdir()) == [
        "asn_cc.mmdb",
        "asn_cc.mmdb.previous",
        "geoipdbts",
    ]


def test_month_that_is_not_published_yet_is_no_failure(updater, source):
    source.files.clear()
    assert "not published yet" in updater.update()
    assert not (updater.folder / "geoipdbts").exists()


def test_files_for_countries_and_networks_are_swapped_together_or_not_at_all(source, tmp_path):
    (published,) = source.files.values()
    source.files = {"/cc.gz": published, "/asn.gz": gzip.compress(b"x" * 1000)}
    sources = {f"{name}.mmdb": f"{source.url}/{name}.gz" for name in ("cc", "asn")}
    updater = GeoipUpdater(tmp_path / "geoip", sources, HandClock(), pause=lambda _: None)
    with pytest.raises(Invalid, match=r"asn\.mmdb is not a GeoIP database"):
        updater.update()
    assert list(updater.folder.iterdir()) == []
    source.files["/asn.gz"] = published
    assert updater.update() == "installed GeoIP databases of 2026-11: asn.mmdb, cc.mmdb"
    assert MmdbGeolocator(updater.folder).locate(GOOGLE) == Location("US", 15169, "Google")


def test_last_month_serves_a_fresh_installation_until_this_month_is_published(updater, source):
    source.files["/2026-10-20261001.mmdb.gz"] = source.files.pop("/2026-11-20261101.mmdb.gz")
    assert updater.update() == "installed GeoIP databases of 2026-10: asn_cc.mmdb"
    assert updater.update() == "GeoIP databases of 2026-11 are not published yet"
    source.files["/2026-11-20261101.mmdb.gz"] = source.files.pop("/2026-10-20261001.mmdb.gz")
    assert updater.update() == "installed GeoIP databases of 2026-11: asn_cc.mmdb"


def test_only_its_own_leftovers_are_removed(updater):
    updater.folder.mkdir()
    for name in ("asn_cc.mmdb.gz.tmp", "somebody.tmp"):
        (updater.folder / name).write_bytes(b"x")
    updater.update()
    assert {file.name for file in updater.folder.glob("*.tmp")} == {"somebody.tmp"}


def unusable(tmp_path, networks):
    build_mmdb(write_geoip(tmp_path, networks), tmp_path / "unusable")
    return gzip.compress((tmp_path / "unusable" / "asn_cc.mmdb").read_bytes())


@pytest.mark.parametrize(
    "kind", ["not gzip", "not a database", "cut", "damaged", "does not know 8.8.8.8", "much larger"]
)
def test_bad_download_changes_nothing_and_is_tried_again(updater, source, tmp_path, kind):
    updater.update()
    good = (updater.folder / "asn_cc.mmdb").read_bytes()
    (updater.folder / "geoipdbts").write_text("2026-10")
    name = "/2026-11-20261101.mmdb.gz"
    published = source.files[name]
    source.files[name] = {
        "not gzip": b"<html>",
        "not a database": gzip.compress(b"x" * 1000),
        "cut": published[: len(published) // 2],
        "damaged": published[:20] + bytes(255 - byte for byte in published[20:]),
        "does not know 8.8.8.8": unusable(tmp_path, NETWORKS[:4]),
        "much larger": unusable(tmp_path, [*NETWORKS, *((f"9.{n}.1.0/24", "US", str(n + 1), "") for n in range(200))]),
    }[kind]
    with pytest.raises((Invalid, Unavailable)):
        updater.update()
    assert (updater.folder / "asn_cc.mmdb").read_bytes() == good
    assert sorted(file.name for file in updater.folder.iterdir()) == ["asn_cc.mmdb", "geoipdbts"]
    source.files[name] = published
    assert "installed" in updater.update()


def test_source_that_fails_for_a_moment_is_asked_again(updater, source):
    source.failures = [503, 500]
    assert "installed" in updater.update()
    source.failures = [503] * 3
    with pytest.raises(Unavailable, match="503"):
        updater.update(force=True)


def run(tmp_path, *arguments):
    settings = {"storage.data_dir": tmp_path / "data", "probes.test_lists_least": 5, "probes.test_lists_most": 100}
    settings |= {"probes.test_lists": f"file://{tmp_path}/origin.git"}
    flags = [text for key, value in settings.items() for text in ("--set", f"{key}={value}")]
    return CliRunner().invoke(cli, [*flags, *arguments])


def lists_in(tmp_path):
    engine = open_database(f"duckdb://{tmp_path}/data/ooni.duckdb")
    try:
        return {cc: len(entries) for cc, entries in SqlTestLists(engine).lists().by_cc.items()}
    finally:
        engine.close()


def test_lists_are_taken_from_their_repository(tmp_path):
    make_origin(tmp_path)
    tried = run(tmp_path, "run", "update-citizenlab", "--dry-run")
    assert tried.exit_code == 0, tried.output
    assert lists_in(tmp_path) == {}
    done = run(tmp_path, "run", "update-citizenlab")
    assert done.exit_code == 0, done.output
    assert "37 added, 0 removed" in done.output
    assert lists_in(tmp_path) == {"IT": 5, "US": 1, "ZZ": 31}
    publish(tmp_path, {"us": LISTS["us"] + "https://new.example/,NEWS,News Media,2023-04-13,,\nnonsense,NEWS,,,,\n"})
    done = run(tmp_path, "run", "update-citizenlab")
    assert "1 added, 0 removed" in done.output
    assert "left out: us.csv line 4" in done.output
    assert lists_in(tmp_path)["US"] == 2


def test_failed_update_of_lists_ends_with_a_status_and_changes_nothing(tmp_path):
    make_origin(tmp_path)
    run(tmp_path, "run", "update-citizenlab")
    publish(tmp_path, {"it": HEADER + 'https://a.example/,"NEWS\n'})
    broken = run(tmp_path, "run", "update-citizenlab")
    assert broken.exit_code == 1
    assert "it.csv line" in broken.output
    (tmp_path / "origin.git").rename(tmp_path / "away.git")
    away = run(tmp_path, "run", "update-citizenlab")
    assert away.exit_code == 1
    assert "does not answer" in away.output
    assert lists_in(tmp_path) == {"IT": 5, "US": 1, "ZZ": 31}


def test_running_service_brings_its_lists_up_to_date_itself(tmp_path):
    lists = f'[probes]\ntest_lists = "{make_origin(tmp_path)}"\ntest_lists_least = 5\nrefresh_seconds = 0.2\n'
    service = RunningService(tmp_path, settings=lists).start()

    def sent():
        asked = {"probe_cc": "IT", "probe_asn": "AS1", "run_type": "manual"}
        answer = post(f"{service.url}/api/v1/check-in", json=asked)
        return {each["url"] for each in answer.json()["tests"]["web_connectivity"]["urls"]}

    try:
        assert "https://0.it.example/" not in sent(), "an empty database gives the bundled list"
        assert "37 added" in service.run("run", "update-citizenlab").stdout
        assert eventually(lambda: len(sent()) == 31 + 5)
        publish(tmp_path, {"it": HEADER + 'https://a.example/,"NEWS\n'})
        broken = service.run("run", "update-citizenlab", check=False)
        assert (broken.returncode, "it.csv line" in broken.stderr) == (1, True), broken
        assert len(sent()) == 31 + 5
    finally:
        service.stop()


def test_geoip_is_updated_from_the_command_line(source, tmp_path):
    setting = f"probes.geoip_sources=asn_cc.mmdb={source.url}/{{month}}-{{release}}.mmdb.gz"
    done = run(tmp_path, "--set", setting, "--set", "clock.start=2026-11-02T00:00:00Z", "run", "update-geoip")
    assert done.exit_code == 0, done.output
    assert MmdbGeolocator(tmp_path / "data").locate(GOOGLE).asn == 15169
    wrong = run(tmp_path, "--set", "probes.geoip_sources=nonsense", "run", "update-geoip")
    assert wrong.exit_code == 1


def test_tor_targets_are_checked_from_the_command_line(tmp_path):
    file = tmp_path / "targets.json"
    file.write_text('{"a": {"address": "192.0.2.1:443", "fingerprint": "%s", "protocol": "or_port"}}' % ("A" * 40))
    good = run(tmp_path, "tor-targets", "check", str(file))
    assert (good.exit_code, "1 targets, all good" in good.output) == (0, True)
    file.write_text('{"a": {}}')
    bad = run(tmp_path, "tor-targets", "check", str(file))
    assert (bad.exit_code, "a: address" in bad.output) == (1, True)
    assert run(tmp_path, "tor-targets", "check").exit_code == 1
