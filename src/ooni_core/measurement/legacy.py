"""Reports of 2012 to 2018: streams of YAML documents, one header and then one entry per measurement.

Everything here is pure and streams: memory holds one entry at a time. Files, archives and compression are the
business of the caller.
"""

import copy
import hashlib
import string
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from ooni_core.errors import Invalid
from ooni_core.measurement.identity import trivial_uid
from ooni_core.measurement.legacy_normal import Unsupported, normalised
from ooni_core.measurement.yaml_text import BadYaml, as_json, load_yaml

MAX_DOCUMENT = 64 * 2**20
"""A YAML document longer than this many bytes ends its file: memory stays bounded whatever the file is."""

_BEGIN, _END = b"---\n", b"\n...\n"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@attrs.frozen
class LegacyMeasurement:
    """A normalised measurement.

    Attributes:
        number: its place among the entries of its report, from 1.
        raw: its bytes in the report.
        measurement: as JSON types; its ``measurement_uid`` is set.
        measurement_uid: named after its bytes.
    """

    number: int
    raw: bytes
    measurement: dict[str, Any]
    measurement_uid: str


@attrs.frozen
class LegacyRejection:
    """A part of a report that is left out.

    Attributes:
        number: the entry's place in its report, from 1; 0 for the header or the report as a whole.
        reason: a sentence for a person.
        fatal: the rest of the report is left out, too.
    """

    number: int
    reason: str
    fatal: bool = False


def iter_yaml_measurements(
    chunks: Iterable[bytes], bucket_date: str, report_filename: str
) -> Iterator[LegacyMeasurement | LegacyRejection]:
    """Read one report.

    Args:
        chunks: the bytes of the file, cut anywhere.
        bucket_date: day of the archive, ``YYYY-MM-DD``.
        report_filename: where the report stood in it, ``YYYY-MM-DD/name``.

    Yields:
        Each entry in order: normalised, or why it is not.

    Raises:
        Invalid: *bucket_date* or *report_filename* have another shape.
    """
    if len(bucket_date) != 10 or not bucket_date.startswith("20"):
        raise Invalid(f"bucket date is {bucket_date[:40]!r}, expected YYYY-MM-DD")
    if report_filename.count("/") != 1:
        raise Invalid(f"report file name is {report_filename[:200]!r}, expected YYYY-MM-DD/name")
    return _measurements(chunks, bucket_date, report_filename)


def _measurements(
    chunks: Iterable[bytes], bucket_date: str, report_filename: str
) -> Iterator[LegacyMeasurement | LegacyRejection]:
    header: dict[str, Any] | None = None
    header_raw = b""
    number = 0
    for document in split_documents(chunks):
        if isinstance(document, LegacyRejection):
            yield attrs.evolve(document, number=number)
            return
        if header is None:
            try:
                header, header_raw = _header(document), document
            except (BadYaml, Invalid) as exc:
                yield LegacyRejection(0, f"the header cannot be read: {exc}", fatal=True)
                return
            continue
        number += 1
        try:
            entry = _entry(document, header)
            digest = hashlib.sha1(header_raw + document, usedforsecurity=False).digest()
            measurement = as_json(normalised(entry, digest, bucket_date, report_filename))
        except (BadYaml, Unsupported) as exc:
            yield LegacyRejection(number, str(exc))
            continue
        uid = trivial_uid(document, measurement.get("measurement_start_time"))
        measurement["measurement_uid"] = uid
        yield LegacyMeasurement(number, document, measurement, uid)


def split_documents(chunks: Iterable[bytes]) -> Iterator[bytes | LegacyRejection]:
    r"""Cut a stream into YAML documents, each from ``---\n`` to ``\n...\n``, both included.

    Comments and stray ends between documents are skipped. Whatever else stands there ends the stream with a
    rejection, as does a document without end.
    """
    buffer = bytearray()
    searched = 0
    for chunk in chunks:
        buffer += chunk
        start = 0
        while True:
            kind, end = _next_piece(buffer, start, searched)
            if kind == "broken":
                yield LegacyRejection(0, f"no document begins at {bytes(buffer[start : start + 20])!r}", fatal=True)
                return
            if kind == "wait":
                break
            if kind == "document":
                yield bytes(buffer[start:end])
            start = searched = end
        del buffer[:start]
        # The end mark may be cut between two chunks; everything before that was searched.
        searched = max(0, len(buffer) - len(_END) + 1)
        if len(buffer) > MAX_DOCUMENT:
            yield LegacyRejection(0, f"a document is longer than {MAX_DOCUMENT} bytes", fatal=True)
            return
    if buffer.strip(b"\n") and not buffer.startswith(b"#"):
        yield LegacyRejection(0, "the report is truncated: its last document has no end", fatal=True)


def _next_piece(buffer: bytearray, start: int, searched: int) -> tuple[str, int]:
    """Say what stands at *start*, and where it ends: document, skip, broken; or wait for more bytes."""
    if len(buffer) - start < 4:
        return "wait", start
    mark = bytes(buffer[start : start + 4])
    if mark == _BEGIN:
        # The line end of the first line may be the one before the end mark.
        end = buffer.find(_END, max(start, searched))
        return ("wait", start) if end < 0 else ("document", end + len(_END))
    if mark == _END[1:]:
        return "skip", start + 4
    if mark[:1] == b"#":
        end = buffer.find(b"\n", start)
        return ("wait", start) if end < 0 else ("skip", end + 1)
    return "broken", start


def _header(document: bytes) -> dict[str, Any]:
    header = load_yaml(document)
    if not isinstance(header, dict):
        raise Invalid("it holds no fields")
    city = header.get("probe_city")
    if isinstance(city, bytes):
        header["probe_city"] = city.decode("utf-8", "ignore")
    if not header.get("report_id"):
        header["report_id"] = generated_report_id(header)
    return header


def _entry(document: bytes, header: dict[str, Any]) -> dict[str, Any]:
    """Read an entry and put the header over it. A start time of the test in both is the measurement's from then on."""
    entry = load_yaml(document)
    if not isinstance(entry, dict) or not entry:
        raise BadYaml("the entry holds no fields")
    if "test_start_time" in entry:
        header.pop("test_start_time", None)
    return {**entry, **copy.deepcopy(header)}


def generated_report_id(header: dict[str, Any]) -> str:
    """Name a report that has no id, by its header: equal headers give equal names.

    Raises:
        Invalid: its start time is no time.

    >>> generated_report_id({})
    '19700101T000000Z_KWnRnnxAmNrJfoqrTxAKhVDgGkiuSYfGDSecYaayqhcqlfOXCX'
    """
    start = header.get("start_time", 0)
    try:
        opened = _EPOCH + timedelta(seconds=start)
    except (TypeError, OverflowError, ValueError) as exc:
        raise Invalid(f"start_time is {str(start)[:60]!r}, expected seconds since 1970") from exc
    digest = hashlib.sha512()
    for name, default in (
        ("probe_cc", "ZZ"),
        ("probe_asn", "AS0"),
        ("test_name", "invalid"),
        ("software_version", "0.0.0"),
        ("probe_city", "None"),
    ):
        value = header.get(name, default)
        digest.update(("" if value is None else str(value)).encode("utf-8", "surrogatepass"))
    letters = "".join(string.ascii_letters[byte % 52] for byte in digest.digest()[:50])
    return f"{opened:%Y%m%dT%H%M%SZ}_{letters}"
