"""Identifiers of reports and measurements.

Source: ``/report`` protocol, sections "Report id" and "Measurement uid" of ``docs/specification/identifiers.md``.
"""

import base64
import hashlib
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import attrs

from ooni_core.errors import Invalid

_UID = re.compile(r"(\d{14})\.(\d{6})_([A-Z]{2})_([a-z0-9]{2,29})_([0-9a-f]{16})", re.ASCII)
_REPORT_ID = re.compile(
    r"(?P<time>[A-Za-z0-9]{1,32})_(?P<test>[A-Za-z0-9]{2,29})_(?P<cc>[A-Za-z]{2})_(?P<asn>\d{1,10})"
    r"_(?P<collector>[A-Za-z0-9]{1,32})_(?P<random>[A-Za-z0-9]{1,100})",
    re.ASCII,
)
_BUCKET = re.compile(r"(\d{10})_([A-Z]{2})_([a-z0-9]{2,29})", re.ASCII)
_MAX_ASN = 2**32 - 1


@lru_cache(maxsize=8192)  # two hours of seconds: the uids of an hour come by several times each
def _parsed_time(digits: str, what: str) -> datetime:
    """Read ``YYYYMMDDHH`` or ``YYYYMMDDHHMMSS``; strptime takes ten times as long."""
    minute, second = digits[10:12] or "0", digits[12:] or "0"
    try:
        return datetime(
            int(digits[:4]), int(digits[4:6]), int(digits[6:8]), int(digits[8:10]), int(minute), int(second), tzinfo=UTC
        )
    except ValueError as exc:
        raise Invalid(f"{what} holds the impossible time {digits!r}") from exc


@attrs.frozen(order=True)
class SpoolBucket:
    """The unit of publication: measurements of one hour (UTC), country and nettest.

    Attributes:
        hour: hour of arrival, ``YYYYMMDDHH``.
        probe_cc: two capital letters.
        test_name: short name, without underscores, as in identifiers (``webconnectivity``).
    """

    hour: str
    probe_cc: str
    test_name: str

    def __attrs_post_init__(self) -> None:
        if not _BUCKET.fullmatch(self.name):
            raise Invalid(f"{self.name!r} is not a spool folder name: expected YYYYMMDDHH_CC_testname")
        _parsed_time(self.hour, "a spool folder name")

    @classmethod
    def parse(cls, name: str) -> "SpoolBucket":
        """Read a folder name such as ``2021081715_US_webconnectivity``.

        Raises:
            Invalid: it is not one.
        """
        parts = name.split("_")
        if len(parts) != 3:
            raise Invalid(f"{name!r} is not a spool folder name: expected YYYYMMDDHH_CC_testname")
        return cls(*parts)

    @property
    def name(self) -> str:
        """The folder name, ``YYYYMMDDHH_CC_testname``."""
        return f"{self.hour}_{self.probe_cc}_{self.test_name}"

    @property
    def start(self) -> datetime:
        """First instant of the hour, aware, in UTC."""
        return _parsed_time(self.hour, "a spool folder name")


