"""The one typed settings tree: what can be set, where a value came from, and clear words when it cannot be right.

Priority rises from defaults over the TOML file and ``OONI_…`` environment variables to flags. Each leaf is named
``section.key`` in files and flags, and ``OONI_SECTION_KEY`` in the environment; ``OONI_SECTION_KEY_FILE`` names a file
that holds the value, for secrets. The whole tree is in this one long module because people read it from top to bottom.
"""

import ipaddress
import os
import tomllib
import typing
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import cattrs
import orjson

from ooni_core.errors import Invalid

# Variables with our prefix that are not settings: the file's own name, and what only tests read.
_NOT_SETTINGS = frozenset({"OONI_CONFIG", "OONI_SHARED_DATA"})
_TEST_PREFIX = "OONI_TEST_"
# Historical short name of the one setting that every hand-started service needs.
_ALIASES = {"OONI_DATA_DIR": "OONI_STORAGE_DATA_DIR"}


def _setting(default: Any, help: str, *, secret: bool = False, validator: Any = None) -> Any:
    metadata = {"help": help, "secret": secret}
    if isinstance(default, tuple):
        return attrs.field(factory=lambda: default, metadata=metadata, validator=validator)
    return attrs.field(default=default, metadata=metadata, validator=validator)


def _between(low: float, high: float) -> Any:
    def check(_: object, attribute: "attrs.Attribute[Any]", value: float) -> None:
        if not low <= value <= high:
            raise ValueError(f"expected a number from {low} to {high}")

    return check


def _matching(pattern: str, meaning: str) -> Any:
    matches = attrs.validators.matches_re(pattern)

    def check(instance: object, attribute: "attrs.Attribute[Any]", value: str) -> None:
        try:
            matches(instance, attribute, value)
        except ValueError as exc:
            raise ValueError(f"expected {meaning}") from exc

    return check


def _networks(_: object, attribute: "attrs.Attribute[Any]", value: tuple[str, ...]) -> None:
    for item in value:
        try:
            ipaddress.ip_network(item)
        except ValueError as exc:
            raise ValueError(f"expected networks such as 127.0.0.0/8, got {item!r}") from exc


_URL = _matching(r"https?://[^\s/]+[^\s]*", "an http:// or https:// URL")
LOGIN_HOSTS = (
    "explorer.ooni.org",
    "explorer.test.ooni.org",
    "explorer.dev.ooni.org",
    "run.ooni.io",
    "run.ooni.org",
    "run.test.ooni.org",
    "run-v2.ooni.org",
    "test-lists.ooni.org",
    "test-lists.test.ooni.org",
)
_NAME = _matching(r"[A-Za-z0-9]{1,32}", "1 to 32 letters and digits")


@attrs.frozen
class ServiceSettings:
    """The HTTP service."""

    host: str = _setting("127.0.0.1", "Address to listen on.")
    port: int = _setting(8080, "TCP port to listen on; 0 picks a free one.", validator=_between(0, 65535))
    workers: int = _setting(
        1,
        "Processes that answer; more than one needs a ClickHouse server. Timers run in one of them.",
        validator=_between(1, 256),
    )
    base_url: str = _setting(
        "",
        "Public URL of this API; page links and measurement URLs begin with it. Empty: the address it listens on.",
        validator=_matching(r"(https?://[^\s/]+[^\s]*)?", "an http:// or https:// URL"),
    )
    explorer_url: str = _setting(
        "https://explorer.ooni.org", "Where the legacy pages redirect people to.", validator=_URL
    )
    collector_id: str = _setting("0", "Identity of this host in report ids and published file names.", validator=_NAME)
    trusted_proxies: tuple[str, ...] = _setting(
        ("127.0.0.0/8", "::1/128"),
        "Networks whose X-Forwarded-For and X-Real-IP headers are believed.",
        validator=_networks,
    )
    metrics_password: str = _setting(
        "",
        "Password of user prom for /metrics, the figures of this process. Empty: there is no such page.",
        secret=True,
    )
    max_body_bytes: int = _setting(
        32 * 2**20, "Largest request body on the wire, in bytes.", validator=_between(1024, 2**32)
    )
    max_decompressed_bytes: int = _setting(
        128 * 2**20, "Largest request body after decompression, in bytes.", validator=_between(1024, 2**32)
    )


