"""What scoring one measurement can say: a verdict and its row, a discard, or a quarantine."""

from datetime import datetime
from typing import Any

import attrs


@attrs.frozen(slots=False)  # a part of every verdict that is written
class Provenance:
    """What made a verdict, so that anyone can make it again.

    Attributes:
        ruleset: name of the rule set, such as ``head``.
        engine: version of the engine.
        fingerprints: SHA-256 (hex) of the fingerprint set's content.
    """

    ruleset: str
    engine: str
    fingerprints: str


@attrs.frozen(slots=False)  # made for every measurement, and twice as fast so
class FastpathRow:
    """One scored measurement as the ``fastpath`` table keeps it. Times are naive UTC, to the second.

    ``scores`` is compact JSON text; flags are real booleans here and ``t``/``f`` only in storage and on the wire.
    """

    measurement_uid: str
    report_id: str
    input: str
    probe_cc: str
    probe_asn: int
    test_name: str
    test_start_time: datetime
    measurement_start_time: datetime
    scores: str
    platform: str
    anomaly: bool
    confirmed: bool
    msm_failure: bool
    blocking_type: str
    domain: str
    software_name: str
    software_version: str
    test_version: str
    test_runtime: float
    architecture: str
    engine_name: str
    engine_version: str
    test_helper_address: str
    test_helper_type: str
    ooni_run_link_id: int | None = None
    is_verified: str = "u"


@attrs.frozen
class Stored:
    """The measurement has a verdict, and a row in the ``fastpath`` table.

    Attributes:
        scores: the scores object, keys in the order in which the rules set them.
        obs_openvpn: the second row that nettest ``openvpn`` gets, by column name; None for all others.
    """

    row: FastpathRow
    scores: dict[str, Any]
    provenance: Provenance
    obs_openvpn: dict[str, Any] | None = None


@attrs.frozen
class Discarded:
    """The measurement is left out on purpose: it has no report id, or does not say where it was made."""

    measurement_uid: str
    reason: str


UNREADABLE = "unreadable"
"""Kind of a measurement that the spool cannot give back just now."""


@attrs.frozen
class Quarantined:
    """The measurement cannot be scored. It is kept, listed and counted, never lost.

    Attributes:
        reason: a sentence for a person.
        kind: a short machine word, stable across versions, such as ``bad_json`` or ``bad_type``.
    """

    measurement_uid: str
    reason: str
    kind: str


Outcome = Stored | Discarded | Quarantined


@attrs.frozen
class Correction:
    """A change of published results that somebody made by hand.

    Attributes:
        at: when, aware (UTC), to the millisecond.
        operator: who did it.
        statement: what was done, so that others can do the same.
        reason: why.
        rows: how many results it changed.
    """

    at: datetime
    operator: str
    statement: str
    reason: str
    rows: int
