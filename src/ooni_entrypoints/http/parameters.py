"""Query parameters: how they are read, and how the API description names them.

Handlers read the query string themselves instead of letting the framework convert it, because clients rely on exact
rules and texts: the first occurrence of a name wins, an empty value is an absent one, unknown names are ignored.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import attrs
from litestar import Request
from litestar.openapi.spec import OpenAPIType, Operation, Parameter, Schema

from ooni_core.errors import Invalid

AnyRequest = Request[Any, Any, Any]
T = TypeVar("T")
_MOST_FIELDS = 200


@attrs.frozen
class Query:
    """The query string of one request: the first value of each name, in the order of arrival."""

    values: Mapping[str, str]

    @classmethod
    def of(cls, request: AnyRequest) -> "Query":
        """Read the query string of *request*.

        Raises:
            Invalid: it has hundreds of fields.
        """
        text = request.scope["query_string"].decode("latin-1")
        try:
            pairs = parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=_MOST_FIELDS)
        except ValueError as exc:
            raise Invalid(f"more than {_MOST_FIELDS} query parameters") from exc
        values: dict[str, str] = {}
        for name, value in pairs:
            values.setdefault(name, value)
        return cls(values)

    def text(self, name: str) -> str:
        """Return the value of *name*, ``""`` when it is absent."""
        return self.values.get(name, "")

    def read(self, name: str, parse: Callable[[str], T]) -> T | None:
        """Parse the value of *name*; None when it is absent or empty."""
        text = self.text(name)
        return parse(text) if text else None

    def is_true(self, name: str, *also: str) -> bool:
        """Say whether *name* is ``true``, in any case, or one of the words *also*."""
        return self.text(name).lower() in ("true", *also)


def parameter(name: str, description: str, *, enum: tuple[str, ...] = (), required: bool = False) -> Parameter:
    """Describe a query parameter. Its type is text: the handler reads it."""
    schema = Schema(type=OpenAPIType.STRING, enum=list(enum) or None)
    return Parameter(name=name, param_in="query", description=description, required=required, schema=schema)


def documented(*parameters: Parameter) -> type[Operation]:
    """Return the kind of operation that the API description shows with *parameters*."""

    @dataclass
    class Documented(Operation):
        def __post_init__(self) -> None:
            self.parameters = [*(self.parameters or []), *parameters]

    return Documented


PROBE_CC = parameter("probe_cc", "Country, two letters; several separated by commas.")
PROBE_ASN = parameter("probe_asn", "Network, `AS123` or `123`; several separated by commas.")
TEST_NAME = parameter("test_name", "Nettest, such as `web_connectivity`; several separated by commas.")
INPUT = parameter("input", "Input of the nettest, exactly as stored.")
DOMAIN = parameter("domain", "Domain of the input, exactly as stored; several separated by commas.")
CATEGORY = parameter("category_code", "Category of the input in the test lists, such as `NEWS`.")
RUN_LINK = parameter("ooni_run_link_id", "OONI Run link; several separated by commas.")
REPORT_ID = parameter("report_id", "Report that the measurement belongs to.")
MEASUREMENT_UID = parameter("measurement_uid", "Unique name of the measurement.")
DOWNLOAD = parameter("download", "`true` asks the browser to save the answer as a file.")
