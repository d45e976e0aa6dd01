"""What every kind of measurement file gives, however it is compressed."""

import gzip
import hashlib
import io
import json
import tarfile
import tracemalloc
from pathlib import Path

import lz4.frame
import pytest
import zstandard

from ooni_adapters.measurementfiles import MeasurementFile, Record, Rejected, find_files, read_file, read_stream
from ooni_adapters.measurementfiles import lines as lines_module
from ooni_adapters.measurementfiles import reader as reader_module
from tests.archives import tar

UID = "20240102030405.678901_IT_signal_0123456789abcdef"
COMPRESSIONS = {
    "": lambda content: content,
    ".gz": gzip.compress,
    ".zst": lambda content: zstandard.ZstdCompressor().compress(content),
    ".lz4": lz4.frame.compress,
}
compressed = pytest.mark.parametrize("suffix", COMPRESSIONS)


def measurement(number: int, **fields: object) -> bytes:
    return json.dumps({"report_id": f"r{number}", "padding": "x" * 200} | fields).encode()


def lines(count: int) -> bytes:
    return b"".join(measurement(number) + b"\n" for number in range(count))


def entries(name: str, content: bytes) -> list[Record | Rejected]:
    return list(read_stream(io.BytesIO(content), name))


class TestJsonLines:
    @compressed
    def test_each_line_is_a_measurement_with_its_newline_and_number(self, tmp_path: Path, suffix: str):
        path = tmp_path / f"x.jsonl{suffix}"
        path.write_bytes(COMPRESSIONS[suffix](lines(3)))
        assert list(read_file(str(path))) == [
            Record(f"{path}#{number + 1}", measurement(number) + b"\n") for number in range(3)
        ]

    @compressed
    def test_members_and_frames_are_read_as_one_file(self, suffix: str):
        pack = COMPRESSIONS[suffix]
        content = b"".join(pack(measurement(number) + b"\n") for number in range(50))
        assert [entry.body for entry in entries(f"x.jsonl{suffix}", content)] == lines(50).splitlines(keepends=True)

    def test_last_line_needs_no_newline(self):
        assert [entry.body for entry in entries("x.jsonl", b"{}\n[]")] == [b"{}\n", b"[]"]

    def test_empty_lines_count_but_are_no_measurements(self):
        assert [entry.source for entry in entries("x.jsonl", b"\n{}\n \r\n{}\n")] == ["x.jsonl#2", "x.jsonl#4"]

    def test_line_is_named_by_the_measurement_uid_in_it(self):
        [named, unnamed, odd] = entries(
            "x.jsonl", b'{"measurement_uid":"' + UID.encode() + b'"}\n{}\n{"measurement_uid":7}'
        )
        assert (named.measurement_uid, unnamed.measurement_uid, odd.measurement_uid) == (UID, None, None)

    def test_measurement_uid_inside_a_nested_object_names_nothing(self):
        [entry] = entries("x.jsonl", b'{"test_keys":{"measurement_uid":"x"}}\n')
        assert entry.measurement_uid is None

    def test_lines_of_a_published_file_are_named_by_the_index_beside_it(self, tmp_path: Path):
        (tmp_path / "b.n0.0.jsonl.gz").write_bytes(gzip.compress(b'{"a":1}\n{"a":2}\n{}\n'))
        index = [{"linenum": 1, "measurement_uid": "second", "x": 0}, {"linenum": 0, "measurement_uid": "first"}]
        (tmp_path / "b.n0.0.index.ndjson.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, index)).encode()))
        found = list(read_file(str(tmp_path / "b.n0.0.jsonl.gz")))
        assert [entry.measurement_uid for entry in found] == ["first", "second", None]

    def test_damaged_index_is_not_guessed_at(self, tmp_path: Path):
        (tmp_path / "b.jsonl").write_bytes(b"{}\n")
        (tmp_path / "b.index.ndjson.gz").write_bytes(gzip.compress(b'{"linenum":0}\n'))
        [entry] = read_file(str(tmp_path / "b.jsonl"))
        assert entry.kind == "bad_file"
        assert "index" in entry.reason

    def test_too_long_line_is_rejected_and_the_next_one_read(self, monkeypatch):
        monkeypatch.setattr(lines_module, "MAX_RECORD_BYTES", 100)
        [rejected, record] = entries("x.jsonl", b"[" + b"1," * 4_000_000 + b"1]\n{}\n")
        assert (rejected.source, rejected.kind) == ("x.jsonl#1", "too_large")
        assert (record.source, record.body) == ("x.jsonl#2", b"{}\n")


class TestDamage:
    @pytest.mark.parametrize("suffix", [".gz", ".zst", ".lz4"])
    @pytest.mark.parametrize("kept", [0.3, 0.9, 0.999])
    def test_file_cut_short_gives_what_was_whole_and_says_so(self, suffix: str, kept: float):
        whole = COMPRESSIONS[suffix](
            b"".join(measurement(n, salt=hashlib.sha256(b"%d" % n).hexdigest()) + b"\n" for n in range(3000))
        )
        found = entries(f"x.jsonl{suffix}", whole[: int(len(whole) * kept)])
        assert isinstance(found[-1], Rejected)
        assert (found[-1].source, found[-1].kind) == (f"x.jsonl{suffix}", "bad_file")
        assert all(json.loads(entry.body) for entry in found[:-2])

    @pytest.mark.parametrize("suffix", [".gz", ".zst", ".lz4"])
    def test_flipped_bytes_are_reported_not_raised(self, suffix: str):
        content = bytearray(COMPRESSIONS[suffix](lines(2000)))
        for at in range(len(content) // 2, len(content) // 2 + 20):
            content[at] ^= 0xFF
        assert entries(f"x.jsonl{suffix}", bytes(content))[-1].kind == "bad_file"

    def test_missing_file_is_reported(self, tmp_path: Path):
        [entry] = read_file(str(tmp_path / "no.jsonl"))
        assert entry == Rejected(str(tmp_path / "no.jsonl"), "cannot be opened: No such file or directory", "bad_file")

    def test_name_does_not_have_to_tell_the_compression(self):
        assert [entry.body for entry in entries("x.jsonl.gz", lines(1))] == [lines(1)]
        assert [entry.body for entry in entries("x.jsonl", gzip.compress(lines(1)))] == [lines(1)]

    def test_skippable_frames_are_skipped(self):
        skippable = (0x184D2A5E).to_bytes(4, "little") + (5).to_bytes(4, "little") + b"table"
        packed = COMPRESSIONS[".zst"](lines(2))
        assert len(entries("x.jsonl.zst", packed + skippable)) == 2
        assert len(entries("x.jsonl.zst", skippable + packed)) == 2

    def test_decompression_bomb_is_read_in_small_pieces(self, monkeypatch):
        monkeypatch.setattr(lines_module, "MAX_RECORD_BYTES", 2**20)
        bomb = zstandard.ZstdCompressor(level=1).compress(b"1" * 300_000_000)
        assert len(bomb) < 20_000
        tracemalloc.start()
        found = entries("x.jsonl.zst", bomb)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert [entry.kind for entry in found] == ["too_large"]
        assert peak < 100_000_000


class TestPosts:
    def test_post_is_one_measurement_named_by_its_file(self, tmp_path: Path):
        path = tmp_path / f"{UID}.post"
        path.write_bytes(b'{"format":"json",\n"content":{}}')
        assert list(read_file(str(path))) == [Record(str(path), path.read_bytes(), UID)]

    def test_any_name_is_a_name(self):
        assert entries("a/2024.post", b"{}") == [Record("a/2024.post", b"{}", "2024")]

    def test_empty_post_is_still_an_entry(self):
        assert entries(f"{UID}.post", b"") == [Record(f"{UID}.post", b"", UID)]

    def test_too_large_post_is_rejected(self, monkeypatch):
        monkeypatch.setattr(reader_module, "MAX_RECORD_BYTES", 10)
        assert [entry.kind for entry in entries(f"{UID}.post", b"x" * 11)] == ["too_large"]


class TestPostcans:
    @compressed
    @pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
    def test_members_are_named_by_their_base_name(self, suffix: str, format: int):
        names = [f"2024010203_IT_signal/{UID}.post", f"var/lib/ooniapi/measurements/incoming/x/{UID[:-1]}0.post"]
        content = COMPRESSIONS[suffix](tar({name: measurement(n) for n, name in enumerate(names)}, format))
        assert entries(f"x.tar{suffix}", content) == [
            Record(f"x.tar{suffix}#{names[0]}", measurement(0), UID),
            Record(f"x.tar{suffix}#{names[1]}", measurement(1), f"{UID[:-1]}0"),
        ]

    def test_archive_named_gz_may_be_plain(self):
        assert [entry.measurement_uid for entry in entries("x.tar.gz", tar({f"{UID}.post": b"{}"}))] == [UID]

    @pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
    def test_long_and_foreign_names_survive(self, format: int):
        name = f"{'ö' * 150}/{UID}.post"
        assert [e.source for e in entries("x.tar", tar({name: b"{}", "b.post": b"{}"}, format))] == [
            f"x.tar#{name}",
            "x.tar#b.post",
        ]

    def test_other_members_are_rejected_by_name_and_the_next_one_read(self):
        [other, post] = entries("x.tar", tar({"a/README": b"hello", f"a/{UID}.post": b"{}"}))
        assert (other.source, other.kind) == ("x.tar#a/README", "not_a_measurement")
        assert post.measurement_uid == UID

    def test_folders_in_an_archive_are_nothing(self):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as archive:
            folder = tarfile.TarInfo("folder/")
            folder.type = tarfile.DIRTYPE
            archive.addfile(folder)
            link = tarfile.TarInfo("link.post")
            link.type = tarfile.SYMTYPE
            link.linkname = "/etc/passwd"
            archive.addfile(link)
        [entry] = entries("x.tar", out.getvalue())
        assert (entry.source, entry.kind) == ("x.tar#link.post", "not_a_measurement")

    def test_damage_says_after_which_member(self):
        content = bytearray(tar({f"{n}.post": b"{}" for n in range(3)}, tarfile.USTAR_FORMAT))
        content[2 * 1024 : 2 * 1024 + 50] = b"\xff" * 50
        found = entries("x.tar", bytes(content))
        assert [entry.measurement_uid for entry in found[:2]] == ["0", "1"]
        assert (found[2].source, found[2].kind) == ("x.tar", "bad_file")
        assert "after member '1.post'" in found[2].reason

    @pytest.mark.parametrize("cut", [100, 600, 1024, 1500, 1536])
    def test_archive_cut_anywhere_is_reported(self, cut: int):
        whole = tar({f"{n}.post": b"x" * 600 for n in range(3)}, tarfile.USTAR_FORMAT)
        assert entries("x.tar", whole[:cut])[-1].kind == "bad_file"

    def test_too_large_member_is_skipped(self, monkeypatch):
        monkeypatch.setattr(reader_module, "MAX_RECORD_BYTES", 10)
        [large, small] = entries("x.tar", tar({"a.post": b"x" * 3000, "b.post": b"{}"}))
        assert (large.kind, small.body) == ("too_large", b"{}")

    def test_old_can_holds_reports_of_many_lines(self):
        content = lz4.frame.compress(tar({"a.json": lines(2), "b.json": lines(1)[:-1]}))
        assert [entry.source for entry in entries("x.tar.lz4", content)] == [
            "x.tar.lz4#a.json#1",
            "x.tar.lz4#a.json#2",
            "x.tar.lz4#b.json#1",
        ]


class TestJsonDocuments:
    @compressed
    def test_one_document_over_many_lines_is_one_measurement(self, suffix: str):
        body = json.dumps(json.loads(measurement(1)), indent=2).encode()
        assert entries(f"x.json{suffix}", COMPRESSIONS[suffix](body)) == [Record(f"x.json{suffix}", body)]

    @compressed
    def test_report_has_a_measurement_on_each_line(self, suffix: str):
        found = entries(f"x.json{suffix}", COMPRESSIONS[suffix](lines(3)))
        assert [entry.source for entry in found] == [f"x.json{suffix}#{number}" for number in (1, 2, 3)]
        assert b"".join(entry.body for entry in found) == lines(3)

    def test_broken_line_is_kept_for_scoring_to_judge(self):
        found = entries("x.json", b"{broken\n" + lines(2))
        assert [entry.body for entry in found] == [b"{broken\n", *lines(2).splitlines(keepends=True)]

    def test_single_line_is_one_document(self):
        assert entries("x.json", b'{"measurement_uid":"u"}\n') == [Record("x.json", b'{"measurement_uid":"u"}\n', "u")]

    def test_endless_nesting_is_no_error_here(self):
        [entry] = entries("x.json", b"[" * 100_000)
        assert isinstance(entry, Record)


class TestContentDecidesWhereTheNameDoesNot:
    def test_tar(self):
        assert [entry.measurement_uid for entry in entries("-", gzip.compress(tar({"u.post": b"{}"})))] == ["u"]

    def test_lines(self):
        assert [entry.source for entry in entries("-", lz4.frame.compress(lines(2)))] == ["-#1", "-#2"]

    def test_nothing_is_one_empty_document_less(self):
        assert entries("x.jsonl", b"") == []


def test_position_follows_the_stored_bytes(tmp_path: Path):
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress(lines(10)))
    file = MeasurementFile(str(path))
    assert len(list(file.entries())) == 10
    assert file.position == path.stat().st_size


class TestFindingFiles:
    def found(self, *paths: Path) -> tuple[list[str], list[str]]:
        over: list[str] = []
        root = paths[0]
        return [str(Path(f.path).relative_to(root)) for f in find_files(map(str, paths), over.append)], [
            Path(path).name for path in over
        ]

    def test_folders_are_read_in_the_order_of_names(self, tmp_path: Path):
        for name in ("b/1.post", "a/2.jsonl", "a/10.jsonl.gz", "c.json", "a/z/0.tar.lz4"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(b"{}")
        assert self.found(tmp_path)[0] == ["a/10.jsonl.gz", "a/2.jsonl", "a/z/0.tar.lz4", "b/1.post", "c.json"]

    def test_partial_files_indexes_and_others_are_not_read(self, tmp_path: Path):
        for name in ("x.post.tmp", "index.json.gz", "b.index.ndjson.gz", "README.md", ".hidden.json", "ok.post"):
            (tmp_path / name).write_bytes(b"{}")
        assert self.found(tmp_path) == (["ok.post"], [".hidden.json", "README.md", "x.post.tmp"])

    def test_of_the_forms_of_one_batch_only_the_archive_is_read(self, tmp_path: Path):
        stem = "2024010203_IT_signal.n0.0"
        for form in ("jsonl.gz", "jsonl.zst", "tar.gz"):
            (tmp_path / f"{stem}.{form}").write_bytes(b"")
        (tmp_path / "2024010203_IT_signal.n0.1.jsonl.gz").write_bytes(b"")
        assert self.found(tmp_path)[0] == [f"{stem}.tar.gz", "2024010203_IT_signal.n0.1.jsonl.gz"]

    def test_file_that_is_asked_for_is_read_whatever_its_name(self, tmp_path: Path):
        (tmp_path / "README.md").write_bytes(b"")
        assert [found.size for found in find_files([str(tmp_path / "README.md")])] == [0]