@attrs.frozen
class StorageSettings:
    """Where everything is kept."""

    data_dir: Path = _setting(Path("data"), "Folder for the spool, journals and the embedded database.")
    database: str = _setting(
        "",
        "Database URL: duckdb:///file, chdb:///folder or clickhouse://user:password@host:8123/name. "
        "Empty: ooni.duckdb in data_dir.",
        secret=True,
    )
    objects: str = _setting(
        "",
        "Store of published files: file:///folder, s3://bucket/prefix or memory://. Empty: a folder in data_dir.",
    )
    cans: str = _setting(
        "", "Store of the cans of before October 2020 (canned/…), a URL as storage.objects. Empty: storage.objects."
    )
    s3_endpoint: str = _setting("", "S3 endpoint URL, for stores other than AWS.")
    s3_key: str = _setting("", "S3 access key id. Empty: the usual AWS configuration.", secret=True)
    s3_secret: str = _setting("", "S3 secret access key.", secret=True)
    s3_profile: str = _setting("", "Profile of the AWS configuration to take credentials from.")
    s3_region: str = _setting("", "AWS region of the bucket. Empty: that of the AWS configuration.")
    s3_anonymous: bool = _setting(default=False, help="Read public buckets without credentials.")
    s3_seconds: float = _setting(
        30.0,
        "Longest time, in seconds, to wait for S3 to accept a connection or send a piece of an answer.",
        validator=_between(0.1, 3600),
    )
    s3_attempts: int = _setting(
        5, "How often a request to S3 is tried, with growing and irregular pauses.", validator=_between(1, 100)
    )
    reserve_bytes: int = _setting(
        64 * 2**20,
        "Probes are told to come again later while the file system of data_dir has less than this free, in bytes.",
        validator=_between(0, 2**50),
    )
    most_waiting: int = _setting(
        0,
        "Probes are told to come again later while this many measurements wait for publication. 0: no such limit.",
        validator=_between(0, 10**9),
    )
    query_seconds: float = _setting(28.0, "Time limit of one read, in seconds.", validator=_between(0.1, 3600))
    fsync: bool = _setting(
        default=True,
        help="Wait for the disk before answering a probe. Turned off, a power cut can lose accepted measurements.",
    )


@attrs.frozen
class AccountSettings:
    """People who log in by e-mail: keys that sign and hide, and how long a login is good."""

    jwt_keys: tuple[str, ...] = _setting(
        (), "Keys of session tokens: the first signs, all verify. Empty: one is made and kept in data_dir.", secret=True
    )
    account_id_hashing_keys: tuple[str, ...] = _setting(
        (), "Keys that turn an e-mail address into an account id: the first is used. Empty: one is made.", secret=True
    )
    session_days: float = _setting(
        2.0, "How long a session is good without being refreshed, in days.", validator=_between(0.01, 365)
    )
    login_days: float = _setting(
        7.0, "How long after a login by e-mail sessions can be refreshed, in days.", validator=_between(0.01, 365)
    )
    login_hosts: tuple[str, ...] = _setting(
        LOGIN_HOSTS, "Hosts of the web pages that login links may lead to, exactly as in their URLs."
    )


@attrs.frozen
class MailSettings:
    """The mail server that sends login links."""

    server: str = _setting("", "SMTP server. Empty: nobody can log in by e-mail.")
    port: int = _setting(465, "Its TCP port.", validator=_between(1, 65535))
    use_ssl: bool = _setting(
        default=True, help="Begin with TLS. Turned off: switch to TLS where the server offers STARTTLS."
    )
    username: str = _setting("", "Name to log in with. Empty: without login.")
    password: str = _setting("", "Password to log in with; it is never sent unencrypted.", secret=True)
    source_address: str = _setting(
        "contact@ooni.org",
        "Address that mails come from.",
        validator=_matching(r"[^@\s]+@[^@\s]+", "an e-mail address"),
    )


@attrs.frozen
class FeedbackSettings:
    """What people say about measurements."""

    known_measurements_only: bool = _setting(
        default=False, help="Refuse feedback on measurements that are not in the database."
    )


