"""What a probe says when it opens a report."""

import re
from collections.abc import Mapping
from typing import Any

import attrs

from ooni_core.errors import Invalid

_TEST_NAME = re.compile(r"[a-z0-9]{2,29}", re.ASCII)


@attrs.frozen
class ReportRequest:
    """A request to open a report, normalised.

    Attributes:
        test_name: lower case, with underscores as sent; without them 2 to 29 letters and digits.
        probe_cc: two capital letters, ``ZZ`` when the probe sent nothing usable.
        probe_asn: 0 when the probe sent nothing usable.
    """

    test_name: str
    probe_cc: str
    probe_asn: int

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "ReportRequest":
        """Read the JSON object that a probe posts; keys that are not needed are ignored.

        Raises:
            Invalid: a value is not a text, or the test name could never be part of a report id.
        """
        texts = {name: _text(document, name) for name in ("test_name", "probe_cc", "probe_asn")}
        test_name = texts["test_name"].lower()
        if not _TEST_NAME.fullmatch(test_name.replace("_", "")):
            raise Invalid(
                "Incorrect format",
                f"test_name {test_name[:60]!r}: expected 2 to 29 letters and digits, not counting underscores",
            )
        return cls(test_name, _country(texts["probe_cc"]), _network(texts["probe_asn"]))


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Invalid("Incorrect format", f"expected {name} to be a text")
    return value


def _country(text: str) -> str:
    letters = text.upper().replace("_", "")
    return letters if re.fullmatch("[A-Z]{2}", letters) else "ZZ"


def _network(text: str) -> int:
    # Old probes send odd things here; 0 means "unknown" and keeps them working.
    match = re.fullmatch(r"AS(\d{1,10})", text.upper(), re.ASCII)
    number = int(match[1]) if match else 0
    return number if number < 2**32 else 0
