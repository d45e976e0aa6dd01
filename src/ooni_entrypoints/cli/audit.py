"""``ooni audit``: do published verdicts follow from published measurements?"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import attrs
import click

from ooni_adapters.executors.inprocess import InProcess
from ooni_adapters.executors.processes import LocalProcesses
from ooni_adapters.measurementfiles import find_files
from ooni_adapters.measurementfiles.published import Selection, short_name
from ooni_adapters.publishedverdicts import ApiVerdicts, DatabaseVerdicts, FileVerdicts
from ooni_core.errors import Invalid
from ooni_core.scoring import RULESETS, FingerprintSet
from ooni_entrypoints.cli.sync import names, s3_options
from ooni_entrypoints.scoring_runs.comparison import Comparison, Rescored, compare
from ooni_entrypoints.scoring_runs.judging import EngineChoice, Judge
from ooni_entrypoints.scoring_runs.output import json_line
from ooni_entrypoints.scoring_runs.portions import Portion, portions
from ooni_entrypoints.scoring_runs.progress import Progress
from ooni_entrypoints.scoring_runs.runs import Executor, read_fingerprints

SOME_DIFFER = 3
_ALL = "all"
_SHOWN = 20


class Verdicts(Protocol):
    """Published verdicts by measurement uid."""

    def rows(self, uids: list[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return the published columns of *uids*; those without a verdict are absent."""

    def close(self) -> None:
        """Release what is held."""


@click.command("audit")
@click.option("--published", multiple=True, required=True, metavar="PATH|URL", help="Measurement files; repeatable.")
@click.option("--against", required=True, metavar="FILE|DATABASE|API", help="Where the published verdicts are.")
@click.option(
    "--fingerprints",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder with fingerprints_dns.csv and fingerprints_http.csv.",
)
@click.option(
    "--ruleset",
    type=click.Choice([_ALL, *RULESETS]),
    default=_ALL,
    show_default=True,
    help="Rules to try for verdicts that do not say which made them.",
)
@click.option("--start-day", type=click.DateTime(["%Y-%m-%d"]), help="For a URL: first UTC day of arrival.")
@click.option("--end-day", type=click.DateTime(["%Y-%m-%d"]), help="For a URL: the day after the last one.")
@click.option("--ccs", multiple=True, callback=names, help="For a URL: countries, such as IT,US.")
@click.option("--testnames", "tests", multiple=True, callback=names, help="For a URL: nettests.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes to score with.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    published: tuple[str, ...],
    against: str,
    jobs: int,
    as_json: bool,  # noqa: FBT001 - a flag of the command line
    **options: Any,
) -> None:
    """Score published measurements again and compare with the verdicts that were published for them.

    The verdicts are those of a file (rows of the fastpath table as .csv, .jsonl or .parquet, or the output of ooni
    score), of a database (duckdb:///file, clickhouse://host:8123/name) or of an API (https://api.ooni.org). A verdict
    that names its rule set is compared with that one, any other with all: it agrees when one of them gives it.

    \b
    Exit status: 0 all agree, 3 some differ or have no verdict, 1 the audit failed, 2 wrong usage.

    \b
    Example:  ooni audit --published 2024/ --against https://api.ooni.org --fingerprints fingerprints/
    """
    chosen = list(RULESETS) if options["ruleset"] == _ALL else [options["ruleset"]]
    folder = options["fingerprints"]
    fingerprints = read_fingerprints(folder) if folder else FingerprintSet.EMPTY
    work = Rescore(tuple(Judge(EngineChoice(name, fingerprints)) for name in chosen))
    comparison = Comparison()
    with ExitStack() as stack:
        verdicts = opened_verdicts(against)
        stack.callback(verdicts.close)
        executor: Executor = InProcess() if jobs == 1 else LocalProcesses(jobs)
        stack.callback(executor.close)
        tasks, size = _tasks(published, jobs, options)
        progress = Progress(size)
        stack.callback(progress.finish)
        for rescored in executor.map(work, tasks):
            uids = [one.measurement_uid for one in rescored.measurements]
            compare(rescored.measurements, verdicts.rows(uids), comparison)
            progress.advance(rescored.size, len(uids))
    _print(comparison, as_json=as_json)
    ctx.exit(0 if comparison.is_clean else SOME_DIFFER)


