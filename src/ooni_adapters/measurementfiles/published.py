"""How published files are named and where: the three layouts of the public buckets, past and present."""

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from datetime import date, timedelta

import attrs

from ooni_core.publication.model import SIDECAR

_RAW = re.compile(
    r"raw/(?P<day>\d{8})/(?P<hour>\d\d)/(?P<cc>[A-Z]{2})/(?P<test>[a-z0-9]+)/\d{10}_[A-Z]{2}_[a-z0-9]+\.[\w.-]+"
)
_JSONL = re.compile(r"jsonl/(?P<test>[a-z0-9_]+)/(?P<cc>[A-Z]{2})/(?P<day>\d{8})/\d\d/[\w.-]+")
_CAN = re.compile(
    r"canned/(?P<day>\d{4}-\d\d-\d\d)/"
    r"(?:[0-9TZ]+-(?P<cc>[A-Z]{2})-AS\d+-(?P<test>[a-z0-9_]+)-|(?P<bundle>[a-z0-9_]+)\.\d+\.tar)[\w.-]*"
)
_FORMS = (
    (SIDECAR, "index"),
    ("index.json.gz", "other"),
    (".jsonl.gz", "jsonl"),
    (".jsonl.zst", "jsonl.zst"),
    (".tar.gz", "postcan"),
    (".lz4", "can"),
)

LAST_DAY_OF_CANS = date(2020, 10, 21)
"""Until then live data were published as cans; the archive of lines under ``jsonl/`` ends then too."""


@attrs.frozen
class PublishedFile:
    """One file of a public bucket.

    Attributes:
        key: its name in the bucket.
        size: in bytes.
        day: UTC day on which its measurements arrived.
        probe_cc: country of its measurements; empty when it holds several.
        test_name: short name, without underscores.
        form: ``jsonl``, ``jsonl.zst``, ``index``, ``postcan``, ``can`` or ``other``.
        md5: of the content, in hexadecimal, where the store knows it.
        sha256: of the content, in hexadecimal, where a manifest tells it.
    """

    key: str
    size: int
    day: date
    probe_cc: str
    test_name: str
    form: str
    md5: str | None = None
    sha256: str | None = None


def published_file(key: str, size: int, md5: str | None = None) -> PublishedFile | None:
    """Read what a key says, or return None when it is not one of a published file."""
    match = _RAW.fullmatch(key) or _JSONL.fullmatch(key) or _CAN.fullmatch(key)
    if match is None:
        return None
    parts = match.groupdict()
    try:
        day = date.fromisoformat(parts["day"])
    except ValueError:
        return None
    test = short_name(parts.get("test") or parts.get("bundle") or "")
    form = next((form for ending, form in _FORMS if key.endswith(ending)), "other")
    return PublishedFile(key, size, day, parts.get("cc") or "", test, form, md5)


def short_name(test_name: str) -> str:
    """Return the name of a nettest as it stands in keys: lower case, without underscores."""
    return test_name.replace("_", "").lower()


@attrs.frozen
class Selection:
    """Which published files are wanted.

    Attributes:
        start: first UTC day.
        end: the day after the last.
        ccs: countries; all when empty. Files that mix countries are always wanted.
        tests: short names of nettests; all when empty.
        forms: see PublishedFile; all when empty.
    """

    start: date
    end: date
    ccs: AbstractSet[str] = frozenset()
    tests: AbstractSet[str] = frozenset()
    forms: AbstractSet[str] = frozenset()

    def wants(self, file: PublishedFile) -> bool:
        """Say whether *file* is among them."""
        return (
            self.start <= file.day < self.end
            and (not self.ccs or file.probe_cc in self.ccs or not file.probe_cc)
            and (not self.tests or file.test_name in self.tests)
            and (not self.forms or file.form in self.forms)
        )

    def days(self) -> Iterator[date]:
        """Yield the days in order."""
        for number in range((self.end - self.start).days):
            yield self.start + timedelta(days=number)