@attrs.frozen
class QuotaSettings:
    """Quota accounting."""

    enabled: bool = _setting(default=False, help="Count quotas. This version does not offer them: must be false.")

    @enabled.validator
    def _not_offered(self, attribute: "attrs.Attribute[bool]", value: bool) -> None:  # noqa: FBT001
        if value:
            raise ValueError("expected false: quota accounting is not offered by this version")


@attrs.frozen
class ClockSettings:
    """What time it is."""

    start: datetime | None = _setting(
        None, "Instant (ISO 8601) at which the service's clock begins when it starts, for replays. Empty: real time."
    )


@attrs.frozen
class ScoringSettings:
    """Scoring of received measurements."""

    ruleset: str = _setting(
        "head",
        "Rule set that makes verdicts: 2023-09, head or full.",
        validator=_matching(r"2023-09|head|full", "one of 2023-09, head, full"),
    )
    fingerprints: str = _setting(
        "", "Folder with fingerprints_dns.csv and fingerprints_http.csv. Empty: the database's tables."
    )
    batch_rows: int = _setting(1000, "Most rows written to the database at once.", validator=_between(1, 100_000))
    batch_seconds: float = _setting(
        0.2, "Longest time, in seconds, that a verdict waits for others to be written with.", validator=_between(0, 60)
    )
    fingerprints_seconds: float = _setting(
        300.0, "How often fingerprints are looked at for changes, in seconds.", validator=_between(0.1, 86_400)
    )
    daemon: str = _setting(
        "",
        "URL of a scoring daemon (`ooni fastpath`) that `ooni serve` hands measurements over to. "
        "Empty: it scores them itself.",
        validator=_matching(r"(https?://[^\s/]+[^\s]*)?", "an http:// or https:// URL"),
    )
    daemon_seconds: float = _setting(
        10.0, "Longest time, in seconds, to wait for an answer of the scoring daemon.", validator=_between(0.1, 600)
    )


@attrs.frozen
class FastpathSettings:
    """The scoring daemon."""

    host: str = _setting("127.0.0.1", "Address that `ooni fastpath` listens on.")
    port: int = _setting(
        8472, "TCP port that `ooni fastpath` listens on; 0 picks a free one.", validator=_between(0, 65535)
    )
    workers: int = _setting(
        0, "Processes that `ooni fastpath` scores with. 0: one for each processor.", validator=_between(0, 256)
    )
    queue_size: int = _setting(
        2000,
        "Most measurements that wait in `ooni fastpath`; when it is full, senders wait too.",
        validator=_between(1, 1_000_000),
    )
    queue_seconds: float = _setting(
        3.0,
        "Longest time, in seconds, that a sender waits for a place before it is told to come again.",
        validator=_between(0, 600),
    )
    drain_seconds: float = _setting(
        30.0,
        "Longest time, in seconds, that `ooni fastpath` goes on scoring what waits when it is told to end.",
        validator=_between(0, 3600),
    )


@attrs.frozen
class PublicationSettings:
    """Publication of received measurements."""

    enabled: bool = _setting(default=True, help="Publish closed hours from within `ooni serve`.")
    minute: int = _setting(
        10, "Minute of each hour at which the closed hours are published.", validator=_between(0, 59)
    )
    seekable: bool = _setting(
        default=False, help="Also publish each file of lines as .jsonl.zst, in the seekable format of zstd."
    )
    alarm_waiting: int = _setting(
        500_000,
        "More measurements than this waiting for publication are worth an alarm in /health/ready and the log.",
        validator=_between(1, 10**9),
    )
    log_key_file: str = _setting("", "Keys of the transparency log. Empty: transparency.key in data_dir, made once.")
    log_origin: str = _setting(
        "",
        "Name of the transparency log, used once, when its first key is made. Empty: base_url without its scheme.",
        validator=_matching(r"[^\s+]*", "text without spaces and plus signs"),
    )


