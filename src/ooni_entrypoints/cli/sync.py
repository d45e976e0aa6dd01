"""``ooni sync``: a local copy of published measurements."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from ooni_adapters.measurementfiles.copying import Copy
from ooni_adapters.measurementfiles.published import PublishedFile, Selection, short_name
from ooni_adapters.measurementfiles.remote import PublishedFiles
from ooni_core.errors import OoniError
from ooni_entrypoints.scoring_runs.progress import Progress

PUBLIC_BUCKET = "s3://ooni-data-eu-fra"
SOME_FAILED = 1
INTERRUPTED = 130
_FORMS = {
    "jsonl": frozenset({"jsonl", "index"}),
    "postcan": frozenset({"postcan", "can"}),
    "all": frozenset[str](),
}
_SHOWN = 5


def names(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> frozenset[str]:
    """Read a repeatable, comma-separated option."""
    return frozenset(name.strip() for value in values for name in value.split(",") if name.strip())


@click.command("sync")
@click.argument("source", default=PUBLIC_BUCKET)
@click.option(
    "-o", "--output-dir", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder of the copy."
)
@click.option("--start-day", type=click.DateTime(["%Y-%m-%d"]), required=True, help="First UTC day of arrival.")
@click.option("--end-day", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The day after the last one.")
@click.option("--probe-cc", "--ccs", "ccs", multiple=True, callback=names, help="Countries, such as IT,US.")
@click.option("--test-name", "--testnames", "tests", multiple=True, callback=names, help="Nettests.")
@click.option("--files", "form", type=click.Choice(list(_FORMS)), default="jsonl", show_default=True)
@click.option("--jobs", type=click.IntRange(1, 64), default=8, show_default=True, help="Downloads at the same time.")
@click.option("--verify", is_flag=True, help="Compare the content of files that are here already, not only their size.")
@click.option("--signed", is_flag=True, help="Use your S3 credentials instead of anonymous access.")
@click.option("--endpoint-url", help="Another S3 service.")
@click.pass_context
def command(
    ctx: click.Context,
    source: str,
    output_dir: Path,
    start_day: datetime,
    end_day: datetime,
    ccs: frozenset[str],
    tests: frozenset[str],
    form: str,
    jobs: int,
    verify: bool,  # noqa: FBT001 - a flag of the command line
    signed: bool,  # noqa: FBT001
    endpoint_url: str | None,
) -> None:
    """Copy published measurement files from SOURCE, which is OONI's public bucket or any fsspec URL.

    Files keep their published names and every byte; each is compared with the SHA-256 in the manifest of its hour,
    where there is one. Run it again at any time: what is complete is not fetched again, what is missing, cut short or
    changed is, and files that were replaced after a withdrawal are removed. The folder can be given to ooni score.

    \b
    Exit status: 0 the copy is complete, 1 some files failed (the list says which), 130 interrupted.

    \b
    Example:  ooni sync -o data --start-day 2024-01-01 --end-day 2024-01-08 --probe-cc IT --test-name signal
    """
    selection = Selection(
        start_day.date(),
        end_day.date(),
        frozenset(cc.upper() for cc in ccs),
        frozenset(map(short_name, tests)),
        _FORMS[form],
    )
    if selection.end <= selection.start:
        raise click.UsageError("--end-day is the day after the last one: it must be later than --start-day")
    copy = Copy(PublishedFiles(source, s3_options(source, endpoint_url, signed=signed)), output_dir, verify)
    ctx.exit(_run(copy, selection, jobs))


def s3_options(url: str, endpoint_url: str | None, *, signed: bool) -> dict[str, Any]:
    """Return fsspec's options for *url*: public buckets need no account."""
    if not url.startswith("s3://"):
        return {}
    return {"anon": not signed} | ({"endpoint_url": endpoint_url} if endpoint_url else {})


def _run(copy: Copy, selection: Selection, jobs: int) -> int:
    plan = copy.plan(selection)
    for path in plan.replaced:
        path.unlink(missing_ok=True)
    progress = Progress(sum(file.size for file in plan.missing), "files")
    failures = list(plan.problems)
    with ThreadPoolExecutor(jobs) as pool:
        try:
            for failure, file in _fetched(pool, copy, plan.missing):
                progress.advance(file.size, 1)
                failures.extend([failure] if failure else [])
        except KeyboardInterrupt:
            copy.stop()
            pool.shutdown(cancel_futures=True)
            click.echo("Interrupted; run the same command again to go on.", err=True)
            return INTERRUPTED
        finally:
            progress.finish()
    failed = len(failures) - len(plan.problems)
    removed = f", {len(plan.replaced)} removed that were replaced after a withdrawal" if plan.replaced else ""
    click.echo(f"{progress.count - failed} files fetched, {failed} failed{removed}", err=True)
    for failure in failures[:_SHOWN]:
        click.echo(failure, err=True)
    return SOME_FAILED if failures else 0


def _fetched(
    pool: ThreadPoolExecutor, copy: Copy, files: Sequence[PublishedFile]
) -> Iterator[tuple[str | None, PublishedFile]]:
    running = {pool.submit(copy.fetch, file): file for file in files}
    for done in as_completed(running):
        try:
            done.result()
        except OoniError as exc:
            yield str(exc), running[done]
        else:
            yield None, running[done]
