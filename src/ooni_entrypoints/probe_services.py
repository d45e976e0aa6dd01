"""Wires what probes ask for: check-in, discovery, login, lists, rules. Part of the composition root."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from ooni_adapters.geoip import MmdbGeolocator
from ooni_adapters.probefiles import JsonDocument, ServicesDocument
from ooni_adapters.sql.counters import SqlCounts
from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.tokens import JwtKeys
from ooni_core.accounts.sessions import SessionGuard
from ooni_core.errors import Unavailable
from ooni_core.intake.service import IntakeService
from ooni_core.ports import NO_TALLY, Clock, Entropy, Tally
from ooni_core.prioritization.feedback import CountedVerdicts
from ooni_core.prioritization.overview import PrioritizationOverview
from ooni_core.prioritization.rulebook import RuleBook
from ooni_core.prioritization.service import Prioritization
from ooni_core.probes.checkin import CheckInService
from ooni_core.probes.credentials import Credentials
from ooni_core.probes.inputs import ProbeInputs, VpnConfigs, check_vpn_config
from ooni_core.probes.location import Origins
from ooni_core.probes.login import ProbeLogin
from ooni_core.probes.submission import SubmissionService
from ooni_core.probes.tor_targets import check_tor_targets
from ooni_core.scoring.ports import VerdictStore
from ooni_core.testlists.editor import Forge, ListEditor
from ooni_entrypoints.accounts import token_keys
from ooni_entrypoints.http import (
    checkin,
    discovery,
    prioritization_admin,
    probe_login,
    submit_measurement,
    test_list_editor,
    test_lists,
)
from ooni_entrypoints.prioritization import make_rules
from ooni_entrypoints.settings import Settings

_PROBE_KEYS = "probe login"
VPN_PROVIDERS = ("riseupvpn",)


def probe_keys(keys: JwtKeys) -> JwtKeys:
    """Return the keys of probe tokens: derived, so that no probe token can pass for a session."""
    return keys.derived(_PROBE_KEYS).joined(keys)


@attrs.frozen
class ProbeServices:
    """Everything that the application needs to serve probes.

    Attributes:
        use_cases: what the handlers are given, by parameter name.
        handlers: the routes; those of submission also need ``submissions``, see ``make_submissions``.
        verdicts: the VerdictStore to score into, so that counters rise at once.
    """

    use_cases: Mapping[str, Any]
    handlers: Sequence[Any]
    verdicts: VerdictStore
    prioritization: Prioritization
    geolocator: MmdbGeolocator
    directory: ServicesDocument

    def warnings(self) -> list[str]:
        """Return what an operator should know."""
        found = [*self.geolocator.warnings(), *self.directory.warnings()]
        if not self.prioritization.loaded:
            found.append("test lists could not be read yet: probes get the last known or the bundled ones")
        return found


def make_probe_services(
    settings: Settings,
    engine: SqlEngine,
    clock: Clock,
    entropy: Entropy,
    verdicts: VerdictStore,
    sessions: SessionGuard,
    prioritization: Prioritization,
    tally: Tally = NO_TALLY,
) -> ProbeServices:
    """Wire the probe services over an open database.

    Args:
        settings: the effective settings.
        engine: the database.
        clock: tells the time.
        entropy: for report ids.
        verdicts: where scoring stores; see ``ProbeServices.verdicts``.
        sessions: knows who is logged in.
        prioritization: chooses URLs.
        tally: told of what probes do.

    Raises:
        Unavailable: the key of tokens can be neither read nor made.
    """
    geolocator = MmdbGeolocator(geoip_folder(settings))
    directory = ServicesDocument(Path(settings.probes.services) if settings.probes.services else None)
    use_cases = {
        "prioritization": prioritization,
        "rule_book": RuleBook(make_rules(settings, engine), prioritization, clock),
        "prioritization_overview": PrioritizationOverview(prioritization, SqlCounts(engine), clock),
        "session_guard": sessions,
        "check_ins": CheckInService(
            prioritization, geolocator, directory, clock, entropy, settings.service.collector_id, tally
        ),
        "geolocator": geolocator,
        "origins": Origins(geolocator, tally),
        "tally": tally,
        "service_directory": directory,
        "probe_login": ProbeLogin(probe_keys(token_keys(settings)), clock, tally),
        "probe_inputs": _inputs(settings),
        "vpn_configs": _vpn(settings, entropy),
    }
    handlers = [*checkin.handlers, *discovery.handlers, *probe_login.handlers]
    handlers += [*test_lists.handlers, *prioritization_admin.handlers, *submit_measurement.handlers]
    if settings.editor.origin:
        use_cases["list_editor"] = make_list_editor(settings, clock)
        handlers += test_list_editor.handlers
    return ProbeServices(
        use_cases=use_cases,
        handlers=handlers,
        verdicts=CountedVerdicts(verdicts, prioritization),
        prioritization=prioritization,
        geolocator=geolocator,
        directory=directory,
    )


def make_list_editor(settings: Settings, clock: Clock) -> ListEditor:
    """Return the use cases of the test list editor."""
    # Imported only here: a service without the editor starts sooner without git.
    from ooni_adapters.git import (
        FolderWorkingCopies,
        GitPublishedLists,
        GitRemoteForge,
        GitRepository,
        Login,
        branch_of,
    )
    from ooni_adapters.github import GitHubForge

    editor, folder = settings.editor, settings.storage.data_dir / "test-list-editor"
    push_url = editor.push or editor.origin
    login = Login(editor.github_user, editor.github_token, push_url)
    repository = GitRepository(folder / "test-lists.git", editor.origin, editor.branch, login)
    author = f"{editor.github_user or 'ooni-bot'} <{editor.github_user or 'ooni-bot'}@users.noreply.github.com>"
    forge: Forge = GitRemoteForge(repository, push_url)
    if editor.github_repository:
        forge = GitHubForge(
            push=lambda branch, commit: repository.push(push_url, commit, branch),
            repository=editor.github_repository,
            base=editor.branch,
            user=editor.github_user,
            token=editor.github_token,
            branch=branch_of,
            api=editor.github_api,
            patience=editor.pull_seconds,
        )
    lists = GitPublishedLists(repository, clock, author, editor.pull_seconds)
    return ListEditor(lists, forge, FolderWorkingCopies(folder / "users"))


def make_submissions(settings: Settings, intake: IntakeService, clock: Clock, entropy: Entropy) -> SubmissionService:
    """Return the use case of one-step submission, the use case ``submissions``.

    Raises:
        Invalid: the credential manifest cannot be right.
        Unavailable: it cannot be read, or the extra it needs is not installed.
    """
    return SubmissionService(intake, clock, entropy, settings.service.collector_id, _credentials(settings))


def _credentials(settings: Settings) -> Credentials | None:
    if not settings.probes.credentials:
        return None
    try:
        from ooni_adapters.credentials import read_credentials_file
    except ImportError as exc:
        raise Unavailable(
            f"probes.credentials needs ooniauth-py: pip install 'ooni-backend[credentials]' ({exc})"
        ) from exc
    issuer, manifest = read_credentials_file(Path(settings.probes.credentials).expanduser())
    return Credentials(issuer, manifest, f"{settings.service.base_url.rstrip('/')}/api/v1/manifest")


def geoip_folder(settings: Settings) -> Path:
    """Return the folder of the GeoIP databases."""
    return _path(settings.probes.geoip_dir, settings.storage.data_dir)


def tor_targets_file(settings: Settings) -> Path:
    """Return the file of Tor targets."""
    return _path(settings.probes.tor_targets, settings.storage.data_dir / "tor_targets.json")


def vpn_folder(settings: Settings) -> Path:
    """Return the folder of VPN configurations."""
    return _path(settings.probes.vpn_configs, settings.storage.data_dir / "vpn")


def _inputs(settings: Settings) -> ProbeInputs:
    psiphon = _path(settings.probes.psiphon_config, settings.storage.data_dir / "psiphon_config.json")
    return ProbeInputs(
        psiphon_config=JsonDocument(psiphon, _accepted),
        tor_targets=JsonDocument(tor_targets_file(settings), check_tor_targets),
    )


def _vpn(settings: Settings, entropy: Entropy) -> VpnConfigs:
    folder = vpn_folder(settings)
    providers = {name: JsonDocument(folder / f"{name}.json", check_vpn_config) for name in VPN_PROVIDERS}
    return VpnConfigs(providers, entropy)


def _accepted(_: Any) -> None:
    """Accept any object: Psiphon's configuration is read by Psiphon alone."""


def _path(configured: str, default: Path) -> Path:
    return Path(configured).expanduser() if configured else default