@attrs.frozen
class PeerSettings:
    """The other API hosts of this platform."""

    urls: tuple[str, ...] = _setting((), "URLs of the other API hosts, asked for bodies that are not published yet.")
    keys: tuple[str, ...] = _setting(
        (), "Secrets shared with them: the first signs what this host asks, all are accepted from others.", secret=True
    )
    seconds: float = _setting(1.5, "Longest time, in seconds, to wait for another host.", validator=_between(0.05, 60))


@attrs.frozen
class ProbeSettings:
    """What probes are told."""

    services: str = _setting(
        "",
        "TOML or JSON file that says which collectors, test_helpers, web_connectivity helpers, features and bouncer "
        "answers probes get; what it leaves out stays as installed probes know it. Reread when it changes.",
    )
    psiphon_config: str = _setting(
        "", "JSON file with the Psiphon configuration. Empty: psiphon_config.json in data_dir. Reread when it changes."
    )
    tor_targets: str = _setting(
        "",
        "JSON file with Tor targets; beside NAME.json, NAME.IT.json is for probes in Italy. "
        "Empty: tor_targets.json in data_dir. Reread when it changes.",
    )
    vpn_configs: str = _setting(
        "", "Folder with PROVIDER.json files of VPN credentials and endpoints. Empty: vpn in data_dir."
    )
    vpn_sources: tuple[str, ...] = _setting(
        (
            "riseupvpn.ca=https://black.riseup.net/ca.crt",
            "riseupvpn.identity=https://api.black.riseup.net/3/cert",
            "riseupvpn.gateways=https://api.black.riseup.net/3/config/eip-service.json",
        ),
        "Where `ooni run update-vpn` gets the authority, the client's certificate and key, and the gateways of each "
        "provider. Empty: files in vpn_configs are yours alone.",
    )
    geoip_dir: str = _setting("", "Folder of asn_cc.mmdb, or cc.mmdb and asn.mmdb. Empty: data_dir.")
    geoip_sources: tuple[str, ...] = _setting(
        (
            "asn.mmdb=https://download.db-ip.com/free/dbip-asn-lite-{month}.mmdb.gz",
            "cc.mmdb=https://download.db-ip.com/free/dbip-country-lite-{month}.mmdb.gz",
        ),
        "Where `ooni run update-geoip` gets each file; {month} is 2026-11, {release} is 20261101.",
    )
    geoip_check_addresses: tuple[str, ...] = _setting(
        ("8.8.8.8",), "Addresses that a fetched GeoIP database must know before it is installed."
    )
    test_lists: str = _setting(
        "https://github.com/citizenlab/test-lists.git",
        "Git repository of the test lists, an https:// or file:// URL, for `ooni run update-citizenlab`.",
    )
    test_lists_least: int = _setting(
        20_000, "Fewest rows of test lists that are installed.", validator=_between(1, 10_000_000)
    )
    test_lists_most: int = _setting(
        1_000_000, "Most rows of test lists that are installed.", validator=_between(1, 10_000_000)
    )
    update_daily: bool = _setting(
        default=False,
        help="Also fetch test lists, GeoIP databases and VPN configurations every night, from within `ooni serve`.",
    )
    refresh_seconds: float = _setting(
        5.0,
        "How often rules, changed lists and what other processes scored are read, in seconds. "
        "What this process scores counts at once.",
        validator=_between(0.1, 3600),
    )
    counters_seconds: float = _setting(
        600.0,
        "How often counters are read as a whole, in seconds. What is scored meanwhile is added to them.",
        validator=_between(0.1, 86400),
    )
    credentials: str = _setting(
        "",
        "JSON file of the anonymous-credential manifest, its keys included. Empty: credentials are not offered. "
        "`ooni run make-credentials` makes one.",
        secret=True,
    )


@attrs.frozen
class EditorSettings:
    """The test list editor."""

    origin: str = _setting(
        "", "Git repository that proposals are made for, an https:// or file:// URL. Empty: the editor is not offered."
    )
    push: str = _setting("", "Git repository that proposals are pushed to. Empty: the origin itself.")
    branch: str = _setting("master", "Branch of the origin that lists are read from and proposed for.")
    github_repository: str = _setting(
        "", "owner/name on GitHub to open pull requests in. Empty: a pushed branch is the proposal."
    )
    github_user: str = _setting("", "GitHub account that pushes and opens pull requests.")
    github_token: str = _setting("", "Token of that account.", secret=True)
    github_api: str = _setting("https://api.github.com", "Base URL of the GitHub REST API.", validator=_URL)
    pull_seconds: float = _setting(
        60.0,
        "How old the local copy of the origin, and what GitHub said of a pull request, may become, in seconds.",
        validator=_between(0, 86_400),
    )


