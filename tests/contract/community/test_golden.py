"""The recorded answers about incidents and OONI Run links, on every engine; corrections are named in the documentation."""

import json

import pytest

from tests.contract.accounts.test_golden import checker, corrections, differences

__all__ = ["checker"]  # a fixture
pytestmark = pytest.mark.shared_data


@pytest.mark.parametrize("group", ["incidents", "oonirun"])
def test_recorded_requests_have_their_recorded_answers(client, checker, shared_data, group):
    cases = json.loads((shared_data / "golden_api" / f"{group}.json").read_text())["cases"]
    assert len(cases) >= 1
    differing = {case["id"]: found for case in cases if (found := list(differences(checker, client, case)))}
    assert set(differing) == corrections(group), differing
