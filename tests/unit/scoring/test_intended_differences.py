"""Where we differ from the historical scorer on purpose, as docs/scoring-differences.md says."""

import json
import math

import pytest

from ooni_core.scoring import RULESETS, Engine, Quarantined, Stored
from ooni_core.testing import UID, measurement

LISTED = ["2023-09", "head"]


def outcome(ruleset, name="ndt", keys=None, **fields):
    return Engine(ruleset=ruleset).score(json.dumps(measurement(name, keys, **fields)).encode(), UID)


@pytest.mark.parametrize("ruleset", LISTED)
@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"probe_asn": "AS4294967296"}, "bad_value"),
        ({"probe_asn": "AS-5"}, "bad_value"),
        ({"test_runtime": 1e300}, "bad_value"),
        ({"test_start_time": "1969-12-31 23:59:59"}, "bad_value"),
        ({"test_start_time": "2107-01-01 00:00:00"}, "bad_value"),
        ({"software_name": ["x"]}, "bad_type"),
        ({"annotations": {"platform": {}}}, "bad_type"),
    ],
)
def test_rows_that_a_database_would_refuse_are_quarantined(ruleset, fields, kind):
    result = outcome(ruleset, **fields)
    assert isinstance(result, Quarantined)
    assert result.kind == kind


def test_link_id_beyond_its_column_is_quarantined_where_it_is_read():
    fields = {"annotations": {"ooni_run_link_id": str(2**64)}}
    assert isinstance(outcome("head", **fields), Quarantined)
    assert isinstance(outcome("2023-09", **fields), Stored)


@pytest.mark.parametrize("ruleset", LISTED)
@pytest.mark.parametrize(
    ("fields", "column", "value"),
    [
        ({"test_runtime": "1.5"}, "test_runtime", 1.5),
        ({"software_name": 3}, "software_name", "3"),
        ({"software_name": True}, "software_name", "true"),
        ({"software_name": "a\x00b\ud800"}, "software_name", "a\ufffdb\ufffd"),
        ({"input": "http://a\x00b/"}, "input", "http://a\ufffdb/"),
    ],
)
def test_values_are_brought_into_the_type_of_their_column(ruleset, fields, column, value):
    assert getattr(outcome(ruleset, **fields).row, column) == value


@pytest.mark.parametrize("ruleset", RULESETS)
def test_run_time_that_is_no_number_stays_so_in_the_row_and_is_null_in_scores(ruleset):
    result = outcome(ruleset, "tor", test_runtime=math.nan)
    assert math.isnan(result.row.test_runtime)
    assert json.loads(result.row.scores)["extra"] == {"test_runtime": None}
