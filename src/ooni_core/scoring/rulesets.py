"""Rule sets: which rules make a verdict. Named and immutable, so that a row can say what made it."""

import attrs

from ooni_core.errors import Invalid


@attrs.frozen
class RuleSet:
    """The switches between the historical and the current rules.

    Attributes:
        name: as written in configuration, rows and reports.
        headers_match: header fingerprints are looked up under their full name. Before July 2025 the first letter of
            the name was cut, and no header fingerprint ever matched.
        whole_patterns: pattern types are honoured everywhere (full, prefix, contains, regexp), all values of a header
            count, known false positives do not confirm.
        newer_nettests: nettests that historically were "unsupported" get a score.
        signal_stops_early: the signal rules of November 2023 and March 2024, each ending the evaluation.
        scores_riseupvpn: riseupvpn is scored, as before October 2023.
        unparsable_version_is_lowest: a nettest version that is no version counts as older than all others;
            otherwise it spoils the measurement.
        envelope_may_have_more_keys: a submission is unwrapped although it has keys beside ``format`` and ``content``.
        newer_columns: ``ooni_run_link_id`` and ``is_verified`` are read.
    """

    name: str
    headers_match: bool = True
    whole_patterns: bool = False
    newer_nettests: bool = False
    signal_stops_early: bool = True
    scores_riseupvpn: bool = False
    unparsable_version_is_lowest: bool = False
    envelope_may_have_more_keys: bool = True
    newer_columns: bool = True


RULESETS: dict[str, RuleSet] = {
    rules.name: rules
    for rules in (
        RuleSet(
            name="2023-09",
            headers_match=False,
            signal_stops_early=False,
            scores_riseupvpn=True,
            unparsable_version_is_lowest=True,
            envelope_may_have_more_keys=False,
            newer_columns=False,
        ),
        RuleSet(name="head"),
        RuleSet(name="full", whole_patterns=True, newer_nettests=True),
    )
}
"""All rule sets by name. ``head`` is what services use."""


def ruleset_named(name: str) -> RuleSet:
    """Return the rule set called *name*.

    Raises:
        Invalid: there is none; the message lists those that exist.
    """
    if name in RULESETS:
        return RULESETS[name]
    raise Invalid(f"there is no rule set {name[:60]!r}: choose one of {', '.join(RULESETS)}")
