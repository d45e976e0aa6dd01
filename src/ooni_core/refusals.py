"""Why a change of what people contribute is refused, in the codes that web pages translate."""

from collections.abc import Mapping

from ooni_core.errors import Invalid

TEXTS = {
    "err_generic_ooni_exception": "Generic OONI error",
    "err_bad_url": "Invalid URL",
    "err_bad_category_code": "Invalid category code",
    "err_bad_category_description": "Invalid category description",
    "err_bad_date": "Invalid date",
    "err_country_not_supported": "Country Not Supported",
    "err_invalid_country_code": "Country code is invalid",
    "err_duplicate_url": "Duplicate URL",
    "err_duplicate_rule": "Duplicate rule",
    "err_rule_not_found": "Rule not found error",
    "err_cannot_close_pr": "Unable to close PR. Please reload data.",
    "err_cannot_update_list": "Unable to update. The URL list has changed in the meantime.",
    "err_no_proposed_changes": "No changes are being proposed",
    "err_request_params": "Invalid parameters in the request",
    "err_invalid_pr_state": "The tracked pull request state is invalid or malformed",
    "err_cannot_propose_changes": "Unable to submit changes. Please try again.",
    "err_ownership": "Attempted to create, update or delete an item beloging to another user",
    "err_empty_translation_field": "Empty translation field",
}
"""Code -> historical English text."""


class Refused(Invalid):
    """A change that is not made.

    Attributes:
        err_str: code for machines, one of ``TEXTS``.
        err_args: values for its translation.
    """

    def __init__(self, err_str: str, err_args: Mapping[str, object] | None = None, text: str = "") -> None:
        super().__init__(text or TEXTS[err_str])
        self.err_str = err_str
        self.err_args = dict(err_args or {})
