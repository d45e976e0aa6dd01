"""``ooni rebuild``: make tables again from published files."""

import io
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime

import click

from ooni_adapters.measurementfiles import Record, read_stream
from ooni_core.errors import Invalid, Unavailable
from ooni_core.measurement import MeasurementUid
from ooni_core.publication.rebuild import RebuildReport, RebuildService
from ooni_entrypoints.cli import Invocation
from ooni_entrypoints.settings import Settings

SOME_FAILED = 1
_DAY = click.DateTime(["%Y-%m-%d"])


@click.command("rebuild")
@click.option("--start-day", type=_DAY, help="First UTC day of arrival. Default: the first there is.")
@click.option("--end-day", type=_DAY, help="The day after the last one. Default: no end.")
@click.option("--index-only", is_flag=True, help="Make the index of bodies again, and score nothing.")
@click.pass_context
def command(ctx: click.Context, start_day: datetime | None, end_day: datetime | None, index_only: bool) -> None:  # noqa: FBT001
    """Make the tables fastpath and jsonl again from the published files of the object store, and from nothing else.

    Cans of before October 2020 are read too; a measurement that is also in a newer file is found there.

    Existing rows of the same measurements are replaced, others stay. Stop `ooni serve` first when it holds the
    embedded database.

    \b
    Exit status: 0 done, 1 some files could not be read (the list says which).

    \b
    Example:  ooni --set storage.database=duckdb:////tmp/again.duckdb rebuild --start-day 2026-03-01
    """
    invocation: Invocation = ctx.obj
    report = _rebuilt(invocation.settings, _text(start_day), _text(end_day), index_only=index_only)
    click.echo(f"{report.batches} batches read: {report.entries} index entries, {report.bodies} bodies")
    for problem in report.problems:
        click.echo(problem, err=True)
    ctx.exit(SOME_FAILED if report.problems else 0)


def _text(day: datetime | None) -> str:
    return "" if day is None else f"{day:%Y%m%d}"


def _rebuilt(settings: Settings, start_day: str, end_day: str, *, index_only: bool) -> RebuildReport:
    from ooni_adapters.measurementfiles.cans import read_can
    from ooni_adapters.scorers import EngineScorer
    from ooni_core.scoring import Engine
    from ooni_core.scoring.service import store_outcomes
    from ooni_entrypoints.composition import open_cans, open_objects
    from ooni_entrypoints.storage import fingerprints_of, open_storage

    done = 0

    def progress(measurements: int) -> None:
        nonlocal done
        done += measurements
        if sys.stderr.isatty():
            click.echo(f"\r{done} measurements", err=True, nl=False)

    with open_storage(settings) as storage:
        scorer = EngineScorer(Engine(fingerprints_of(settings, storage), settings.scoring.ruleset))

        def score(bodies: Sequence[tuple[str, bytes]]) -> None:
            if not index_only:
                store_outcomes(scorer.score(bodies), storage.verdicts, storage.quarantine)

        objects = open_objects(settings)
        service = RebuildService(
            objects, storage.bodies, read_postcan, score, read_can=read_can, cans=open_cans(settings, objects)
        )
        report = service.run(start_day, end_day, progress)
    if done and sys.stderr.isatty():
        click.echo(err=True)
    return report


def read_postcan(content: bytes, key: str) -> Iterator[tuple[MeasurementUid, bytes]]:
    """Yield what a postcan holds, in its order.

    Raises:
        Unavailable: the archive is damaged: what it held cannot be made again from it.
    """
    for entry in read_stream(io.BytesIO(content), key):
        if not isinstance(entry, Record):
            if entry.kind == "not_a_measurement":
                continue
            raise Unavailable(f"{entry.source}: {entry.reason}")
        try:
            yield MeasurementUid(entry.measurement_uid or ""), entry.body
        except Invalid as exc:
            raise Unavailable(f"{entry.source}: {exc}") from exc
