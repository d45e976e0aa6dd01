"""``ooni fingerprints``: are the fingerprint files right, and can each fingerprint match?"""

import sys
from pathlib import Path

import click

from ooni_core.scoring import RULESETS
from ooni_core.scoring.proof import doubts, prove
from ooni_entrypoints.scoring_runs.runs import read_fingerprints


@click.group("fingerprints")
def command() -> None:
    """Look after fingerprint files."""


@command.command("check")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--ruleset", type=click.Choice(sorted(RULESETS)), default="head", show_default=True)
def check(folder: Path, ruleset: str) -> None:
    """Validate the two CSV files in FOLDER and prove for each fingerprint that it can match.

    Each one is planted in a measurement made for it, which is then scored with all of them. One that is not found is
    dead, with the reason; the exit code is 1 then.

    \b
    Example:  ooni fingerprints check blocking-fingerprints --ruleset full
    """
    known = read_fingerprints(folder)
    dead = 0
    with click.progressbar(
        prove(known, ruleset), length=len(known), label="planting", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as proofs:
        for proof in proofs:
            if proof.problem:
                dead += 1
                click.echo(f"dead: {proof.fingerprint.name}: {proof.problem}")
    for one, doubt in doubts(known):
        click.echo(f"doubtful: {one.name}: {doubt}", err=True)
    click.echo(f"{len(known) - dead} of {len(known)} fingerprints can match under rule set {ruleset}")
    if dead:
        sys.exit(1)
