"""``ooni score``: measurement files in, verdicts out."""

import signal
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import BinaryIO

import click

from ooni_adapters.executors.inprocess import InProcess
from ooni_adapters.executors.processes import LocalProcesses
from ooni_adapters.measurementfiles import FoundFile
from ooni_core.errors import Invalid
from ooni_core.scoring import RULESETS
from ooni_entrypoints.scoring_runs.judging import EngineChoice, Judge
from ooni_entrypoints.scoring_runs.output import FORMATS, Format, format_for
from ooni_entrypoints.scoring_runs.portions import portions
from ooni_entrypoints.scoring_runs.progress import Progress
from ooni_entrypoints.scoring_runs.runs import (
    Executor,
    ScoreAndEncode,
    cut_to_whole_lines,
    input_files,
    read_fingerprints,
    write_verdicts,
)
from ooni_entrypoints.scoring_runs.tally import Tally

SOME_QUARANTINED = 3
INTERRUPTED = 130
_SHOWN = 3
# How many workers a cluster is thought to have when the input is cut up; it may have any number.
_CLUSTER_SHARES = 8


@click.command("score")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, allow_dash=True))
@click.option(
    "--fingerprints",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder with fingerprints_dns.csv and fingerprints_http.csv. Without it no block page is recognised.",
)
@click.option("--ruleset", type=click.Choice(list(RULESETS)), default="head", show_default=True, help="Rules to apply.")
@click.option("--format", "format_name", type=click.Choice(list(FORMATS)), help="Default: as OUT is named, or jsonl.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="OUT", help="Default: standard output."
)
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes to score with.")
@click.option("--scheduler", metavar="ADDRESS", help="Score on this Dask cluster (tcp://host:port) instead.")
@click.option("--resume", is_flag=True, help="Go on where an interrupted run stopped writing OUT (jsonl only).")
@click.pass_context
def command(
    ctx: click.Context,
    paths: tuple[str, ...],
    fingerprints: Path | None,
    ruleset: str,
    format_name: str | None,
    output: Path | None,
    jobs: int,
    scheduler: str | None,
    resume: bool,  # noqa: FBT001 - a flag of the command line
) -> None:
    """Score measurement files: give the verdict and the database row for each measurement in PATHS.

    Reads .post, .jsonl, .json, .yaml and .tar files, compressed with gzip, zstd or lz4 or not at all; folders with all
    they contain; and - for standard input. The output keeps the order of the input. No network, no database.

    \b
    Exit status: 0 all was scored or discarded, 3 something is in quarantine, 130 interrupted (the output is valid
    as far as it goes), 1 the run failed, 2 wrong usage.

    \b
    Example:  ooni score --fingerprints fingerprints/ --jobs 4 -o verdicts.jsonl 2024/
    """
    format = format_for(format_name, output)
    _check_usage(format, output, resume=resume)
    choice = chosen_engine(fingerprints, ruleset)
    files = _listed(paths, output)
    after = cut_to_whole_lines(output, format) if resume and output else None
    tasks = portions(files, _CLUSTER_SHARES if scheduler else jobs, after)
    with ExitStack() as stack:
        file = stack.enter_context(_opened(output, append=after is not None))
        sink = format.open(file, begun=after is not None)
        stack.callback(sink.close)
        executor = executor_for(jobs, scheduler)
        stack.callback(executor.close)
        progress = Progress(sum(found.size for found in files))
        stack.callback(progress.finish)
        tallies = write_verdicts(executor, ScoreAndEncode(Judge(choice), format), tasks, sink, progress)
        total, interrupted = _summed(tallies)
    _report(total, output, interrupted=interrupted)
    ctx.exit(INTERRUPTED if interrupted else SOME_QUARANTINED if total.quarantined else 0)


def chosen_engine(fingerprints: Path | None, ruleset: str) -> EngineChoice:
    """Return what to score with, and say so when block pages cannot be recognised."""
    if fingerprints is not None:
        return EngineChoice(ruleset, read_fingerprints(fingerprints))
    click.echo("No --fingerprints: block pages are not recognised and nothing is confirmed by them.", err=True)
    return EngineChoice(ruleset)


def _check_usage(format: Format, output: Path | None, *, resume: bool) -> None:
    if resume and output is None:
        raise click.UsageError("--resume needs -o OUT")
    if format is FORMATS["parquet"]:
        if output is None:
            raise click.UsageError("parquet needs -o OUT")
        try:
            import pyarrow  # noqa: F401, ICN001 - only asked whether it is there
        except ModuleNotFoundError as exc:
            raise Invalid("parquet needs pyarrow: pip install 'ooni-backend[parquet]'") from exc


def _listed(paths: Iterable[str], output: Path | None) -> list[FoundFile]:
    passed_over: list[str] = []
    files = input_files(paths, output, passed_over.append)
    if passed_over:
        shown = ", ".join(passed_over[:_SHOWN]) + (", …" if len(passed_over) > _SHOWN else "")
        click.echo(
            f"{len(passed_over)} files are no measurement files or repeat others and are not read: {shown}", err=True
        )
    return files


def _opened(output: Path | None, *, append: bool) -> AbstractContextManager[BinaryIO]:
    if output is None:
        return nullcontext(sys.stdout.buffer)
    return output.open("ab" if append else "wb")


def executor_for(jobs: int, scheduler: str | None) -> Executor:
    """Return what scores: a Dask cluster when *scheduler* names one, else *jobs* local processes."""
    if scheduler:
        from ooni_adapters.executors.dask import DaskCluster

        return DaskCluster(scheduler)
    return InProcess() if jobs == 1 else LocalProcesses(jobs)


def _summed(tallies: Iterable[Tally]) -> tuple[Tally, bool]:
    """Add up until the end or the first Ctrl-C."""
    total = Tally()
    # A stopped container says SIGTERM where a person presses Ctrl-C.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for tally in tallies:
            total.add(tally)
    except KeyboardInterrupt:
        return total, True
    finally:
        signal.signal(signal.SIGTERM, before)
    return total, False


def _report(total: Tally, output: Path | None, *, interrupted: bool) -> None:
    if interrupted:
        where = f"; {output} is valid as far as it goes, --resume goes on" if output else ""
        click.echo(f"Interrupted{where}.", err=True)
    for line in total.lines():
        click.echo(line, err=True)