@attrs.frozen(order=True)
class MeasurementUid:
    """The public name of one received measurement. Sorting the texts sorts by arrival time (UTC).

    Historical identifiers (``01…``, ``temp-id-…``) have other shapes: they are searched for as opaque strings and are
    never stored in a spool, so they have no type of their own here.
    """

    text: str = attrs.field()

    @text.validator
    def _check(self, attribute: "attrs.Attribute[str]", value: str) -> None:
        match = _UID.fullmatch(value)
        if match is None:
            raise Invalid(f"{value[:120]!r} is not a measurement uid: expected YYYYMMDDHHMMSS.ffffff_CC_testname_hash")
        _parsed_time(match[1], "a measurement uid")

    @classmethod
    def mint(cls, received: datetime, probe_cc: str, test_name: str, body: bytes) -> "MeasurementUid":
        """Name a measurement that was just received.

        Args:
            received: aware instant of reception.
            probe_cc: two capital letters, from the report id.
            test_name: short name, from the report id.
            body: the bytes as posted, after decompression; their SHA-512 makes simultaneous uploads distinct.
        """
        instant = received.astimezone(UTC).strftime("%Y%m%d%H%M%S.%f")
        return cls(f"{instant}_{probe_cc}_{test_name}_{hashlib.sha512(body).hexdigest()[:16]}")

    def later(self, microseconds: int) -> "MeasurementUid":
        """Return the same name moved in time: the way out when other bytes already carry this one."""
        _, cc, test_name, digest = self.text.split("_")
        moved = self.received + timedelta(microseconds=microseconds)
        return MeasurementUid(f"{moved:%Y%m%d%H%M%S.%f}_{cc}_{test_name}_{digest}")

    @property
    def received(self) -> datetime:
        """Instant of reception, aware, in UTC, to the microsecond."""
        return _parsed_time(self.text[:14], "a measurement uid").replace(microsecond=int(self.text[15:21]))

    @property
    def hour(self) -> str:
        """Hour of arrival, ``YYYYMMDDHH`` in UTC."""
        return self.text[:10]

    @property
    def bucket(self) -> SpoolBucket:
        """The publication unit this measurement belongs to."""
        _, cc, test_name, _ = self.text.split("_")
        return SpoolBucket(self.hour, cc, test_name)

    @property
    def bucket_name(self) -> str:
        """The name of that unit: what follows the time and precedes the hash has a fixed place."""
        return f"{self.text[:10]}{self.text[21:-17]}"


@attrs.frozen
class ReportId:
    """A report groups the measurements of one run of one nettest.

    Attributes:
        text: as the probe sent it.
        probe_cc: two capital letters (``ZZ`` when unknown), normalised from the text.
        probe_asn: number of the probe's network, 0 when unknown.
        test_name: short lower-case name, without underscores.
    """

    text: str
    probe_cc: str
    probe_asn: int
    test_name: str

    @classmethod
    def parse(cls, text: str) -> "ReportId":
        """Accept any well-shaped id: six fields of letters and digits; the report need not have been opened here.

        Raises:
            Invalid: the shape is wrong. The message is the historical one, which clients may match.
        """
        match = _REPORT_ID.fullmatch(text)
        if match is None or int(match["asn"]) > _MAX_ASN:
            raise Invalid("Incorrect format")
        return cls(text, match["cc"].upper(), int(match["asn"]), match["test"].lower())

    @classmethod
    def mint(
        cls, opened: datetime, test_name: str, probe_cc: str, probe_asn: int, collector_id: str, random: bytes
    ) -> "ReportId":
        """Name a new report.

        Args:
            opened: aware instant.
            test_name: with or without underscores, at least 2 and at most 29 letters and digits without them.
            probe_cc: two letters.
            probe_asn: 0 when unknown.
            collector_id: identity of this host, letters and digits.
            random: 12 unpredictable bytes.

        Raises:
            Invalid: one of the parts cannot be in a report id.
        """
        tail = base64.b64encode(random, altchars=b"oo").decode("ascii")
        instant = opened.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        short = test_name.replace("_", "").lower()
        try:
            return cls.parse(f"{instant}_{short}_{probe_cc.upper()}_{probe_asn}_n{collector_id}_{tail}")
        except Invalid as exc:
            raise Invalid(
                f"cannot open a report for test_name={test_name[:60]!r}, probe_cc={probe_cc[:20]!r}: "
                "a test name has 2 to 29 letters, digits or underscores, a country two letters"
            ) from exc


def trivial_uid(raw: bytes, measurement_start_time: object) -> str:
    """Name a measurement that never got a uid: legacy cans and files on a researcher's disk.

    Args:
        raw: the record exactly as it stands in its file (a JSON line includes its newline).
        measurement_start_time: the field of that name; anything unusable counts as unknown.

    Returns:
        40 characters: ``01``, the day (``00000000`` when unknown) and 30 hex digits of SHAKE-128 over *raw*.
    """
    day = "00000000"
    if isinstance(measurement_start_time, str):
        try:
            day = datetime.strptime(measurement_start_time, "%Y-%m-%d %H:%M:%S").strftime("%Y%m%d")
        except ValueError:
            day = "00000000"
    return f"01{day}{hashlib.shake_128(raw).hexdigest(15)}"
