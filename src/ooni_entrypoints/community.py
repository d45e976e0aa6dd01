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
from ooni_core.oonirun.revising import RevisedLinks, Websites
from ooni_core.oonirun.service import RunLinks
from ooni_core.ports import Clock, Entropy
from ooni_entrypoints.accounts import account_policy
from ooni_entrypoints.http import incidents, oonirun, oonirun_links
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


def make_community(
    settings: Settings, engine: SqlEngine, clock: Clock, entropy: Entropy, websites: Websites
) -> Community:
    """Wire incidents and links over an open database.

    Args:
        settings: the effective settings.
        engine: the database.
        clock: tells the time.
        entropy: for ids.
        websites: chooses URLs for links whose authors did not.

    Raises:
        Unavailable: a kept key can be neither read nor made.
    """
    alone = partial(locked, settings.storage.data_dir / "community.lock")
    collector = settings.service.collector_id
    number = int(collector) % 100 if collector.isascii() and collector.isdigit() else 0
    account_id = partial(account_id_of, key=account_policy(settings).hashing_key)
    links = SqlLinks(engine, alone)
    return Community(
        use_cases={
            "incidents": Incidents(SqlIncidents(engine, alone), clock, entropy, account_id, number),
            "run_links": RunLinks(links, clock, entropy, number),
            "revised_links": RevisedLinks(links, clock, entropy, account_id, websites),
        },
        handlers=[*incidents.handlers, *oonirun.handlers, *oonirun_links.handlers],
    )
