"""The copy of the lists beside the service."""

import pytest

from ooni_adapters.probefiles import FailoverFile
from ooni_core.errors import Unavailable
from ooni_core.prioritization.model import ListedUrl, TestLists

LISTS = TestLists.of([ListedUrl("https://a.example/", "a.example", "ZZ", "NEWS")])


@pytest.fixture
def copy(tmp_path):
    return FailoverFile(tmp_path / "folder" / "lists.json.gz")


def test_copy_is_given_back_and_replaced(copy):
    assert copy.load() is None
    for lists in (LISTS, TestLists.of([])):
        copy.save(lists)
        assert copy.load() == lists


def test_copy_that_cannot_be_read_is_none(copy):
    copy.save(LISTS)
    copy.file.write_bytes(b"nonsense")
    assert copy.load() is None


def test_copy_that_cannot_be_written_leaves_the_former_one(copy):
    copy.save(LISTS)
    folder = copy.file.parent
    folder.rename(folder.with_name("moved"))
    folder.write_text("a file in its place")
    with pytest.raises(Unavailable):
        copy.save(TestLists.of([]))
    folder.unlink()
    folder.with_name("moved").rename(folder)
    assert copy.load() == LISTS
