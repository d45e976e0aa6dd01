"""``ooni log``: the transparency log of published measurements."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ooni_entrypoints.cli import Invocation

if TYPE_CHECKING:
    from ooni_core.publication.transparency.checkpoint import Checkpoint
    from ooni_core.publication.transparency.view import LogView

NOT_PROVED = 1
_FILE = click.Path(path_type=Path, dir_okay=False)
_URL = click.option("--url", help="Prefix of somebody else's log. Default: the log of the configured object store.")
_KEY = click.option("--key", "keys", multiple=True, help="Public key of the log at --url, name+id+base64; repeatable.")


@click.group("log")
def command() -> None:
    """Check and prove what was published: an append-only log that nobody can change unnoticed."""


@command.command("show")
@_URL
@_KEY
@click.pass_obj
def show(invocation: Invocation, url: str | None, keys: tuple[str, ...]) -> None:
    """Print the newest signed state of the log, its signature checked.

    \b
    Example:  ooni log show
    """
    view = _view(invocation, url, keys)
    note = view.checkpoint_note()
    view.opened(note)
    click.echo(note, nl=False)


@command.command("keys")
@click.pass_obj
def keys_command(invocation: Invocation) -> None:
    """Print the public keys of the log, newest first: what people need who check it.

    \b
    Example:  ooni log keys
    """
    from ooni_adapters.signing import read_keys
    from ooni_entrypoints.transparency import key_file

    for key in read_keys(key_file(invocation.settings)).verifier_keys:
        click.echo(key.text)


@command.command("keygen")
@click.pass_obj
def keygen(invocation: Invocation) -> None:
    """Make a key for the log and put it before the others in the key file; print its public part.

    From the next restart the log is signed with all private keys of the file. To retire an old one, replace its line
    with its public key, as `ooni log keys` prints it.

    \b
    Example:  ooni log keygen
    """
    from ooni_adapters.signing import add_key, read_keys
    from ooni_adapters.system import SystemEntropy
    from ooni_entrypoints.transparency import key_file, log_origin

    path = key_file(invocation.settings)
    origin = read_keys(path).origin if path.exists() else log_origin(invocation.settings)
    click.echo(add_key(path, origin, SystemEntropy()).verifier_keys[0].text)


@command.command("prove")
@click.argument("uid")
@click.option("-o", "--output", type=_FILE, help="Write the .tlog-proof file here instead of printing it.")
@_URL
@_KEY
@click.pass_obj
def prove(invocation: Invocation, uid: str, output: Path | None, url: str | None, keys: tuple[str, ...]) -> None:
    """Prove that the measurement UID was published, and with which bytes.

    \b
    Example:  ooni log prove 20260304120000.000000_IT_webconnectivity_93be929b5252633e -o my.tlog-proof
    """
    from ooni_core.measurement import MeasurementUid

    proof = _view(invocation, url, keys).prove(MeasurementUid(uid))
    click.echo(proof.leaf.entry, err=True)
    if proof.withdrawal is not None:
        click.echo(f"withdrawn for {proof.withdrawal.reason} at {proof.withdrawal.time:%Y-%m-%dT%H:%M:%SZ}", err=True)
    if output is None:
        click.echo(proof.proof.content, nl=False)
    else:
        output.write_bytes(proof.proof.content)


@command.command("check")
@click.argument("proof", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--uid", required=True, help="Name of the measurement.")
@click.option(
    "--body",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True),
    help="The measurement exactly as it was published: its line of the .jsonl.gz file.",
)
@click.option("--key", "keys", multiple=True, required=True, help="Public key of the log, name+id+base64; repeatable.")
def check(proof: Path, uid: str, body: Path, keys: tuple[str, ...]) -> None:
    """Check a proof offline: needs nothing but the files and the public key.

    \b
    Example:  ooni log check my.tlog-proof --uid UID --body body.json --key api.ooni.org+1a2b3c4d+AYDP…
    """
    from ooni_adapters.signing import ed25519_check
    from ooni_core.measurement import MeasurementUid
    from ooni_core.publication.transparency.checkpoint import InclusionProof
    from ooni_core.publication.transparency.leaves import PublishedLeaf
    from ooni_core.publication.transparency.merkle import leaf_hash
    from ooni_core.publication.transparency.note import VerifierKey

    parsed = [VerifierKey.parse(key) for key in keys]
    content = (sys.stdin.buffer.read() if str(body) == "-" else body.read_bytes()).removesuffix(b"\n")
    leaf = PublishedLeaf.of(MeasurementUid(uid), content)
    inclusion = InclusionProof.parse(proof.read_bytes())
    checkpoint = inclusion.verify(leaf_hash(leaf.entry), parsed[0].name, parsed, ed25519_check)
    click.echo(f"proved: leaf {inclusion.index} of {checkpoint.size} in the log {checkpoint.origin}")


@command.command("withdrawals")
@_URL
@_KEY
@click.pass_obj
def withdrawals(invocation: Invocation, url: str | None, keys: tuple[str, ...]) -> None:
    """List what was withdrawn: time, class of reason, uid, oldest first.

    \b
    Example:  ooni log withdrawals
    """
    from ooni_core.publication.transparency.leaves import WithdrawalLeaf

    view = _view(invocation, url, keys)
    for found in view.withdrawals(view.checkpoint().size):
        if isinstance(found.leaf, WithdrawalLeaf):
            click.echo(f"{found.leaf.time:%Y-%m-%dT%H:%M:%SZ}  {found.leaf.reason:<8}  {found.leaf.uid.text}")


@command.command("verify")
@click.option("--old", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A checkpoint seen earlier.")
@click.option("--save", type=_FILE, help="Keep the checkpoint here, once everything is proved.")
@click.option("--bodies/--no-bodies", default=True, help="Compare every published body with the log (not with --url).")
@_URL
@_KEY
@click.pass_context
def verify(
    ctx: click.Context,
    old: Path | None,
    save: Path | None,
    bodies: bool,  # noqa: FBT001
    url: str | None,
    keys: tuple[str, ...],
) -> None:
    """Check the whole log: signature, tree, growth since --old, every published body, every withdrawal.

    \b
    Exit status: 0 everything is as it must be, 1 something is not (the list says what).

    \b
    Example:  ooni log verify --old seen.checkpoint --save seen.checkpoint
    """
    from ooni_core.publication.transparency.audit import audit_tree
    from ooni_core.publication.transparency.merkle import ProofFailed

    view = _view(ctx.obj, url, keys)
    note = view.checkpoint_note()
    try:
        checkpoint = view.opened(note)
        if old is not None:
            earlier = view.opened(old.read_bytes())
            view.verify_extends(earlier, checkpoint)
            click.echo(f"the log grew from {earlier.size} to {checkpoint.size} leaves, and nothing before was changed")
        with _bar(checkpoint.size, "reading the log") as progress:
            told = audit_tree(view, checkpoint, progress.update)
    except ProofFailed as exc:
        click.echo(f"NOT PROVED: {exc}", err=True)
        ctx.exit(NOT_PROVED)
    click.echo(f"{told.measurements} measurements and {len(told.withdrawn)} withdrawals lead to the signed root")
    problems = 0 if url or not bodies else _verify_bodies(ctx.obj, view, checkpoint, told)
    for leaf in told.withdrawn.values():
        click.echo(f"withdrawn {leaf.time:%Y-%m-%dT%H:%M:%SZ} for {leaf.reason}: {leaf.uid.text}")
    if save is not None and not problems:
        save.write_bytes(note)
    ctx.exit(NOT_PROVED if problems else 0)


def _verify_bodies(invocation: Invocation, view: "LogView", checkpoint: "Checkpoint", told: Any) -> int:
    from ooni_core.publication.transparency.audit import BodyAudit
    from ooni_entrypoints.composition import open_objects

    audit = BodyAudit(view, checkpoint.size, told.withdrawn, open_objects(invocation.settings))
    problems = 0
    hours = audit.hours(told.hours)
    with _bar(len(hours), "comparing bodies") as progress:
        for hour in hours:
            for problem in audit.check_hour(hour):
                problems += 1
                click.echo(f"NOT PROVED: {problem}", err=True)
            progress.update(1)
    click.echo(f"{audit.bodies} bodies in {audit.files} files are exactly as logged; {problems} problems")
    return problems


def _bar(length: int, label: str) -> Any:
    return click.progressbar(length=length, label=label, file=sys.stderr, hidden=not sys.stderr.isatty())


def _view(invocation: Invocation, url: str | None, keys: tuple[str, ...]) -> "LogView":
    if url is None:
        if keys:
            raise click.UsageError("--key says whom to believe about --url; the configured log has its own key file")
        from ooni_entrypoints.composition import open_objects
        from ooni_entrypoints.transparency import open_view

        return open_view(invocation.settings, open_objects(invocation.settings))
    if not keys:
        raise click.UsageError("--url needs the --key of that log: a log that vouches for itself proves nothing")
    from ooni_adapters.signing import ed25519_check
    from ooni_adapters.tiles import HttpTiles
    from ooni_core.publication.transparency.note import VerifierKey
    from ooni_core.publication.transparency.view import LogView

    try:
        reader = HttpTiles(url.rstrip("/"))
    except ValueError as exc:
        raise click.UsageError(f"{url!r} is not an http:// or https:// URL") from exc
    parsed = [VerifierKey.parse(key) for key in keys]
    return LogView(reader, parsed[0].name, parsed, ed25519_check)
