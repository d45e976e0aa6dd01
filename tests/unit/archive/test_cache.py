"""Recently read parts of files."""

from ooni_core.archive.cache import RecentParts


def test_the_part_not_asked_for_the_longest_goes_first():
    recent = RecentParts(parts=2)
    recent.put("a", b"1")
    recent.put("b", b"2")
    assert recent.get("a") == b"1"
    recent.put("c", b"3")
    assert (recent.get("a"), recent.get("b"), recent.get("c")) == (b"1", None, b"3")


def test_long_parts_are_not_kept():
    recent = RecentParts(part_bytes=10)
    recent.put("a", b"x" * 11)
    assert recent.get("a") is None
