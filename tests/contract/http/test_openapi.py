"""Every documented route, asked in every way its description allows and in many that it does not."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

# Not among them: that every request which fits the description is accepted. It cannot say what a report id is, and many old
# clients send what no description would allow and are answered all the same.
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.unsupported_method,
]
EXAMPLES = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.long
def test_no_request_breaks_the_service_and_no_answer_its_description(service):
    schema = schemathesis.openapi.from_url(f"{service.url}/openapi.json")
    failures, asked = {}, 0
    for result in schema.get_all_operations():
        operation = result.ok()

        @EXAMPLES
        @given(case=operation.as_strategy())
        def ask(case):
            case.call_and_validate(timeout=60, checks=CHECKS)

        try:
            ask()
        except BaseExceptionGroup as found:
            failures[operation.label] = "\n".join(map(str, found.exceptions))
        asked += 1
    assert asked > 50
    assert not failures, "\n".join(f"{label}: {text}" for label, text in failures.items())