@attrs.frozen
class BackupSettings:
    """Copies of the database."""

    private: str = _setting(
        "",
        "Store of the private backups, never a public bucket: a URL as storage.objects. Empty: data_dir/backups.",
    )
    public: str = _setting("", "Object store of the public exports: a URL as storage.objects. Empty: storage.objects.")
    daily: bool = _setting(default=False, help="Also make both every night, from within `ooni serve`.")
    keep: int = _setting(30, "How many nightly runs are kept; 0 keeps all.", validator=_between(0, 100_000))


@attrs.frozen
class Settings:
    """Everything that can be set."""

    service: ServiceSettings = attrs.field(factory=ServiceSettings)
    storage: StorageSettings = attrs.field(factory=StorageSettings)
    accounts: AccountSettings = attrs.field(factory=AccountSettings)
    mail: MailSettings = attrs.field(factory=MailSettings)
    feedback: FeedbackSettings = attrs.field(factory=FeedbackSettings)
    quotas: QuotaSettings = attrs.field(factory=QuotaSettings)
    clock: ClockSettings = attrs.field(factory=ClockSettings)
    scoring: ScoringSettings = attrs.field(factory=ScoringSettings)
    fastpath: FastpathSettings = attrs.field(factory=FastpathSettings)
    publication: PublicationSettings = attrs.field(factory=PublicationSettings)
    peers: PeerSettings = attrs.field(factory=PeerSettings)
    backup: BackupSettings = attrs.field(factory=BackupSettings)
    probes: ProbeSettings = attrs.field(factory=ProbeSettings)
    editor: EditorSettings = attrs.field(factory=EditorSettings)


@attrs.frozen
class Leaf:
    """One setting: its name and what it means."""

    section: str
    name: str
    type: Any
    help: str
    secret: bool

    @property
    def key(self) -> str:
        """Name in files and flags, ``section.key``."""
        return f"{self.section}.{self.name}"

    @property
    def variable(self) -> str:
        """Name in the environment."""
        return f"OONI_{self.section}_{self.name}".upper()


def leaves() -> Iterator[Leaf]:
    """List every setting, in the order of the tree."""
    for section in attrs.fields(Settings):
        hints = typing.get_type_hints(section.type)
        for field in attrs.fields(section.type):
            metadata = field.metadata
            yield Leaf(section.name, field.name, hints[field.name], metadata["help"], metadata["secret"])


@attrs.frozen
class Loaded:
    """Settings, and for each key (``section.key``) in words where its value came from."""

    settings: Settings
    origins: Mapping[str, str]


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=False)
    for kind in (str, bool):
        converter.register_structure_hook(kind, _exactly(kind))
    converter.register_structure_hook(int, _integer)
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(Path, lambda value, _: Path(_exactly(str)(value, str)).expanduser())
    converter.register_structure_hook_func(lambda kind: kind == tuple[str, ...], _texts)
    converter.register_structure_hook_func(lambda kind: kind == datetime | None, _instant)
    return converter


def _exactly(kind: type) -> Any:
    words = {str: "a text", bool: "true or false"}[kind]

    def structure(value: Any, _: Any) -> Any:
        if not isinstance(value, kind):
            raise ValueError(f"expected {words}")  # noqa: TRY004 - the caller reports values, not types
        return value

    return structure


