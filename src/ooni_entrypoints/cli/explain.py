"""``ooni explain``: why a measurement got its verdict."""

import sys
from pathlib import Path

import click

from ooni_adapters.measurementfiles import Record, read_file
from ooni_core.scoring import RULESETS, Engine, FingerprintSet, Stored
from ooni_core.scoring.explanation import Explanation, Match
from ooni_entrypoints.scoring_runs.runs import read_fingerprints


@click.command("explain")
@click.argument("file")
@click.option("--fingerprints", type=click.Path(path_type=Path, file_okay=False), help="Folder of the two CSV files.")
@click.option("--ruleset", type=click.Choice(sorted(RULESETS)), default="head", show_default=True)
def command(file: str, fingerprints: Path | None, ruleset: str) -> None:
    """Say, for a person, which rules fired, which fingerprints were found where, and what each of them decided.

    FILE holds measurements in any published format, or is - for standard input.

    \b
    Example:  ooni explain --fingerprints DIR measurement.json
    """
    known = read_fingerprints(fingerprints) if fingerprints else FingerprintSet.EMPTY
    if fingerprints is None:
        click.echo("without --fingerprints no fingerprint is looked for", err=True)
    engine, unreadable = Engine(known, ruleset), 0
    for entry in read_file(file):
        if isinstance(entry, Record) and entry.document is None:
            _show(entry.source, engine.explain(entry.body, entry.measurement_uid))
        else:
            reason = "reports in YAML are not explained" if isinstance(entry, Record) else entry.reason
            click.echo(f"{entry.source}: {reason}", err=True)
            unreadable += 1
    if unreadable:
        sys.exit(1)


def _show(source: str, explanation: Explanation) -> None:
    outcome = explanation.outcome
    click.echo(f"{source}: {explanation.test_name or 'no nettest'}")
    if explanation.rule:
        click.echo(f"  rule: {explanation.rule}")
    for decision in explanation.decisions:
        effect = f"{decision.key} = {decision.value}" if decision.key else "no score"
        click.echo(f"  {effect}: {decision.why}")
    for match in explanation.matches:
        click.echo(f"  {_found(match)}")
    if not isinstance(outcome, Stored):
        click.echo(f"  {type(outcome).__name__.lower()}: {outcome.reason}")
        return
    row = outcome.row
    flags = [name for name in ("anomaly", "confirmed", "msm_failure") if getattr(row, name)]
    click.echo(f"  verdict: {', '.join(flags) or 'ok'}")
    click.echo(f"  made by rule set {outcome.provenance.ruleset}, engine {outcome.provenance.engine}")


def _found(match: Match) -> str:
    one = match.fingerprint
    effect = "confirms blocking" if match.confirms else "confirms nothing"
    place = match.where if match.offset is None else f"{match.where} at {match.offset}"
    return f"fingerprint {one.name} ({one.scope}) in {place}, {effect}: {match.excerpt!r}"
