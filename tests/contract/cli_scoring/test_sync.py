"""``ooni sync`` against a folder and against an S3 service."""

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner, Result

from ooni_adapters.measurementfiles.copying import Copy, StoppedError
from ooni_adapters.measurementfiles.published import PublishedFile, Selection, published_file
from ooni_adapters.measurementfiles.remote import PublishedFiles
from ooni_core.errors import NotFound, Unavailable
from ooni_entrypoints.cli.sync import command

KEYS = (
    "raw/20240101/00/IT/signal/2024010100_IT_signal.n0.0.jsonl.gz",
    "raw/20240101/00/IT/signal/2024010100_IT_signal.n0.0.index.ndjson.gz",
    "raw/20240101/00/IT/signal/2024010100_IT_signal.n0.0.tar.gz",
    "raw/20240101/23/US/webconnectivity/2024010123_US_webconnectivity.n0.0.jsonl.gz",
    "raw/20240102/00/IT/signal/2024010200_IT_signal.n1.3.jsonl.gz",
    "jsonl/signal/IT/20200901/00/20200901_IT_signal.x.0123456789abcdef.jsonl.gz",
    "jsonl/web_connectivity/US/20200901/00/20200901_US_web_connectivity.l.0.jsonl.gz",
    "canned/2020-09-01/web_connectivity.0.tar.lz4",
    "canned/2020-09-01/20200901T141726Z-US-AS20093-facebook_messenger-20200901T141726Z_AS20093_x-0.2.0-probe.json.lz4",
    "canned/2020-09-01/index.json.gz",
    "robots.txt",
)


def content(key: str) -> bytes:
    return (key.encode() * 400)[: 5000 + len(key)]


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    folder = tmp_path / "bucket"
    for key in KEYS:
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(content(key))
    return folder


@pytest.fixture
def sync(tmp_path: Path, bucket: Path) -> Callable[..., Result]:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(command, [f"file://{bucket}", "-o", str(tmp_path / "copy"), *arguments])

    return run


def copied(tmp_path: Path) -> list[str]:
    root = tmp_path / "copy"
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


WEEK = ("--start-day", "2024-01-01", "--end-day", "2024-01-08")
OLD_DAY = ("--start-day", "2020-09-01", "--end-day", "2020-09-02")


class TestSelecting:
    def test_copies_lines_and_their_indexes_with_every_byte(self, sync, tmp_path: Path):
        assert sync(*WEEK).exit_code == 0
        assert copied(tmp_path) == sorted(key for key in KEYS if key.startswith("raw") and "tar" not in key)
        assert all((tmp_path / "copy" / key).read_bytes() == content(key) for key in copied(tmp_path))

    def test_end_day_is_not_copied(self, sync, tmp_path: Path):
        assert sync("--start-day", "2024-01-01", "--end-day", "2024-01-02").exit_code == 0
        assert KEYS[4] not in copied(tmp_path)
        assert KEYS[0] in copied(tmp_path)

    def test_selects_countries_and_nettests_in_any_spelling(self, sync, tmp_path: Path):
        assert sync(*WEEK, "--probe-cc", "us, fr", "--test-name", "web_connectivity").exit_code == 0
        assert copied(tmp_path) == [KEYS[3]]

    def test_postcans_are_copied_instead_when_asked_for(self, sync, tmp_path: Path):
        assert sync(*WEEK, "--files", "postcan").exit_code == 0
        assert copied(tmp_path) == [KEYS[2]]

    def test_archive_of_old_years_has_its_own_folders(self, sync, tmp_path: Path):
        assert sync(*OLD_DAY, "--testnames", "webconnectivity", "--ccs", "US").exit_code == 0
        assert copied(tmp_path) == [KEYS[6]]

    def test_cans_that_mix_countries_are_copied_for_any_country(self, sync, tmp_path: Path):
        assert sync(*OLD_DAY, "--files", "postcan", "--ccs", "IT").exit_code == 0
        assert copied(tmp_path) == [KEYS[7]]

    def test_everything_is_everything_published(self, sync, tmp_path: Path):
        assert sync("--start-day", "2020-01-01", "--end-day", "2024-12-31", "--files", "all").exit_code == 0
        assert copied(tmp_path) == sorted(
            key for key in KEYS if key not in {"robots.txt", "canned/2020-09-01/index.json.gz"}
        )

    def test_end_before_start_is_refused(self, sync):
        result = sync("--start-day", "2024-01-02", "--end-day", "2024-01-02")
        assert result.exit_code == 2
        assert "--end-day" in result.output


