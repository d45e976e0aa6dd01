"""What every ObjectStore promises, one test per sentence of the port."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ooni_adapters.objectstore import open_object_store
from ooni_adapters.objectstore.memory import MemoryObjects
from ooni_core.errors import Conflict, Invalid, NotFound, Unavailable
from ooni_core.publication.ports import ObjectStore
from tests.contract.objectstore.conftest import KEYS_PER_PAGE

KEY = "raw/20260304/12/IT/webconnectivity/2026030412_IT_webconnectivity.n0.0.jsonl.gz"


class ObjectStoreContract:
    """Subclasses supply only ``objects``."""

    def test_what_was_put_is_got_back(self, objects: ObjectStore) -> None:
        content = bytes(range(256)) * 300
        objects.put(KEY, content)
        assert objects.get(KEY) == content

    def test_an_empty_object_is_an_object(self, objects: ObjectStore) -> None:
        objects.put(KEY, b"")
        assert objects.get(KEY) == b""
        assert objects.size(KEY) == 0

    @pytest.mark.parametrize("is_there", [True, False])
    def test_put_with_a_copy_at_hand_keeps_the_content(
        self, objects: ObjectStore, tmp_path: Path, is_there: bool
    ) -> None:
        copy = tmp_path / "copy"
        if is_there:
            copy.write_bytes(b"content")
        objects.put(KEY, b"content", str(copy))
        copy.unlink(missing_ok=True)
        assert objects.get(KEY) == b"content"

    def test_put_of_other_bytes_with_a_copy_at_hand_is_refused(self, objects: ObjectStore, tmp_path: Path) -> None:
        copy = tmp_path / "copy"
        copy.write_bytes(b"other")
        objects.put(KEY, b"content")
        with pytest.raises(Conflict):
            objects.put(KEY, b"other", str(copy))
        assert objects.get(KEY) == b"content"

    def test_putting_equal_bytes_again_does_nothing(self, objects: ObjectStore) -> None:
        objects.put(KEY, b"one")
        objects.put(KEY, b"one")
        assert objects.get(KEY) == b"one"

    def test_other_bytes_under_the_same_key_are_refused(self, objects: ObjectStore) -> None:
        objects.put(KEY, b"one")
        with pytest.raises(Conflict):
            objects.put(KEY, b"two")
        assert objects.get(KEY) == b"one"

    def test_of_simultaneous_puts_exactly_one_content_wins(self, objects: ObjectStore) -> None:
        def put(content: bytes) -> bool:
            try:
                objects.put(KEY, content)
            except Conflict:
                return False
            return True

        contents = [b"a", b"b", b"c", b"d"]
        with ThreadPoolExecutor(4) as pool:
            stored = list(pool.map(put, contents))
        assert stored.count(True) == 1
        assert objects.get(KEY) == contents[stored.index(True)]

    def test_what_is_not_there_is_not_found(self, objects: ObjectStore) -> None:
        with pytest.raises(NotFound):
            objects.get(KEY)
        with pytest.raises(NotFound):
            objects.get_range(KEY, 0, 10)
        assert objects.size(KEY) is None

    def test_a_folder_is_not_an_object(self, objects: ObjectStore) -> None:
        objects.put("raw/20260304/file", b"x")
        with pytest.raises(NotFound):
            objects.get("raw/20260304")
        assert objects.size("raw/20260304") is None

    @pytest.mark.parametrize(("offset", "length"), [(0, 1), (0, 10), (3, 4), (9, 1), (5, 100), (10, 5), (3, 0)])
    def test_a_range_is_that_part_of_the_object(self, objects: ObjectStore, offset: int, length: int) -> None:
        objects.put(KEY, b"0123456789")
        assert objects.get_range(KEY, offset, length) == b"0123456789"[offset : offset + length]

    def test_size_is_the_length_in_bytes(self, objects: ObjectStore) -> None:
        objects.put(KEY, b"x" * 12345)
        assert objects.size(KEY) == 12345

    def test_keys_are_those_below_the_folder_sorted(self, objects: ObjectStore) -> None:
        names = ["raw/b/2", "raw/b/10", "raw/a/1", "raw/ab/1", "manifests/1"]
        for name in names:
            objects.put(name, b"x")
        assert list(objects.keys("raw")) == ["raw/a/1", "raw/ab/1", "raw/b/10", "raw/b/2"]
        assert list(objects.keys("raw/a/")) == ["raw/a/1"]
        assert list(objects.keys("")) == sorted(names)
        assert list(objects.keys("nothing/here")) == []

    def test_more_keys_than_one_page_of_a_listing(self, objects: ObjectStore) -> None:
        names = [f"raw/x/{number:04}" for number in range(2 * KEYS_PER_PAGE + 5)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: objects.put(name, b""), names))
        assert list(objects.keys("raw/x")) == names

    def test_a_deleted_object_is_gone_and_may_be_deleted_again(self, objects: ObjectStore) -> None:
        objects.put(KEY, b"x")
        objects.delete(KEY)
        objects.delete(KEY)
        assert objects.size(KEY) is None
        assert list(objects.keys("")) == []

    def test_a_replaced_object_is_the_joined_parts(self, objects: ObjectStore) -> None:
        objects.put(KEY, b"old")
        objects.replace(KEY, iter([b"a" * 70_000, b"", b"b"]))
        assert objects.get(KEY) == b"a" * 70_000 + b"b"
        objects.replace("new", [])
        assert objects.get("new") == b""

    def test_a_large_object_can_be_replaced_part_by_part(self, objects: ObjectStore) -> None:
        objects.replace(KEY, (bytes([number]) * (3 << 20) for number in range(24)))
        assert objects.size(KEY) == 72 << 20
        assert objects.get_range(KEY, (33 << 20) - 1, 2) == b"\x0a\x0b"

    @pytest.mark.parametrize("sizes", [[10], [40 << 20, 40 << 20]], ids=["small", "large"])
    def test_when_the_parts_fail_the_old_object_stays(self, objects: ObjectStore, sizes: list[int]) -> None:
        def parts():
            for size in sizes:
                yield b"x" * size
            raise ValueError("the source broke")

        objects.put(KEY, b"old")
        with pytest.raises(ValueError, match="source broke"):
            objects.replace(KEY, parts())
        assert objects.get(KEY) == b"old"
        assert list(objects.keys("")) == [KEY]

    @pytest.mark.parametrize(
        "key", ["", "/raw/x", "raw//x", "../x", "raw/../../x", "raw/./x", "raw\\x", "a\nb", "x" * 1001]
    )
    def test_keys_that_could_escape_are_refused(self, objects: ObjectStore, key: str) -> None:
        for act in (objects.get, objects.size, objects.delete, lambda name: objects.put(name, b"")):
            with pytest.raises(Invalid):
                act(key)


class TestMemoryObjects(ObjectStoreContract):
    @pytest.fixture
    def objects(self) -> ObjectStore:
        return MemoryObjects()


class TestFolderObjects(ObjectStoreContract):
    @pytest.fixture
    def objects(self, tmp_path: Path) -> ObjectStore:
        return open_object_store(f"file://{tmp_path}/objects")


class TestS3Objects(ObjectStoreContract):
    @pytest.fixture
    def objects(self, s3_endpoint: str, s3_bucket: str) -> ObjectStore:
        return open_object_store(f"s3://{s3_bucket}/some/prefix", endpoint=s3_endpoint, key="k", secret="s")


class TestOpening:
    @pytest.mark.parametrize("url", ["", "ftp://x/y", "file://host/x", "s3://", "/just/a/path"])
    def test_a_url_that_names_no_store_is_refused(self, url: str) -> None:
        with pytest.raises(Invalid, match="is not an object store"):
            open_object_store(url)

    def test_an_unknown_option_is_refused(self) -> None:
        with pytest.raises(Invalid, match="colour"):
            open_object_store("s3://bucket", colour="red")

    def test_options_of_s3_make_no_sense_elsewhere(self, tmp_path: Path) -> None:
        with pytest.raises(Invalid, match="takes no options"):
            open_object_store(f"file://{tmp_path}", endpoint="http://127.0.0.1:1")

    def test_memory_stores_are_told_apart_by_name(self) -> None:
        open_object_store("memory://opening/one").put("a", b"1")
        assert open_object_store("memory://opening/one").get("a") == b"1"
        assert open_object_store("memory://opening/two").size("a") is None


class TestLinkingFolder:
    def test_a_copy_on_the_same_file_system_is_not_written_again(self, tmp_path: Path) -> None:
        copy = tmp_path / "copy"
        copy.write_bytes(b"content")
        open_object_store(f"file://{tmp_path}/objects").put(KEY, b"content", str(copy))
        assert copy.samefile(tmp_path / "objects" / KEY)


class TestFailingFolder:
    @pytest.mark.parametrize("name", ["fsync", "link"])
    def test_a_failed_put_is_whole_or_absent_and_may_be_repeated(self, tmp_path: Path, monkeypatch, name: str) -> None:
        objects = open_object_store(f"file://{tmp_path}/objects")

        def fail(*args: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as failing:
            failing.setattr(os, name, fail)
            with pytest.raises(Unavailable, match="No space left"):
                objects.put(KEY, b"whole")
        assert objects.size(KEY) in (None, 5)
        assert list(tmp_path.rglob("*.partial")) == []
        objects.put(KEY, b"whole")
        assert objects.get(KEY) == b"whole"
