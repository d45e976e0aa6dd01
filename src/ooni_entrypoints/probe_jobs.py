"""Wires the jobs that bring the data behind probe services up to date. Part of the composition root."""

from datetime import UTC
from typing import Any

import attrs

from ooni_adapters.geoip import GeoipUpdater
from ooni_adapters.sql.counting import recount
from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.testlists import SqlTestLists
from ooni_adapters.vpn import PARTS, VpnUpdater
from ooni_core.errors import Invalid
from ooni_core.testlists.updating import ListUpdater
from ooni_entrypoints.probe_services import VPN_PROVIDERS, geoip_folder, vpn_folder
from ooni_entrypoints.settings import Settings
from ooni_entrypoints.storage import clock_of, open_storage


def make_geoip_updater(settings: Settings) -> GeoipUpdater:
    """Return the use case of ``ooni run update-geoip``.

    Raises:
        Invalid: a configured source is not ``name.mmdb=URL``.
    """
    sources = {}
    for text in settings.probes.geoip_sources:
        name, equals, url = text.partition("=")
        if not equals:
            raise Invalid(f"probes.geoip_sources holds {text!r}: expected asn_cc.mmdb=URL")
        sources[name.strip()] = url.strip()
    return GeoipUpdater(geoip_folder(settings), sources, clock_of(settings), settings.probes.geoip_check_addresses)


def make_vpn_updaters(settings: Settings) -> list[VpnUpdater]:
    """Return the use cases of ``ooni run update-vpn``, one for each provider.

    Raises:
        Invalid: a configured source is not ``provider.part=URL``, or a provider lacks one.
    """
    sources: dict[str, dict[str, str]] = {}
    for text in settings.probes.vpn_sources:
        name, equals, url = text.partition("=")
        provider, _, part = name.strip().partition(".")
        if not equals or provider not in VPN_PROVIDERS or part not in PARTS:
            raise Invalid(f"probes.vpn_sources holds {text!r}: expected {VPN_PROVIDERS[0]}.{'|'.join(PARTS)}=URL")
        sources.setdefault(provider, {})[part] = url.strip()
    folder, clock = vpn_folder(settings), clock_of(settings)
    return [VpnUpdater(folder, provider, urls, clock) for provider, urls in sources.items()]


def update_vpn(settings: Settings, *, force: bool = False) -> str:
    """Bring all VPN configurations up to date, and say what was done.

    Raises:
        Invalid: a setting, or what was fetched, cannot be right.
        Unavailable: a provider does not answer; its former configuration stays.
    """
    done = [updater.update(force=force) for updater in make_vpn_updaters(settings)]
    return "\n".join(done) or "probes.vpn_sources names no provider"


def make_list_updater(settings: Settings, engine: SqlEngine) -> ListUpdater:
    """Return the use case of ``ooni run update-citizenlab``."""
    # Imported only here: the service starts sooner without git.
    from ooni_adapters.git import GitListSource, GitRepository

    repository = GitRepository(settings.storage.data_dir / "git" / "test-lists.git", settings.probes.test_lists)
    return ListUpdater(
        GitListSource(repository),
        SqlTestLists(engine),
        settings.probes.test_lists_least,
        settings.probes.test_lists_most,
    )


def update_test_lists(settings: Settings, engine: SqlEngine, *, force: bool, dry_run: bool) -> dict[str, Any]:
    """Bring the lists up to date over an open database, and say what was done as plain values.

    Raises:
        Invalid: the lists cannot be right; nothing was changed.
        Unavailable: repository or database do not answer; nothing was changed.
    """
    updated = make_list_updater(settings, engine).update(force=force, dry_run=dry_run)
    if not dry_run:
        # Which measurements count depends on what is listed.
        recount(engine, clock_of(settings).now().astimezone(UTC).replace(tzinfo=None))
    return attrs.asdict(updated)


def update_test_lists_of(settings: Settings, *, force: bool, dry_run: bool) -> dict[str, Any]:
    """Do the same, opening the database for it.

    Raises:
        Conflict: another process holds the database.
    """
    with open_storage(settings) as storage:
        return update_test_lists(settings, storage.engine, force=force, dry_run=dry_run)
