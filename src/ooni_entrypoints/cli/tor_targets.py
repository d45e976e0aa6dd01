"""``ooni tor-targets``: look at the list of Tor relays and bridges before probes do."""

import json
from pathlib import Path

import click

from ooni_core.errors import Invalid
from ooni_core.probes.tor_targets import check_tor_targets
from ooni_entrypoints.cli import Invocation


@click.group("tor-targets")
def command() -> None:
    """Work with the list of Tor relays and bridges that probes try.

    \b
    Example:  ooni tor-targets check tor_targets.json
    """


@command.command("check")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.pass_obj
def check(invocation: Invocation, file: Path | None) -> None:
    """Check FILE (the configured one when not given): every target that probes could not use is named.

    The service refuses a bad file too, and goes on with the last good one.

    \b
    Example:  ooni tor-targets check tor_targets.json
    """
    from ooni_entrypoints.probe_services import tor_targets_file

    path = file or tor_targets_file(invocation.settings)
    try:
        document = json.loads(path.read_bytes())
    except OSError as exc:
        raise Invalid(f"{path} cannot be read: {exc.strerror}") from exc
    except ValueError as exc:
        raise Invalid(f"{path} is not JSON: {exc}") from exc
    check_tor_targets(document)
    click.echo(f"{path}: {len(document)} targets, all good")
