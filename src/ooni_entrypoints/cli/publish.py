"""``ooni publish``: publish what was received."""

import sys
from collections.abc import Mapping
from typing import Any

import attrs
import click

from ooni_entrypoints.cli import Invocation


@click.command("publish")
@click.option("--now", is_flag=True, help="Seal the current hour too.")
@click.pass_obj
def command(invocation: Invocation, now: bool) -> None:  # noqa: FBT001
    """Publish every closed hour: build its files, store them, index them, and empty the spool.

    Each step can be cut at any instant and repeated; nothing is lost and nothing is published twice. While `ooni serve`
    runs on the same data folder, it does the work.

    \b
    Example:  ooni publish --now
    """
    report = _handed_over(invocation, now=now) or _done_here(invocation, now=now)
    if report["busy"]:
        click.echo("another publication is under way; it will do this work", err=True)
        return
    click.echo("published {measurements} measurements in {batches} batches".format_map(report))
    if report["unpublishable"]:
        click.echo("{unpublishable} of them are kept in the postcans only".format_map(report), err=True)
    for problem in report["problems"]:
        click.echo(problem, err=True)
    if report["problems"]:
        raise click.ClickException("some measurements stay in the spool; run this again")


def _handed_over(invocation: Invocation, *, now: bool) -> Mapping[str, Any] | None:
    from ooni_entrypoints.control import NOBODY, ask

    report: Mapping[str, Any] = ask(invocation.settings.storage.data_dir, "publish", now=now)
    return None if report is NOBODY else report


def _done_here(invocation: Invocation, *, now: bool) -> Mapping[str, Any]:
    from ooni_entrypoints.composition import open_publication

    with (
        open_publication(invocation.settings) as publication,
        click.progressbar(
            length=publication.backlog().measurements,
            label="publishing",
            file=sys.stderr,
            hidden=not sys.stderr.isatty(),
        ) as progress,
    ):
        return attrs.asdict(publication.run(include_open_hour=now, progress=progress.update))