class TestRepeating:
    def test_what_is_complete_is_not_fetched_again(self, sync):
        assert "4 files fetched" in sync(*WEEK).output
        assert "0 files fetched" in sync(*WEEK).output

    def test_what_is_missing_cut_short_or_changed_is_fetched(self, sync, tmp_path: Path, bucket: Path):
        sync(*WEEK)
        (tmp_path / "copy" / KEYS[0]).unlink()
        (tmp_path / "copy" / KEYS[1]).write_bytes(b"cut")
        (bucket / KEYS[3]).write_bytes(b"something was withdrawn")
        assert "3 files fetched" in sync(*WEEK).output
        assert all((tmp_path / "copy" / key).read_bytes() == (bucket / key).read_bytes() for key in copied(tmp_path))

    def test_interrupted_download_goes_on_where_it_stopped(self, bucket: Path, tmp_path: Path):
        source = PublishedFiles(f"file://{bucket}")
        [file] = source.find(Selection(date(2024, 1, 1), date(2024, 1, 2), forms=frozenset({"postcan"})))
        target = tmp_path / "copy.tar.gz"
        partial = tmp_path / f".copy.tar.gz.{file.size}.partial"
        partial.write_bytes(content(file.key)[:3000])
        pieces: list[int] = []
        source.download(file, target, pieces.append)
        assert target.read_bytes() == content(file.key)
        assert pieces == [file.size - 3000]
        assert not partial.exists()

    def test_stopped_download_leaves_no_file_under_its_final_name(self, bucket: Path, tmp_path: Path):
        copy = Copy(PublishedFiles(f"file://{bucket}"), tmp_path / "copy")
        selection = Selection(date(2024, 1, 1), date(2024, 1, 8))
        copy.stop()
        with pytest.raises(StoppedError):
            copy.fetch(copy.plan(selection).missing[0])
        assert all(name.endswith(".partial") for name in copied(tmp_path))
        assert len(copy.plan(selection).missing) == 5


class TestFailures:
    def test_object_shorter_than_announced_is_never_taken_for_it(self, bucket: Path, tmp_path: Path):
        file = published_file(KEYS[0], size=10**6)
        with pytest.raises(Unavailable, match="ends after"):
            PublishedFiles(f"file://{bucket}").download(file, tmp_path / "x")
        assert list(tmp_path.glob("x*")) == []

    def test_other_content_of_the_same_size_is_noticed_by_its_hash(self, bucket: Path, tmp_path: Path):
        file = published_file(KEYS[0], len(content(KEYS[0])), md5="0" * 32)
        with pytest.raises(Unavailable, match="MD5"):
            PublishedFiles(f"file://{bucket}").download(file, tmp_path / "x")

    def test_object_that_is_gone_is_not_found(self, bucket: Path, tmp_path: Path):
        file = published_file(KEYS[0].replace(".0.", ".9."), size=1)
        with pytest.raises(NotFound):
            PublishedFiles(f"file://{bucket}").download(file, tmp_path / "x")

    def test_failed_files_are_listed_and_the_status_says_so(self, sync, bucket: Path, monkeypatch):
        def vanish(self: Copy, file: PublishedFile) -> None:
            raise NotFound(f"there is no {file.key}")

        monkeypatch.setattr(Copy, "fetch", vanish)
        result = sync(*WEEK)
        assert result.exit_code == 1
        assert "4 failed" in result.output
        assert f"there is no {KEYS[0]}" in result.output

    @pytest.mark.parametrize(
        "key", ["raw/20240101/00/IT/signal/../../../x", "raw/20249901/00/IT/s/2024990100_IT_s.x", "x"]
    )
    def test_keys_that_lead_elsewhere_are_no_published_files(self, key: str):
        assert published_file(key, 1) is None


@attrs.frozen
class Service:
    url: str
    options: dict[str, object]


@pytest.fixture(scope="module")
def s3() -> Service:
    moto_server = pytest.importorskip("moto.server")
    import boto3

    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "eu-central-1"}
    before = {name: os.environ.get(name) for name in keys}
    os.environ.update(keys)
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket="public", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    for key in KEYS:
        client.put_object(Bucket="public", Key=key, Body=content(key))
    yield Service("s3://public", {"endpoint_url": endpoint})
    client.close()
    server.stop()
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


class TestS3:
    def test_copies_byte_for_byte(self, s3: Service, tmp_path: Path):
        arguments = [
            s3.url,
            "-o",
            str(tmp_path / "copy"),
            *WEEK,
            "--signed",
            "--endpoint-url",
            s3.options["endpoint_url"],
        ]
        result = CliRunner().invoke(command, arguments)
        assert result.exit_code == 0, result.output
        assert len(copied(tmp_path)) == 4
        assert all((tmp_path / "copy" / key).read_bytes() == content(key) for key in copied(tmp_path))

    def test_verify_finds_a_changed_byte(self, s3: Service, tmp_path: Path):
        copy = Copy(PublishedFiles(s3.url, s3.options), tmp_path, verify=True)
        selection = Selection(date(2024, 1, 1), date(2024, 1, 2), forms=frozenset({"postcan"}))
        [file] = copy.plan(selection).missing
        copy.fetch(file)
        assert copy.plan(selection).missing == ()
        damaged = bytearray(content(file.key))
        damaged[100] ^= 1
        (tmp_path / file.key).write_bytes(damaged)
        assert copy.plan(selection).missing == (file,)