def opened_verdicts(place: str) -> Verdicts:
    """Return what is at *place*: an API, a database or a file.

    Raises:
        Invalid: it is none of these.
        Unavailable: it cannot be opened.
    """
    if place.startswith(("http://", "https://")):
        return ApiVerdicts(place.rstrip("/"))
    if "://" in place:
        from ooni_adapters.database import open_database

        return DatabaseVerdicts(open_database(place, prepare=False))
    return FileVerdicts.read(Path(place))


@attrs.frozen
class RescoredPortion:
    """The measurements of one portion, scored again."""

    measurements: tuple[Rescored, ...]
    size: int


@attrs.frozen
class Rescore:
    """The work of an audit, as it is sent to workers: score under each rule set."""

    judges: tuple[Judge, ...]

    def __call__(self, portion: Portion) -> RescoredPortion:
        """Score *portion* again."""
        return RescoredPortion(tuple(self._rescored(portion)), portion.size)

    def _rescored(self, portion: Portion) -> Iterator[Rescored]:
        for entry in portion.entries():
            found = {judge.choice.ruleset: judge.outcome(entry) for judge in self.judges}
            yield Rescored.of(entry.source, found)


def _tasks(published: Iterable[str], jobs: int, options: Mapping[str, Any]) -> tuple[Iterable[Portion], int]:
    places = list(published)
    if not any("://" in place for place in places):
        files = list(find_files(places))
        return portions(files, jobs), sum(file.size for file in files)
    if len(places) > 1:
        raise click.UsageError("--published takes several paths, or one URL")
    return _stored(places[0], _selection(options))


def _stored(url: str, selection: Selection) -> tuple[Iterable[Portion], int]:
    from ooni_adapters.measurementfiles.remote import PublishedFiles
    from ooni_entrypoints.scoring_runs.objects import one_form_each, stored_objects

    store = PublishedFiles(url, s3_options(url, None, signed=False))
    files = list(one_form_each(store.find(selection)))
    return stored_objects(store, files), sum(file.size for file in files)


def _selection(options: Mapping[str, Any]) -> Selection:
    start: datetime | None = options["start_day"]
    end: datetime | None = options["end_day"]
    if start is None or end is None or end <= start:
        raise Invalid("--published URL needs --start-day and a later --end-day")
    ccs = frozenset(cc.upper() for cc in options["ccs"])
    return Selection(start.date(), end.date(), ccs, frozenset(map(short_name, options["tests"])))


def _print(comparison: Comparison, *, as_json: bool) -> None:
    if as_json:
        click.echo(json_line(comparison.as_json()), nl=False)
        return
    for line in _lines(comparison):
        click.echo(line)


def _lines(found: Comparison) -> Iterator[str]:
    yield (
        f"{found.measurements} measurements: {found.agree} agree, {len(found.differing)} differ, "
        f"{len(found.not_published)} have no published verdict"
    )
    if found.by_ruleset:
        yield "agree by rule set: " + ", ".join(f"{name} {count}" for name, count in found.by_ruleset.most_common())
    if found.by_field:
        yield "differ by field: " + ", ".join(f"{name} {count}" for name, count in found.by_field.most_common())
    for title, counts in (("nettest", found.by_test_name), ("country", found.by_probe_cc)):
        differing = {name: count for name, count in counts.items() if count["differ"]}
        if differing:
            words = (f"{name} {count['differ']} of {count.total()}" for name, count in sorted(differing.items()))
            yield f"differ by {title}: " + ", ".join(words)
    for one in found.differing[:_SHOWN]:
        yield f"{one.measurement_uid} ({one.source}), rule set {one.ruleset}:"
        for field, (published, ours) in sorted(one.fields.items()):
            yield f"    {field}: published {str(published)[:100]}, scored {str(ours)[:100]}"
    for uid in found.not_published[:_SHOWN]:
        yield f"{uid}: no published verdict"
    left = max(0, len(found.differing) - _SHOWN) + max(0, len(found.not_published) - _SHOWN)
    if left:
        yield f"and {left} more, see --json"
