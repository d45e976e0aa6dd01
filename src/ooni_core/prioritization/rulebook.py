"""The use case of staff who edit priority rules."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from ooni_core.errors import Conflict, Invalid, NotFound
from ooni_core.ports import Clock
from ooni_core.prioritization.model import PriorityRule, RuleChange
from ooni_core.prioritization.ports import RuleStore
from ooni_core.prioritization.service import Prioritization
from ooni_core.refusals import Refused

_OPTIONAL = ("category_code", "cc", "domain", "url")


def rule_of(entry: Any) -> PriorityRule | None:
    """Read a rule as web pages send it; absent and empty ones are None, absent and empty parts are wildcards.

    Raises:
        Refused: a key is unknown or missing, or a value cannot be right.
    """
    if not entry:
        return None
    if not isinstance(entry, Mapping) or "priority" not in entry or not set(entry) <= {*_OPTIONAL, "priority"}:
        raise Refused("err_request_params")
    parts = {name: entry.get(name) or "" for name in _OPTIONAL}
    if not all(isinstance(part, str) for part in parts.values()):
        raise Refused("err_request_params")
    try:
        return PriorityRule(**parts, priority=entry["priority"])
    except Invalid as exc:
        raise Refused("err_request_params", {"reason": str(exc)}) from exc


@attrs.frozen
class RuleBook:
    """Lists and changes rules; probes feel a change at once."""

    store: RuleStore
    prioritization: Prioritization
    clock: Clock

    def rules(self) -> Sequence[PriorityRule]:
        """Return the rules in force, sorted.

        Raises:
            Unavailable: the store failed.
        """
        return self.store.rules()

    def update(self, old_entry: Any, new_entry: Any, author: str) -> None:
        """Create, replace or delete a rule.

        Args:
            old_entry: the rule to change, as it was read; empty to create.
            new_entry: what takes its place; empty to delete.
            author: account id of who does it.

        Raises:
            Refused: nothing would change, the old rule is not in force any more, or another rule has the same target.
            Unavailable: the store failed; nothing was changed.
        """
        new, old = rule_of(new_entry), rule_of(old_entry)
        if old == new:
            raise Refused("err_no_proposed_changes")
        try:
            self.store.change(old, new, author, self.clock.now())
        except NotFound as exc:
            raise Refused("err_rule_not_found") from exc
        except Conflict as exc:
            raise Refused("err_duplicate_rule", attrs.asdict(new) if new else {}) from exc
        self.prioritization.refresh_rules()

    def history(self, limit: int) -> Sequence[RuleChange]:
        """Return the latest changes, newest first.

        Raises:
            Unavailable: the store failed.
        """
        return self.store.history(limit)
