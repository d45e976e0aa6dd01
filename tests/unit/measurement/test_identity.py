"""Identifiers: what they accept, what they refuse, and that they survive a round trip."""

import base64
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ooni_core.errors import Invalid, OoniError
from ooni_core.measurement import MeasurementUid, ReportId, SpoolBucket, trivial_uid

NOON = datetime(2026, 2, 3, 12, 0, 0, 7, tzinfo=UTC)
UID = "20210208220710.181572_MA_ndt_7888edc7748936bf"
REPORT = "20210208T162755Z_ndt_DZ_36947_n1_8swgXi7xNuRUyO9a"

instants = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC))
countries = st.from_regex(r"[A-Z]{2}", fullmatch=True)
short_names = st.from_regex(r"[a-z0-9]{2,29}", fullmatch=True)


@given(instants, countries, short_names, st.binary(max_size=50))
def test_uid_round_trip(received, cc, name, body):
    uid = MeasurementUid.mint(received, cc, name, body)
    again = MeasurementUid(uid.text)
    assert again == uid
    assert again.received == received
    assert again.bucket == SpoolBucket(received.strftime("%Y%m%d%H"), cc, name)
    assert SpoolBucket.parse(again.bucket.name) == again.bucket


@given(instants, instants)
def test_texts_of_uids_sort_by_arrival(one, other):
    first, second = (MeasurementUid.mint(each, "IT", "ndt", b"same") for each in (one, other))
    assert (first.text < second.text) == (one < other)
    assert (first < second) == (one < other)


def test_uid_of_instant_in_another_zone_is_in_utc():
    rome = NOON.astimezone(timezone(timedelta(hours=1)))
    assert MeasurementUid.mint(rome, "IT", "ndt", b"") == MeasurementUid.mint(NOON, "IT", "ndt", b"")


def test_uid_can_step_aside_by_microseconds():
    uid = MeasurementUid("20210208235959.999999_MA_ndt_7888edc7748936bf")
    assert uid.later(1).text == "20210209000000.000000_MA_ndt_7888edc7748936bf"


@pytest.mark.parametrize(
    "text",
    [
        "",
        UID + "\n",
        UID + ".post",
        UID.replace("MA", "ma"),
        UID.replace("MA", ".."),
        UID.replace("ndt", "n/t"),
        UID.replace("ndt", "../ndt"),
        UID.replace("20210208", "20211308"),
        UID.replace(".181572", ""),
        UID[:-1],
        "01202102037f9c2ba4e88f827d61604550760585",
        "temp-id-12345",
        UID.replace("2021", "２０２１"),
        "\x00" * 40,
    ],
)
def test_what_is_not_a_uid_is_refused(text):
    with pytest.raises(Invalid, match="measurement uid"):
        MeasurementUid(text)


@given(st.text(max_size=120))
def test_any_text_is_a_uid_or_refused(text):
    try:
        uid = MeasurementUid(text)
    except OoniError:
        return
    assert re.fullmatch(r"[0-9.]{21}_[A-Z]{2}_[a-z0-9]+_[0-9a-f]{16}", uid.text)


@given(st.text(max_size=80))
def test_any_text_is_a_spool_folder_or_refused(text):
    try:
        bucket = SpoolBucket.parse(text)
    except OoniError:
        return
    assert bucket.name == text
    assert "/" not in text


@given(instants, short_names, countries, st.integers(0, 2**32 - 1), st.binary(min_size=12, max_size=12))
def test_minted_report_id_is_accepted_back(opened, name, cc, asn, random):
    report = ReportId.mint(opened, name, cc, asn, "1", random)
    assert ReportId.parse(report.text) == report
    assert re.fullmatch(r"\d{8}T\d{6}Z_[a-z0-9]{2,29}_[A-Z]{2}_\d{1,10}_n1_[A-Za-z0-9]{16}", report.text)


def test_report_id_has_the_length_that_probes_expect():
    assert len(ReportId.mint(NOON, "web_connectivity", "IE", 65550, "1", bytes(12)).text) == 61


def test_both_special_characters_of_base64_become_a_letter():
    random = base64.b64decode("+/+/+/+/+/+/+/+/")
    assert ReportId.mint(NOON, "ndt", "IE", 1, "1", random).text.endswith("_" + "o" * 16)


def test_country_of_a_report_id_is_normalised_and_text_is_kept():
    report = ReportId.parse(REPORT.replace("DZ", "dz"))
    assert (report.probe_cc, report.probe_asn, report.test_name) == ("DZ", 36947, "ndt")
    assert report.text == REPORT.replace("DZ", "dz")


@pytest.mark.parametrize(
    "text",
    [
        "bogus",
        "",
        "20261101T000000Z_n_IT_1_n1_AAAAAAAAAAAAAAAA",
        "20261101T000000Z_ndt_ITA_1_n1_AAAAAAAAAAAAAAAA",
        "20261101T000000Z_web_connectivity_IT_1_n1_AAAAAAAAAAAAAAAA",
        "20261101T000000Z_ndt_.._1_n1_AAAAAAAAAAAAAAAA",
        "20261101T000000Z_ndt_IT_-5_n1_AAAAAAAAAAAAAAAA",
        "20261101T000000Z_ndt_IT_x_n1_AAAAAAAAAAAAAAAA",
        "20261101T000000Z_ndt_IT_4294967296_n1_AAAAAAAAAAAAAAAA",
        "20261101T000000Z_nd%2ft_IT_1_n1_AAAAAAAAAAAAAAAA",
        "20261101T000000Z_" + "n" * 30 + "_IT_1_n1_AAAAAAAAAAAAAAAA",
        REPORT + "\n",
        REPORT + "_x",
    ],
)
def test_what_is_not_a_report_id_is_refused_with_the_historical_words(text):
    with pytest.raises(Invalid, match=r"^Incorrect format$"):
        ReportId.parse(text)


@pytest.mark.parametrize("test_name", ["x", "", "a" * 30, "../etc", "web connectivity"])
def test_report_that_could_never_be_submitted_to_is_not_opened(test_name):
    with pytest.raises(Invalid, match="test name"):
        ReportId.mint(NOON, test_name, "IT", 1, "1", bytes(12))


@pytest.mark.parametrize(
    ("raw", "start", "uid"),
    [
        (b"", "2021-02-03 10:11:12", "01202102037f9c2ba4e88f827d61604550760585"),
        (b"abc\n", None, "010000000051c1a17a903c50c4d33d4511d35afd"),
    ],
)
def test_trivial_uid_of_known_records(raw, start, uid):
    assert trivial_uid(raw, start) == uid


@pytest.mark.parametrize("start", [None, 7, "", "2021-02-31 00:00:00", "2021-02-03T10:11:12", ["x"]])
def test_unusable_start_time_gives_day_zero(start):
    assert trivial_uid(b"x", start).startswith("0100000000")
