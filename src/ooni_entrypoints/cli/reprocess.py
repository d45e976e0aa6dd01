"""``ooni reprocess``: score what was published again, into the database."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from ooni_adapters.measurementfiles.published import Selection, short_name
from ooni_adapters.measurementfiles.remote import PublishedFiles
from ooni_core.scoring import RULESETS, FingerprintSet, Outcome
from ooni_entrypoints.cli import Invocation
from ooni_entrypoints.cli.score import INTERRUPTED, SOME_QUARANTINED, executor_for
from ooni_entrypoints.cli.sync import names
from ooni_entrypoints.scoring_runs.judging import EngineChoice, Judge
from ooni_entrypoints.scoring_runs.objects import one_form_each, stored_objects
from ooni_entrypoints.scoring_runs.progress import Progress
from ooni_entrypoints.scoring_runs.reprocessing import Rescoring, keeping, reprocess
from ooni_entrypoints.scoring_runs.runs import read_fingerprints
from ooni_entrypoints.scoring_runs.tally import Tally
from ooni_entrypoints.settings import Settings

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command("reprocess")
@click.option("--start-day", type=_DAY, required=True, help="First UTC day of arrival.")
@click.option("--end-day", type=_DAY, required=True, help="The day after the last one.")
@click.option("--ccs", multiple=True, callback=names, help="Only these countries, such as IT,US.")
@click.option("--testnames", "tests", multiple=True, callback=names, help="Only these nettests.")
@click.option("--stop-after", type=click.IntRange(min=1), help="Stop after that many measurements.")
@click.option("--no-write-to-db", is_flag=True, help="Score, and write nothing.")
@click.option("--objects", metavar="URL", help="Where the published files are. Default: the setting storage.objects.")
@click.option(
    "--fingerprints",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder of fingerprint files. Default: what the service uses.",
)
@click.option("--ruleset", type=click.Choice(list(RULESETS)), help="Default: the setting scoring.ruleset.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes to score with.")
@click.option("--scheduler", metavar="ADDRESS", help="Score on this Dask cluster (tcp://host:port) instead.")
@click.pass_context
def command(ctx: click.Context, /, jobs: int, scheduler: str | None, stop_after: int | None, **options: Any) -> None:
    """Score published measurements again, and replace their verdicts in the database.

    Reads postcans, JSON lines and the cans of old years from the object store. A measurement keeps its name, so a run
    can be repeated, stopped and overlapped at will: there is always one verdict for each, the last one made.

    \b
    Exit status: 0 all was scored or discarded, 3 something is in quarantine, 130 interrupted, 1 the run failed.

    \b
    Example:  ooni reprocess --start-day 2024-01-01 --end-day 2024-01-08 --testnames webconnectivity --jobs 8
    """
    settings: Settings = ctx.find_object(Invocation).settings
    wanted = _selection(options)
    with ExitStack() as stack:
        keep, fingerprints = stack.enter_context(_kept(settings, options))
        choice = EngineChoice(options["ruleset"] or settings.scoring.ruleset, fingerprints)
        store = published_files(settings, options["objects"])
        files = list(one_form_each(store.find(wanted)))
        if not files:
            click.echo("Nothing is published for these days.", err=True)
        executor = executor_for(jobs, scheduler)
        stack.callback(executor.close)
        progress = Progress(sum(file.size for file in files))
        stack.callback(progress.finish)
        work = Rescoring(Judge(choice), wanted.ccs, wanted.tests)
        tasks = stored_objects(store, files)
        total = _run(lambda: reprocess(executor, work, tasks, keep, progress.advance, stop_after))
    if total is None:
        click.echo("Interrupted; repeat the run to complete it.", err=True)
        ctx.exit(INTERRUPTED)
    for line in total.lines():
        click.echo(line, err=True)
    ctx.exit(SOME_QUARANTINED if total.quarantined else 0)


def _run(run: Callable[[], Tally]) -> Tally | None:
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return run()
    except KeyboardInterrupt:
        return None
    finally:
        signal.signal(signal.SIGTERM, before)


def _selection(options: dict[str, Any]) -> Selection:
    start: datetime = options["start_day"]
    end: datetime = options["end_day"]
    if end <= start:
        raise click.UsageError("--end-day is the day after the last one: it must be later than --start-day")
    ccs = frozenset(cc.upper() for cc in options["ccs"])
    return Selection(start.date(), end.date(), ccs, frozenset(map(short_name, options["tests"])))


@contextmanager
def _kept(
    settings: Settings, options: dict[str, Any]
) -> Iterator[tuple[Callable[[Sequence[Outcome]], None], FingerprintSet]]:
    """Give the function that stores outcomes, and the fingerprints; the database is opened only when it is needed."""
    from ooni_entrypoints.storage import fingerprints_of, open_storage

    folder = options["fingerprints"] or settings.scoring.fingerprints
    known = read_fingerprints(Path(folder)) if folder else None
    if options["no_write_to_db"] and known is not None:
        yield lambda _: None, known
        return
    with open_storage(settings) as storage:
        fingerprints = known or fingerprints_of(settings, storage)
        if options["no_write_to_db"]:
            yield lambda _: None, fingerprints
        else:
            yield keeping(storage.past_verdicts, storage.quarantine), fingerprints


def published_files(settings: Settings, url: str | None) -> PublishedFiles:
    """Return the published files at *url*, or where the settings say."""
    from ooni_entrypoints.composition import objects_url

    place = url or objects_url(settings)
    if not place.startswith("s3://"):
        return PublishedFiles(place)
    storage = settings.storage
    options = {
        "anon": storage.s3_anonymous,
        "endpoint_url": storage.s3_endpoint or None,
        "key": storage.s3_key or None,
        "secret": storage.s3_secret or None,
    }
    return PublishedFiles(place, {name: value for name, value in options.items() if value is not None})
