"""Opening reports and receiving measurements, with the in-memory spool."""

from datetime import UTC, datetime

import attrs
import pytest

from ooni_adapters.spool import MemorySpool
from ooni_core.errors import Conflict, Invalid, Unavailable
from ooni_core.intake.model import ReportRequest
from ooni_core.intake.service import IntakeService
from ooni_core.measurement import MeasurementUid, ReportId
from tests.stand_ins import HandClock, Zeros

NOW = datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=UTC)
BODY = b'{"format": "json", "content": {"test_keys": {}}}'
REPORT = ReportId.parse("20260203T040000Z_webconnectivity_it_64496_n1_AAAAAAAAAAAAAAAA")


@attrs.define
class ListQueue:
    uids: list = attrs.field(factory=list)

    def offer(self, uid):
        self.uids.append(uid)


@pytest.fixture
def spool():
    return MemorySpool()


@pytest.fixture
def queue():
    return ListQueue()


@pytest.fixture
def intake(spool, queue):
    return IntakeService(spool, queue, HandClock(NOW), Zeros(), "7")


def test_opened_report_carries_time_place_and_collector(intake):
    request = ReportRequest.from_document({"test_name": "web_connectivity", "probe_cc": "IT", "probe_asn": "AS64496"})
    assert intake.open_report(request).text == "20260203T040506Z_webconnectivity_IT_64496_n7_AAAAAAAAAAAAAAAA"


@pytest.mark.parametrize(
    ("sent", "cc", "asn"),
    [
        ({}, "ZZ", 0),
        ({"probe_cc": "it", "probe_asn": "as12"}, "IT", 12),
        ({"probe_cc": "IT_", "probe_asn": "AS1"}, "IT", 1),
        ({"probe_cc": "ITA", "probe_asn": "12"}, "ZZ", 0),
        ({"probe_cc": "..", "probe_asn": "AS"}, "ZZ", 0),
        ({"probe_cc": None, "probe_asn": "AS123456789012"}, "ZZ", 0),
        ({"probe_cc": "ßß", "probe_asn": "AS4294967296"}, "ZZ", 0),
        ({"probe_cc": "IT", "probe_asn": "AS4294967295"}, "IT", 4294967295),
    ],
)
def test_unusable_location_of_old_probes_counts_as_unknown(sent, cc, asn):
    request = ReportRequest.from_document({"test_name": "NDT", **sent})
    assert (request.test_name, request.probe_cc, request.probe_asn) == ("ndt", cc, asn)


@pytest.mark.parametrize(
    "sent",
    [{}, {"test_name": "x"}, {"test_name": "a/b"}, {"test_name": "ndt", "probe_asn": 7}, {"test_name": ["ndt"]}],
)
def test_report_that_cannot_work_is_refused(sent):
    with pytest.raises(Invalid, match="Incorrect format"):
        ReportRequest.from_document(sent)


def test_received_measurement_is_spooled_byte_for_byte_and_queued(intake, spool, queue):
    uid = intake.receive(REPORT, BODY)
    assert uid == MeasurementUid.mint(NOW, "IT", "webconnectivity", BODY)
    assert spool.get(uid) == BODY
    assert queue.uids == [uid]


@pytest.mark.parametrize("place", ["_IT_0_", "_ZZ_64496_", "_zz_1_"])
def test_measurement_from_nowhere_is_dropped_without_a_look(intake, spool, queue, place):
    report = ReportId.parse(f"20260203T040000Z_ndt{place}n1_AAAAAAAAAAAAAAAA")
    assert intake.receive(report, b"not even JSON") is None
    assert not spool.buckets()
    assert not queue.uids


def test_refused_body_leaves_nothing_behind(intake, spool, queue):
    with pytest.raises(Invalid):
        intake.receive(REPORT, b"[]")
    assert not spool.buckets()
    assert not queue.uids


def test_same_body_in_same_microsecond_is_one_measurement(intake, spool):
    assert intake.receive(REPORT, BODY) == intake.receive(REPORT, BODY)
    assert sum(len(spool.uids(bucket)) for bucket in spool.buckets()) == 1


@attrs.define
class TakenSpool:
    """Says that other bytes hold the first names."""

    taken: int

    def put(self, uid, body):
        if self.taken:
            self.taken -= 1
            raise Conflict("taken")


def test_taken_name_is_stepped_around(queue):
    uid = IntakeService(TakenSpool(2), queue, HandClock(NOW), Zeros(), "7").receive(REPORT, BODY)
    assert uid.text.startswith("20260203040506.000791_")


def test_endless_conflict_is_told_as_unavailable_and_not_queued(queue):
    with pytest.raises(Unavailable):
        IntakeService(TakenSpool(1000), queue, HandClock(NOW), Zeros(), "7").receive(REPORT, BODY)
    assert not queue.uids
