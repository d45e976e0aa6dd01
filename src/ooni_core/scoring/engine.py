"""The engine: from the bytes of a measurement to its verdict. Pure, and the same on a laptop and on the service."""

from typing import Any

from ooni_core.measurement.document import BadDocument, load_json, unwrap
from ooni_core.measurement.identity import trivial_uid
from ooni_core.measurement.partial import Unusual, parse_partially
from ooni_core.scoring.clock import check_clock
from ooni_core.scoring.explanation import Explanation, decisions_of, match_of
from ooni_core.scoring.fingerprints import FingerprintSet
from ooni_core.scoring.model import Discarded, Outcome, Provenance, Quarantined, Stored
from ooni_core.scoring.nettests import rule_for
from ooni_core.scoring.nettests.rule import Knowledge
from ooni_core.scoring.openvpn_row import build_openvpn_row
from ooni_core.scoring.reading import wrong_type
from ooni_core.scoring.row import build_row
from ooni_core.scoring.rulesets import ruleset_named
from ooni_core.scoring.verdict import ENGINE_VERSION, Lost, Scores


class Engine:
    """Scores measurements. Make one and use it for many: preparing the fingerprints takes a tenth of a second.

    Args:
        fingerprints: the texts to look for; without any, nothing is ever confirmed.
        ruleset: name of the rule set, one of ``RULESETS``.

    Attributes:
        provenance: what every verdict says about how it was made.
        parsed_partially: how many documents were scored without parsing all of them.
        parsed_whole: how many were unusual enough to be parsed completely.

    Raises:
        Invalid: there is no such rule set.

    >>> engine = Engine()
    >>> outcome = engine.score(b'{"report_id": null}')
    >>> outcome.reason
    'Ignoring measurement without report_id'
    """

    def __init__(self, fingerprints: FingerprintSet = FingerprintSet.EMPTY, ruleset: str = "head") -> None:
        self.ruleset = ruleset_named(ruleset)
        self.fingerprints = fingerprints
        self.provenance = Provenance(ruleset=ruleset, engine=ENGINE_VERSION, fingerprints=fingerprints.sha256)
        self.parsed_partially = 0
        self.parsed_whole = 0
        self._knowledge = Knowledge.of(fingerprints, self.ruleset)

    def score(self, body: bytes, measurement_uid: str | None = None) -> Outcome:
        """Score one measurement as it was received, with or without envelope.

        Args:
            body: JSON.
            measurement_uid: the name it got when it arrived. Without one it is named after its content, and its clock
                is not checked.

        Returns:
            A verdict, a discard or a quarantine, whatever the bytes are.
        """
        try:
            outcome = self._score_fast(body, measurement_uid)
            self.parsed_partially += 1
        except Unusual:
            outcome = self.score_whole(body, measurement_uid)
            self.parsed_whole += 1
        return outcome

    def _score_fast(self, body: bytes, measurement_uid: str | None) -> Outcome:
        measurement, is_verified = parse_partially(
            body, envelope_may_have_more_keys=self.ruleset.envelope_may_have_more_keys
        )
        uid = measurement_uid or trivial_uid(body, measurement.get("measurement_start_time"))
        return self.score_measurement(measurement, uid, is_verified)

    def score_whole(self, body: bytes, measurement_uid: str | None = None) -> Outcome:
        """Score like `score`, by parsing the whole document first. Slower, with the same outcome."""
        try:
            measurement, is_verified = unwrap(
                load_json(body), may_have_more_keys=self.ruleset.envelope_may_have_more_keys
            )
        except BadDocument as exc:
            return Quarantined(measurement_uid or trivial_uid(body, None), exc.reason, exc.kind)
        uid = measurement_uid or trivial_uid(body, measurement.get("measurement_start_time"))
        return self.score_measurement(measurement, uid, is_verified)

    def explain(self, body: bytes, measurement_uid: str | None = None) -> Explanation:
        """Score like `score`, and say which rules fired and where fingerprints were found.

        >>> explanation = Engine().explain(b'{"report_id":"r","probe_cc":"IT","probe_asn":"AS1","test_name":"lantern"}')
        >>> [decision.why for decision in explanation.decisions]
        ['there are no rules for this nettest']
        """
        outcome = self.score_whole(body, measurement_uid)
        try:
            measurement, _ = unwrap(load_json(body), may_have_more_keys=self.ruleset.envelope_may_have_more_keys)
            scores = self._scores(measurement)
        except (BadDocument, Lost):
            return Explanation(outcome)
        check_clock(measurement, measurement_uid or "", scores)
        keys, probe_cc = measurement.get("test_keys"), str(measurement.get("probe_cc")).upper()
        matches = (
            match_of(hit, keys or {}, confirms=self._knowledge.confirms(hit.fingerprint, probe_cc))
            for hit in scores.hits
        )
        name = measurement["test_name"]
        return Explanation(
            outcome,
            test_name=name if isinstance(name, str) else "",
            rule=(rule_for(name, self.ruleset).__doc__ or "").strip().split("\n")[0],
            decisions=decisions_of(scores),
            matches=tuple(matches),
        )

    def score_measurement(self, measurement: dict[str, Any], measurement_uid: str, is_verified: str = "u") -> Outcome:
        """Score one parsed measurement without envelope.

        Args:
            measurement: the JSON object.
            measurement_uid: its name.
            is_verified: ``t``, ``f`` or ``u`` as its envelope said.
        """
        try:
            reason = _discard_reason(measurement)
            if reason:
                return Discarded(measurement_uid, reason)
            return self._verdict(measurement, measurement_uid, is_verified)
        except Lost as lost:
            return Quarantined(measurement_uid, lost.reason, lost.kind)

    def _verdict(self, measurement: dict[str, Any], uid: str, is_verified: str) -> Stored:
        scores = self._scores(measurement)
        check_clock(measurement, uid, scores)
        row = build_row(measurement, uid, scores, is_verified if self.ruleset.newer_columns else None)
        openvpn = build_openvpn_row(measurement, row) if row.test_name == "openvpn" else None
        return Stored(row, dict(scores), self.provenance, openvpn)

    def _scores(self, measurement: dict[str, Any]) -> Scores:
        if "test_name" not in measurement:
            raise Lost("missing", "test_name is missing")
        return rule_for(measurement["test_name"], self.ruleset)(measurement, self._knowledge)


def _discard_reason(measurement: dict[str, Any]) -> str:
    """Say why a measurement is left out on purpose; empty if it is not. Clients and operators know these words."""
    if measurement.get("report_id") is None:
        return "Ignoring measurement without report_id"
    if _capitals(measurement, "probe_cc", "") == "ZZ":
        return "Ignoring measurement with probe_cc=ZZ"
    if _capitals(measurement, "probe_asn", None) == "AS0":
        return "Ignoring measurement with ASN 0"
    return ""


def _capitals(measurement: dict[str, Any], key: str, default: str | None) -> str:
    value = measurement.get(key, default)
    if isinstance(value, str):
        return value.upper()
    if key not in measurement:
        raise Lost("missing", f"{key} is missing")
    raise wrong_type(key, value, "a text")
