"""What detection speaks of: subjects that are watched, their state, and changes of it."""

import enum
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from ooni_core.errors import Invalid
from ooni_core.instants import in_utc


class BlockingState(enum.StrEnum):
    """Whether a subject is reachable."""

    UNKNOWN = "UNKNOWN"
    OK = "OK"
    BLOCKED = "BLOCKED"


@attrs.frozen(order=True)
class Subject:
    """What is watched: one input of one nettest, as seen from one network.

    Attributes:
        input: exact text, such as ``https://www.example.org/``.
        probe_cc: two capital letters.
        probe_asn: number of the network.
    """

    test_name: str
    input: str
    probe_cc: str
    probe_asn: int


def _percentage(_: object, attribute: "attrs.Attribute[float]", value: float) -> None:
    if not 0 <= value <= 100:  # also refuses what is no number
        raise Invalid(f"{attribute.name} is {value!r}, expected 0 to 100")


@attrs.frozen
class BlockingStatus:
    """How reachable a subject is now.

    Attributes:
        confirmed_percent: share of confirmed measurements, 0 to 100.
        anomaly_percent: share of anomalies that are not confirmed, 0 to 100.
        accessible_percent: share of measurements without anomaly, 0 to 100.
        measurements: how many stand behind this; a moving average, so no whole number.
        former: the state before the last change.
        change: how far the accessible share moved since the last change.
        stability: 0 to 1, how sure the state is.
    """

    subject: Subject
    confirmed_percent: float = attrs.field(validator=_percentage)
    anomaly_percent: float = attrs.field(validator=_percentage)
    accessible_percent: float = attrs.field(validator=_percentage)
    measurements: float
    state: BlockingState
    former: BlockingState = BlockingState.UNKNOWN
    change: float = 0.0
    stability: float = 0.0


@attrs.frozen
class BlockingEvent:
    """A subject changed its state.

    Attributes:
        at: when, aware (UTC), to the millisecond.
        state: the state since then.
    """

    subject: Subject
    at: datetime = attrs.field(validator=in_utc)
    state: BlockingState


class FaultKind(enum.StrEnum):
    """Why measurements are not plausible."""

    GEOIP = "geoip"
    TIME_FUTURE = "time_inconsistency_future"
    TIME_PAST = "time_inconsistency_past"
    VOLUME = "volume"


@attrs.frozen
class Fault:
    """Something about measurements that cannot be right.

    Attributes:
        uid: tells this fault from others, such as a UUID.
        at: when it was noticed, aware (UTC), to the millisecond.
        probe_cc: country that the service sees.
        probe_asn: network that the service sees.
        details: what was found; plain values for JSON.
    """

    uid: str
    kind: FaultKind
    at: datetime = attrs.field(validator=in_utc)
    probe_cc: str
    probe_asn: int
    details: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class ExitCheck:
    """How a site answered through one Tor exit.

    Attributes:
        at: when, aware (UTC), to the second.
        exit_address: IP address of the exit.
        fingerprint: of the exit relay.
        cc: country of the exit, two capital letters.
        status_code: of the HTTP response; 900 when there was none.
        seconds: how long it took.
    """

    at: datetime = attrs.field(validator=in_utc)
    exit_address: str
    fingerprint: str
    cc: str
    url: str
    status_code: int
    seconds: float
