"""``ooni run``: jobs that bring data up to date, once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ooni_entrypoints.cli import Invocation


@click.group("run")
def command() -> None:
    """Run one job now and end; a timer may do the same every day.

    A job that fails ends with a status other than 0 and changes nothing.

    \b
    Example:  ooni run update-geoip
    """


@command.command("update-geoip")
@click.option("--force", is_flag=True, help="Fetch even when this month's are in place, and accept any size.")
@click.pass_obj
def update_geoip(invocation: Invocation, *, force: bool) -> None:
    """Fetch this month's GeoIP databases, verify them and put them in place; the former ones are kept beside them.

    A running service notices by itself.

    \b
    Example:  ooni run update-geoip
    """
    from ooni_entrypoints.probe_jobs import make_geoip_updater

    click.echo(make_geoip_updater(invocation.settings).update(force=force))


@command.command("update-vpn")
@click.option("--force", is_flag=True, help="Fetch even what is less than a day old.")
@click.pass_obj
def update_vpn(invocation: Invocation, *, force: bool) -> None:
    """Fetch credentials and gateways of VPN providers for probes, where the present ones are older than a day.

    A running service notices by itself; the former file is kept beside the new one.

    \b
    Example:  ooni run update-vpn
    """
    from ooni_entrypoints import probe_jobs

    click.echo(probe_jobs.update_vpn(invocation.settings, force=force))


@command.command("update-citizenlab")
@click.option("--force", is_flag=True, help="Accept lists that changed by more than a fifth.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.pass_obj
def update_citizenlab(invocation: Invocation, *, force: bool, dry_run: bool) -> None:
    """Fetch the test lists from their git repository, check them and swap them in.

    While `ooni serve` holds an embedded database, it does the work itself.

    \b
    Example:  ooni run update-citizenlab --dry-run
    """
    from ooni_entrypoints.control import NOBODY, ask
    from ooni_entrypoints.probe_jobs import update_test_lists_of

    settings, wanted = invocation.settings, {"force": force, "dry_run": dry_run}
    answer: Mapping[str, Any] = ask(settings.storage.data_dir, "update_citizenlab", **wanted)
    if answer is NOBODY:
        answer = update_test_lists_of(settings, **wanted)
    for line in answer["rejected"]:
        click.echo(f"left out: {line}", err=True)
    for code, count in answer["unknown_categories"].items():
        click.echo(f"unknown category {code}: {count} rows, kept", err=True)
    verb = "would be" if dry_run else "are"
    click.echo(
        f"{answer['rows']} rows of commit {answer['version'][:12]} {verb} in force: "
        f"{answer['added']} added, {answer['removed']} removed"
    )


@command.command("make-credentials")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_obj
def make_credentials(invocation: Invocation, file: Path) -> None:
    """Make keys and manifest of anonymous credentials in FILE, for the setting probes.credentials.

    \b
    Example:  ooni run make-credentials /etc/ooni/credentials.json
    """
    from ooni_adapters.credentials import make_credentials_file
    from ooni_entrypoints.storage import clock_of

    make_credentials_file(file, clock_of(invocation.settings).now())
    click.echo(f"made {file}; keep it secret, and set probes.credentials to it")