def _integer(value: Any, _: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("expected a whole number")  # noqa: TRY004 - as above
    return value


def _number(value: Any, _: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("expected a number")  # noqa: TRY004 - as above
    return float(value)


def _texts(value: Any, _: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError('expected a list of texts, such as ["one", "two"]')
    return tuple(value)


def _instant(value: Any, _: Any) -> datetime | None:
    if value in (None, ""):
        return None
    try:
        instant = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError) as exc:
        raise ValueError("expected an ISO 8601 instant, such as 2026-01-31T10:00:00Z") from exc
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


_CONVERTER = _converter()
_SWITCHES = dict.fromkeys(("true", "1", "yes", "on"), True) | dict.fromkeys(("false", "0", "no", "off"), False)


def _from_text(text: str, kind: Any) -> Any:
    """Turn the text of a variable or flag into what a TOML file would have said; nonsense stays text, to be refused."""
    if kind is bool:
        return _SWITCHES.get(text.lower(), text)
    if kind == tuple[str, ...] and not text.startswith("["):
        return [item.strip() for item in text.split(",") if item.strip()]
    reader = {int: int, float: float, tuple[str, ...]: orjson.loads}.get(kind, str)
    try:
        return reader(text)
    except ValueError:
        return text


def load(
    file: Path | None = None, environment: Mapping[str, str] | None = None, flags: Mapping[str, str] | None = None
) -> Loaded:
    """Read the settings.

    Args:
        file: a TOML file with one table per section.
        environment: variables; those with the prefix ``OONI_`` are read. None reads the process's own.
        flags: texts by ``section.key``.

    Raises:
        Invalid: an unknown key or a value that cannot be right. The message names the key, where it stands, the value
            and what would be right.
    """
    known = {leaf.key: leaf for leaf in leaves()}
    settings, origins = Settings(), dict.fromkeys(known, "default")
    given = [*_from_file(file), *_from_environment(os.environ if environment is None else environment)]
    given += [(key, text, "flag") for key, text in (flags or {}).items()]
    for key, raw, origin in given:
        leaf = known.get(key)
        if leaf is None:
            raise Invalid(_unknown(key, origin, known))
        value = _from_text(raw, leaf.type) if isinstance(raw, str) and not origin.startswith("file ") else raw
        settings = _with(settings, leaf, value, origin)
        origins[key] = origin
    return Loaded(settings, origins)


def _with(settings: Settings, leaf: Leaf, raw: Any, origin: str) -> Settings:
    try:
        section = attrs.evolve(getattr(settings, leaf.section), **{leaf.name: _CONVERTER.structure(raw, leaf.type)})
    except ValueError as exc:
        shown = "(hidden)" if leaf.secret else repr(raw)
        raise Invalid(f"setting {leaf.key} = {shown} ({origin}): {exc}") from exc
    return attrs.evolve(settings, **{leaf.section: section})


def _unknown(key: str, origin: str, known: Mapping[str, Leaf]) -> str:
    section = key.partition(".")[0]
    there = [name for name in known if name.startswith(f"{section}.")]
    names = ", ".join(there) if there else ", ".join(field.name for field in attrs.fields(Settings))
    return f"unknown setting {key} ({origin}): expected one of {names}"


def _from_file(file: Path | None) -> Iterator[tuple[str, Any, str]]:
    if file is None:
        return
    origin = f"file {file}"
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as exc:
        raise Invalid(f"settings {origin} cannot be read: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise Invalid(f"settings {origin} is not TOML: {exc}") from exc
    for section, values in content.items():
        if not isinstance(values, dict):
            raise Invalid(f"setting {section} = {values!r} ({origin}): expected a table, such as [service]")
        for name, value in values.items():
            yield f"{section}.{name}", value, origin


def _from_environment(environment: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    by_variable = {leaf.variable: leaf.key for leaf in leaves()}
    for variable, text in sorted(environment.items()):
        if not variable.startswith("OONI_") or variable in _NOT_SETTINGS or variable.startswith(_TEST_PREFIX):
            continue
        origin, name = f"variable {variable}", _ALIASES.get(variable, variable)
        if name in by_variable:
            yield by_variable[name], text, origin
        elif name.removesuffix("_FILE") in by_variable:
            yield by_variable[name.removesuffix("_FILE")], _secret_in(Path(text), origin), origin
        else:
            raise Invalid(f"unknown setting ({origin}): `ooni config show` lists the variables that exist")


def _secret_in(file: Path, origin: str) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as exc:
        raise Invalid(f"the file {file} named by {origin} cannot be read: {exc.strerror}") from exc
