"""Wires what people contribute: incidents and OONI Run links. Part of the composition root."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import attrs

from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.incidents import SqlIncidents
from ooni_adapters.sql.oonirun import SqlLinks
from ooni_adapters.system import locked
from ooni_core.accounts.rules import account_id_of
from ooni_core.incidents.service import Incidents
from ooni_core.oonirun.service import RunLinks
from ooni_core.ports import Clock, Entropy
from ooni_entrypoints.accounts import account_policy
from ooni_entrypoints.http import incidents, oonirun
from ooni_entrypoints.settings import Settings


@attrs.frozen
class Community:
    """Everything that the application needs for what people contribute.

    Attributes:
        use_cases: what the handlers are given, by parameter name.
        handlers: the routes.
    """

    use_cases: Mapping[str, Any]
    handlers: Sequence[Any]


def make_community(settings: Settings, engine: SqlEngine, clock: Clock, entropy: Entropy) -> Community:
    """Wire incidents and links over an open database.

    Raises:
        Unavailable: a kept key can be neither read nor made.
    """
    alone = partial(locked, settings.storage.data_dir / "community.lock")
    collector = settings.service.collector_id
    number = int(collector) % 100 if collector.isascii() and collector.isdigit() else 0
    account_id = partial(account_id_of, key=account_policy(settings).hashing_key)
    return Community(
        use_cases={
            "incidents": Incidents(SqlIncidents(engine, alone), clock, entropy, account_id, number),
            "run_links": RunLinks(SqlLinks(engine, alone), clock, entropy, number),
        },
        handlers=[*incidents.handlers, *oonirun.handlers],
    )
