"""``ooni withdraw``: remove a published body, and say so in the log."""

from typing import Any

import click

from ooni_entrypoints.cli import Invocation

_REASONS = ("privacy", "safety", "legal", "error")


@click.command("withdraw")
@click.argument("uid")
@click.option("--reason", required=True, type=click.Choice(_REASONS), help="Class of reason; it becomes public.")
@click.confirmation_option(prompt="The body will be gone for good, and the withdrawal public. Go on?")
@click.pass_obj
def command(invocation: Invocation, uid: str, reason: str) -> None:
    """Remove the published body of the measurement UID everywhere, and state it in the transparency log.

    The files that hold it are written again without it, under new names; all rows about it are deleted; the hash of the
    body stays in the log. A withdrawal that was interrupted is finished by asking again. While `ooni serve` runs on the
    same data folder, it does the work.

    \b
    Example:  ooni withdraw 20260304120000.000000_IT_webconnectivity_93be929b5252633e --reason privacy
    """
    report = _withdrawn(invocation, uid, reason)
    for key in report["removed"]:
        click.echo(f"removed {key}")
    for key in report["written"]:
        click.echo(f"wrote {key}")
    click.echo(f"{report['uid']} is withdrawn; the log has {report['log_size']} leaves")


def _withdrawn(invocation: Invocation, uid: str, reason: str) -> dict[str, Any]:
    from ooni_entrypoints.control import NOBODY, ask
    from ooni_entrypoints.transparency import open_withdrawal, withdrawal_commands

    told = ask(invocation.settings.storage.data_dir, "withdraw", uid=uid, reason=reason)
    if told is not NOBODY:
        report: dict[str, Any] = told
        return report
    with open_withdrawal(invocation.settings) as withdrawal:
        done: dict[str, Any] = withdrawal_commands(withdrawal)["withdraw"](uid=uid, reason=reason)
        return done
