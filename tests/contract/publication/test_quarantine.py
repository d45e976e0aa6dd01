"""What is hostile or cannot be read goes into quarantine with a reason, and stops nobody: the whole way, on DuckDB."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ooni_adapters.spool import folder
from ooni_core.measurement import MeasurementUid
from ooni_core.publication.service import PublicationService
from ooni_core.scoring.model import UNREADABLE, Quarantined
from ooni_entrypoints import demo
from ooni_entrypoints.composition import open_publication
from ooni_entrypoints.settings import Settings, StorageSettings

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
GOOD = [json.dumps({"format": "json", "content": each}).encode() for each in demo.measurements(NOW)[:3]]
HOSTILE = {
    "nothing": ("bad_json", b""),
    "no JSON": ("bad_json", b"\x00\xff\xfe"),
    "a list": ("bad_envelope", b"[]"),
    "a number": ("bad_envelope", b"7"),
    "no content": ("unpublishable", b'{"format":"json"}'),
    "null format and list content": ("bad_envelope", b'{"format":null,"content":[1]}'),
    "text content": ("bad_envelope", b'{"format":"json","content":"nothing"}'),
    "YAML": ("unpublishable", b'{"format":"yaml","content":"a: 1"}'),
    "a lone surrogate": ("unpublishable", b'{"format":"json","content":{"input":"\\ud800"}}'),
    "cut short": ("bad_json", GOOD[0][:-40]),
    "nested deeply": ("too_deep", b'{"format":"json","content":{"test_keys":' + b"[" * 5000 + b"]" * 5000 + b"}}"),
    "an identity of wrong types": (
        "bad_type",
        b'{"format":"json","content":{"report_id":7,"input":{},"test_name":[],"probe_cc":0}}',
    ),
}


@pytest.fixture
def publication(tmp_path: Path) -> Iterator[PublicationService]:
    with open_publication(Settings(storage=StorageSettings(data_dir=tmp_path / "data"))) as opened:
        yield opened


def accept(publication: PublicationService, bodies: list[bytes]) -> list[MeasurementUid]:
    uids = []
    for number, body in enumerate(bodies):
        uid = MeasurementUid.mint(NOW + timedelta(seconds=number), "IT", "webconnectivity", body)
        publication.spool.put(uid, body)
        uids.append(uid)
    return uids


def quarantined(publication: PublicationService) -> dict[str, Quarantined]:
    return {entry.measurement_uid: entry for entry in publication.before_discard.__self__.quarantine.entries(1000)}


def verdicts(publication: PublicationService, uids: list[MeasurementUid]) -> set[str]:
    return publication.before_discard.__self__.verdicts.known([uid.text for uid in uids])


def test_hostile_bodies_are_in_quarantine_with_a_reason_and_stop_nobody(publication: PublicationService) -> None:
    uids = accept(publication, [*(body for _, body in HOSTILE.values()), *GOOD])
    report = publication.run(include_open_hour=True)
    assert report.problems == ()
    assert report.measurements + report.unpublishable == len(uids)
    assert list(publication.spool.buckets()) == []
    held = quarantined(publication)
    kinds = {name: held[uid.text].kind for name, uid in zip(HOSTILE, uids, strict=False) if uid.text in held}
    assert kinds == {name: kind for name, (kind, _) in HOSTILE.items()}
    assert all(entry.reason for entry in held.values())
    assert verdicts(publication, uids) == {uid.text for uid in uids[len(HOSTILE) :]}


def test_body_that_cannot_be_read_is_in_quarantine_until_it_can(
    publication: PublicationService, monkeypatch: pytest.MonkeyPatch
) -> None:
    uids = accept(publication, GOOD)
    really = folder._content

    def read(file: str) -> bytes:
        if uids[1].text in file:
            raise OSError(5, "Input/output error")
        return really(file)

    with monkeypatch.context() as broken:
        broken.setattr(folder, "_content", read)
        scored = publication.before_discard.__self__.score(uids)
        assert (scored.stored, scored.unreadable) == (2, 1)
        report = publication.run(include_open_hour=True)
    assert report.measurements == 2
    assert list(publication.spool.uids(uids[1].bucket)) == [uids[1]]
    entry = quarantined(publication)[uids[1].text]
    assert (entry.kind, "Input/output error" in entry.reason) == (UNREADABLE, True)
    assert publication.run(include_open_hour=True).problems == ()
    assert quarantined(publication) == {}
    assert verdicts(publication, uids) == {uid.text for uid in uids}
    assert list(publication.spool.buckets()) == []


def test_measurement_without_verdict_that_can_no_longer_be_read_is_published_and_kept(
    publication: PublicationService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could be read when its files were built, and not when it was to be scored."""
    uids = accept(publication, GOOD)
    really, reads = folder._content, []

    def read(file: str) -> bytes:
        if uids[1].text in file:
            reads.append(file)
            if len(reads) > 1:
                raise OSError(5, "Input/output error")
        return really(file)

    with monkeypatch.context() as broken:
        broken.setattr(folder, "_content", read)
        report = publication.run(include_open_hour=True)
    assert "1 measurements have no verdict and cannot be read" in report.problems[0]
    assert len(list(publication.spool.uids(uids[1].bucket))) == 3
    assert publication.run(include_open_hour=True).resumed == 1
    assert verdicts(publication, uids) == {uid.text for uid in uids}
    assert quarantined(publication) == {}
    assert list(publication.spool.buckets()) == []
