"""Priority rules in the ``url_priorities`` table, their history beside it."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import Any

import attrs

from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.instants import naive
from ooni_adapters.sql.tables import URL_PRIORITIES, URL_PRIORITIES_HISTORY
from ooni_core.errors import Conflict, Invalid, NotFound
from ooni_core.prioritization.model import PriorityRule, RuleChange

_log = logging.getLogger(__name__)
_READ = """
    SELECT category_code, cc, domain, url, priority
    FROM url_priorities
    WHERE sign = 1
    ORDER BY category_code, cc, domain, url, priority"""
_HISTORY = """
    SELECT changed_at, account_id, old_entry, new_entry
    FROM url_priorities_history
    ORDER BY changed_at DESC, account_id, old_entry, new_entry
    LIMIT $most"""
_FIELDS = ("category_code", "cc", "domain", "url", "priority")


@attrs.frozen
class SqlRules:
    """A RuleStore in SQL.

    Attributes:
        alone: keeps other processes that share the database from changing rules while a block runs: ClickHouse has no
            transactions that would.
    """

    engine: SqlEngine
    alone: Callable[[], AbstractContextManager[None]] = nullcontext

    def rules(self) -> list[PriorityRule]:
        """Return the rules in force, sorted."""
        return sorted(self._stored())

    def _stored(self) -> dict[PriorityRule, Mapping[str, Any]]:
        """Return the rules with the row of each, since rows of older systems spell wildcards and countries freely."""
        found = {}
        for row in self.engine.query(_READ).dicts():
            try:
                found[PriorityRule(**row)] = row
            except Invalid as exc:
                _log.warning("a row of url_priorities is not used: %s", exc)
        return found

    def change(self, old: PriorityRule | None, new: PriorityRule | None, author: str, at: datetime) -> None:
        """Replace *old* by *new*; without *old* create, without *new* delete."""
        with self.alone(), self.engine.transaction():
            stored = self._stored()
            if old is not None and old not in stored:
                raise NotFound("the rule to change is not in force")
            taken = {rule.target for rule in stored if rule != old}
            if new is not None and new.target in taken:
                raise Conflict("another rule has this target")
            if old is not None:
                self.engine.delete(URL_PRIORITIES, [stored[old]])
            if new is not None:
                self.engine.insert(URL_PRIORITIES, [_row(new)])
            self._remember([RuleChange(at, author, old, new)])

    def seed(self, rules: Sequence[PriorityRule], at: datetime) -> bool:
        """Store *rules* when there were never any."""
        with self.alone(), self.engine.transaction():
            if self._stored() or self.history(1):
                return False
            self.engine.insert(URL_PRIORITIES, [_row(rule) for rule in rules])
            self._remember([RuleChange(at, "", None, rule) for rule in rules])
        return True

    def history(self, limit: int) -> list[RuleChange]:
        """Return the latest changes, newest first."""
        found = self.engine.query(_HISTORY, {"most": limit})
        return [RuleChange(at.replace(tzinfo=UTC), who, _rule(old), _rule(new)) for at, who, old, new in found.tuples]

    def _remember(self, changes: Sequence[RuleChange]) -> None:
        rows = [
            {
                "changed_at": naive(change.at),
                "account_id": change.author,
                "old_entry": _text(change.old),
                "new_entry": _text(change.new),
            }
            for change in changes
        ]
        self.engine.insert(URL_PRIORITIES_HISTORY, rows)


def _row(rule: PriorityRule) -> dict[str, Any]:
    return {"sign": 1, **{name: getattr(rule, name) for name in _FIELDS}}


def _text(rule: PriorityRule | None) -> str:
    return json.dumps({name: getattr(rule, name) for name in _FIELDS}) if rule is not None else ""


def _rule(text: str) -> PriorityRule | None:
    return PriorityRule(**json.loads(text)) if text else None
