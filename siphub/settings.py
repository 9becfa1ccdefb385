"""Every setting of the hub in one flat table: name, type, default, help.

A setting is given, strongest first, on the command line, as `SIPHUB_NAME` in the environment, in a file `NAME` in the folder of secrets
(`$CREDENTIALS_DIRECTORY`, or `keys` in the data folder), or in `siphub.toml` (in the data folder, or where `SIPHUB_CONFIG` says).
`read` looks once, at start, and returns a frozen value; this module is the only one that looks at the environment.
What it does not know it refuses, and no message of it repeats a value: a value may be a secret.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeInt,
    PositiveInt,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableSetting

from siphub.errors import SettingsError
from siphub.setting_values import Duration, Fault, Names, Retention, Size, masked, place_of, read_fault, span

FILE = "siphub.toml"
SECRETS = "keys"
PREFIX = "SIPHUB_"
NOT_SETTINGS = frozenset({"SIPHUB_CONFIG", "SIPHUB_REFERENCE"})
"""Words in the environment that are ours and no settings: where the file is, and where the tests' reference library is."""

LEAST_CONSENT_WARNING = timedelta(days=7)
LEAST_SUBMISSION_KEEP = timedelta(days=90)
"""Idempotency keys outlive content by at least this much (HOUSE)."""

EXCEPTIONS = frozenset({"osl_25_12", "osl_26_9", "osl_25_13"})
"""The exceptions from secrecy there are; a test keeps them at the policy's."""


class Settings(BaseSettings):
    """The settings of one hub, frozen.

    Made directly, it holds what it is given and the defaults, and looks at nothing else: that is for tests. `read` is for service.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=True)

    data: Path = Field(Path("siphub-data"), description="The folder of this hub: its database, its keys, its siphub.toml.")
    mode: Literal["test", "production"] = Field(
        "test", description="`production` refuses test persons; `test` refuses real ones, and allows `fault`."
    )
    host: str = Field("127.0.0.1", description="The address the API listens on.")
    port: int = Field(8480, ge=0, le=65535, description="The port the API listens on; 0 lets the machine choose.")
    broker_url: str = Field(
        "memory://",
        repr=False,
        description="The broker: `memory://` inside the process, `amqp://user:password@host/vhost` for RabbitMQ, or any URL kombu speaks.",
    )
    broker_management_url: str = Field(
        "", repr=False, description="RabbitMQ's management API, `https://user:password@host:15671`, for `siphub doctor` to look at."
    )
    broker_token_url: str = Field(
        "", repr=False, description="Where access tokens for a RabbitMQ with OAuth2 come from; `broker_url` then names no user."
    )
    broker_client_id: str = Field("", description="Who the hub is at `broker_token_url`.")
    broker_client_secret: SecretStr = Field(SecretStr(""), description="How it shows that: a file of this name in the folder of secrets.")
    broker_scopes: str = Field("", description="The scopes to ask for, parted by blanks; empty for those the issuer gives of itself.")
    database_url: str = Field(
        "",
        repr=False,
        description="The database: `postgresql://user:password@host/database`; empty means SQLite, in `siphub.sqlite` in the data folder.",
    )
    keys_url: str = Field(
        "",
        repr=False,
        description="The keys' database, another one than the content's, with a backup of its own: `postgresql://user:password@host/keys`; "
        "empty means SQLite, in `keys.sqlite` in the data folder. With it the master key must be there before the first start.",
    )
    master_key: SecretStr | None = Field(
        None, repr=False, description="The key above all keys, 32 bytes in hex: only as a file `master.key` in the folder of secrets."
    )
    name: Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9-]{0,59})?$")] = Field(
        "",
        description="What the hub's queues at the broker begin with: a-z, digits and hyphens. Empty means the name that the store has kept "
        "since the first start. Every process of a hub must have the same, and two hubs at one broker different ones.",
    )
    database_timeout: Duration = Field(
        timedelta(seconds=10),
        description="How long a lock of the database, or a commit, is waited for; for any other answer of PostgreSQL's twice that. "
        "Then the API answers 503 with Retry-After, and the sender hands in again.",
    )
    plugins: Names = Field(
        ("folder", "municipal-xml"), description="The plugins to import. One that is installed but not named here stays out."
    )
    senders: PositiveInt = Field(16, le=256, description="How many deliveries one worker sends at the same time.")
    lease: Duration = Field(
        timedelta(seconds=30), description="How long a worker may hold a delivery before its attempt counts as uncertain."
    )
    permit: Duration = Field(timedelta(seconds=1), description="How long after the claim the first byte may still be sent.")
    stop_within: Duration = Field(
        timedelta(seconds=20), description="How long a process that is told to stop waits for what it is sending at that moment."
    )
    ring_timeout: Duration = Field(timedelta(seconds=30), description="How old an unclaimed bell is when it is rung again.")
    sweep_every: Duration = Field(timedelta(seconds=1), description="How often leases, deadlines and forgotten bells are looked at.")
    poll_every: Duration = Field(
        timedelta(seconds=30),
        description="How often each partner's own folder or address is asked for answers and receipts; one that cannot be asked is asked ever more seldom.",
    )
    retry_base: Duration = Field(
        timedelta(seconds=2), description="The pause after the first failed attempt; it doubles with each, with jitter."
    )
    retry_cap: Duration = Field(timedelta(minutes=15), description="The longest pause between two attempts.")
    retry_limit: PositiveInt = Field(
        400,
        description="After how many failed attempts a delivery gives up. With the default pauses that is four days: a long weekend and a day.",
    )
    retry_for: Duration = Field(
        timedelta(days=4),
        description="After how long a delivery gives up, however few attempts it had: while its partner is away it waits and spends none.",
    )
    retry_share: float = Field(
        0.2,
        gt=0,
        le=1,
        description="How many repeats a partner may be sent for each first attempt; one in two seconds is allowed whatever happens.",
    )
    breaker_failures: PositiveInt = Field(
        5, description="After how many failures in a row nothing is sent to a partner any more but a probe after each pause."
    )
    breaker_pause: Duration = Field(
        timedelta(seconds=5),
        description="The first pause before a partner that is away is probed; it doubles up to retry_cap, with jitter.",
    )
    partner_concurrency: PositiveInt = Field(
        32, le=1024, description="How many deliveries one partner is sent at the same time, where it does not ask for less."
    )
    partner_rate: NonNegativeInt = Field(
        0, description="How many deliveries one partner is sent in a minute, where it does not ask for less; 0 is without limit."
    )
    ring_window: PositiveInt = Field(
        500, description="How many bells of one partner may be unclaimed at the broker; what is behind them waits in the store."
    )
    weekends: Literal["count", "skip"] = Field(
        "count", description="Whether days on which offices are closed count in the clocks of LUS and of agreements, or are skipped."
    )
    consent_warning: Duration = Field(
        timedelta(days=14),
        description="How long before a consent runs out the coordinator is warned, at least 7 days; of a short one later, as docs/deadlines.md says.",
    )
    tell_failures: bool = Field(
        default=True, description="Whether the hub sends `delivery.failed` to the unit whose message was rejected, given up or expired."
    )
    receipt_within: Duration = Field(
        timedelta(days=5),
        description="How long a delivery waits for its receipt before its sender is asked to phone, where its directory entry does not say; a late receipt still counts.",
    )
    max_body: Size = Field(2 * 2**20, description="The largest body the API takes.")
    open_limit: PositiveInt = Field(
        100_000, description="How many unfinished deliveries one organisation may have; above it the API answers 503 with Retry-After."
    )
    min_free_disk: Size = Field(512 * 2**20, description="With less free space than this in the data folder nothing is accepted.")
    relatives: Literal["opt_in", "not_objecting"] = Field(
        "opt_in",
        description="Whether a relative may come to a meeting only when the individual has chosen it, or unless the individual objects. "
        "An objection always wins, and a relative gets a copy only where the individual wishes it.",
    )
    relative_requests: Literal["request", "proposal"] = Field(
        "request",
        description="Whether a relative may ask for a SIP on the individual's behalf, or only propose one: then such a request is refused, "
        "with the advice to send a proposal, which must be answered and binds nobody.",
    )
    exceptions: Mapping[str, Names] = Field(
        default_factory=dict,
        description="Exceptions from secrecy a sending organisation has switched on, between region and municipality: a table `[exceptions]` "
        'in siphub.toml, such as `2321009991 = ["osl_25_12"]`. Known are osl_25_12, osl_26_9 and osl_25_13; all are off unless named.',
    )
    backup_within: Duration = Field(
        timedelta(hours=26), description="How old the last `siphub backup` may be before `siphub doctor` says that something is wrong."
    )
    ca_file: Path | None = Field(
        None, description="Further certificate authorities (PEM) to trust when delivering, such as a partner's own."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least important thing that is logged.")
    log_format: Literal["json", "console"] = Field("json", description="One JSON object a line, or lines for a person at a terminal.")
    fault: Annotated[Fault, NoDecode, BeforeValidator(read_fault)] | None = Field(
        None, description="Crash tests only, refused in production: `point:kill|stop|sleep=SECONDS[:NTH]`."
    )
    submission_keep: Duration = Field(
        timedelta(days=180),
        description="How long the answer to a message is kept after its content was erased, so that a repeat gets it again; at least 90 days.",
    )
    retention: Mapping[Annotated[str, Field(pattern=r"^[0-9]{10}$")], Retention] = Field(
        default_factory=dict,
        description="When an owner's closed cases are erased: a table `[retention.NUMBER]` in siphub.toml for each, with `keep` and `decision`.",
    )
    plugin: Mapping[str, Mapping[str, str]] = Field(
        default_factory=dict, repr=False, description="Settings of the plugins: a table `[plugin.NAME]` in siphub.toml for each."
    )
    plugin_secrets: Mapping[str, Mapping[str, SecretStr]] = Field(
        default_factory=dict, repr=False, description="Secrets of the plugins: only as files `plugin.NAME.KEY` in the folder of secrets."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - these names are pydantic-settings'
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take only what is given: `read` brings the other sources together, in its own order."""
        return (init_settings,)

    @field_validator("plugin", mode="before")
    @classmethod
    def _plain_words(cls, value: object) -> object:
        """Let TOML's numbers and booleans stand for the words a plugin reads."""
        if not isinstance(value, Mapping):
            return value
        return {name: _words(table) if isinstance(table, Mapping) else table for name, table in value.items()}

    @field_validator("exceptions")
    @classmethod
    def _known_exceptions(cls, value: Mapping[str, Names]) -> Mapping[str, Names]:
        """Refuse an exception the law does not have, and a number that is no organisation's."""
        if any(name not in EXCEPTIONS for names in value.values() for name in names):
            raise ValueError(f"an exception that is not known. Known are {', '.join(sorted(EXCEPTIONS))}")
        if any(not re.fullmatch(r"[0-9]{10}", organisation) for organisation in value):
            raise ValueError("not an organisation number. Write ten digits without a hyphen")
        return value

    @model_validator(mode="after")
    def _together(self) -> Self:
        if place_of(self.database) == place_of(self.keys_database):
            raise ValueError("keys_url: the database that database_url names. Keep the keys in another one, with a backup of its own")
        if self.fault is not None and self.mode == "production":
            raise ValueError("fault: only for tests. Remove it, or set mode to test")
        if self.retry_base > self.retry_cap:
            raise ValueError("retry_base: longer than retry_cap. Lower it, or raise retry_cap")
        if self.submission_keep < LEAST_SUBMISSION_KEEP:
            raise ValueError("submission_keep: below 90 days. Keep answers for longer: a repeat must never have a second effect")
        if self.consent_warning < LEAST_CONSENT_WARNING:
            raise ValueError("consent_warning: below 7 days. Warn earlier: a new consent takes a talk with the individual")
        if self.broker_token_url and not (self.broker_client_id and self.broker_client_secret.get_secret_value()):
            raise ValueError("broker_token_url: needs broker_client_id, and the file broker_client_secret in the folder of secrets")
        if self.permit >= self.lease:
            raise ValueError("permit: as long as the lease or longer. Lower it, or raise lease")
        return self

    @property
    def keys_database(self) -> str:
        """The keys' database's URL, with the default filled in."""
        return self.keys_url or f"sqlite:///{self.data.absolute() / 'keys.sqlite'}"

    @property
    def database(self) -> str:
        """The database's URL, with the default filled in."""
        return self.database_url or f"sqlite:///{self.data.absolute() / 'siphub.sqlite'}"

    def shown(self) -> Mapping[str, str]:
        """Return every setting as text for a person: passwords in URLs masked, plugins' settings by name only."""
        values = {name: _text(name, getattr(self, name)) for name in Settings.model_fields}
        values |= {"retention": ", ".join(sorted(self.retention))}
        return values | {"plugin": ", ".join(sorted(self.plugin)), "plugin_secrets": ", ".join(sorted(self.plugin_secrets))}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table of settings, for docs and `doctor`."""

    name: str
    type: str
    default: str
    help: str


def table() -> tuple[Row, ...]:
    """Return the table of settings, in the order of the class."""
    blank = Settings()
    return tuple(
        Row(name=name, type=_type(field.annotation), default=_text(name, getattr(blank, name)), help=field.description or "")
        for name, field in Settings.model_fields.items()
    )


def read(given: Mapping[str, object] | None = None) -> Settings:
    """Read the settings once.

    Args:
        given: What the command line says, by setting name; None values count as not given.

    Raises:
        SettingsError: Names each setting that is missing, unknown or wrong, and what to do. Never repeats a value.
    """
    said = {name: value for name, value in (given or {}).items() if value is not None}
    _refuse_unknown(said, "on the command line")
    environment = _environment()
    file = _file_values(_config_path(said | environment))
    data = Path(str((file | environment | said).get("data", Settings.model_fields["data"].default)))
    with _named():
        return Settings(**(file | _secret_values(data) | environment | said))


def _environment() -> dict[str, Any]:
    known = {f"{PREFIX}{name}".upper(): name for name in Settings.model_fields}
    words = {word.upper() for word in os.environ if word.upper().startswith(PREFIX)} - NOT_SETTINGS
    _refuse_unknown({known.get(word, word.removeprefix(PREFIX).lower()): "" for word in words}, "in the environment")
    _refuse_secrets({known[word]: "" for word in words if word in known}, "in the environment")
    try:
        return EnvSettingsSource(Settings)()
    except UnreadableSetting as error:
        raise SettingsError(f"{error}. Set plugin tables in {FILE} instead of the environment") from None


def _config_path(values: Mapping[str, object]) -> Path:
    """Return where the file is: what SIPHUB_CONFIG names must be there, the data folder's own need not."""
    named = os.environ.get("SIPHUB_CONFIG")
    if named and not Path(named).is_file():
        raise SettingsError("SIPHUB_CONFIG names a file that is not there. Create it, or unset SIPHUB_CONFIG")
    return Path(named) if named else Path(str(values.get("data", Settings.model_fields["data"].default))) / FILE


def _file_values(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at .*\)$", str(error))
        raise SettingsError(f"{path.name} is not valid TOML {place[0] if place else ''}. Mend it there") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path.name} cannot be read ({type(error).__name__}). It must be UTF-8 and readable by the hub") from None
    _refuse_unknown(values, f"in {path.name}")
    _refuse_secrets(values, f"in {path.name}")
    return values


def _refuse_secrets(values: Mapping[str, object], where: str) -> None:
    """Refuse what is given in files of the folder of secrets only."""
    for name, file in (("plugin_secrets", "each in a file plugin.NAME.KEY"), ("master_key", "it in a file master.key")):
        if name in values:
            raise SettingsError(f"{name}: secrets do not belong {where}. Put {file} in the folder of secrets")


def credentials() -> Path | None:
    """Return the folder of secrets that the service manager gives, `$CREDENTIALS_DIRECTORY`, where it gives one."""
    given = os.environ.get("CREDENTIALS_DIRECTORY")
    return Path(given) if given else None


def _secret_values(data: Path) -> dict[str, Any]:
    """Read the files of the folders of secrets that are named like a setting, or `plugin.NAME.KEY`; others are somebody else's."""
    values: dict[str, Any] = {}
    plugins: dict[str, dict[str, SecretStr]] = {}
    for folder in (data / SECRETS, credentials()):
        for file in sorted(folder.iterdir()) if folder is not None and folder.is_dir() else ():
            if file.name == "master.key":
                values["master_key"] = SecretStr(_secret(file))
            elif file.name in Settings.model_fields:
                values[file.name] = _secret(file)
            elif match := re.fullmatch(r"plugin\.([a-z0-9-]+)\.([A-Za-z0-9_-]+)", file.name):
                plugins.setdefault(match[1], {})[match[2]] = SecretStr(_secret(file))
    return values | ({"plugin_secrets": plugins} if plugins else {})


def _secret(file: Path) -> str:
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"the secret {file.name} cannot be read ({type(error).__name__}). It must be UTF-8 and readable by the hub"
        ) from None


def _refuse_unknown(values: Mapping[str, object], where: str) -> None:
    for name in sorted(set(values) - set(Settings.model_fields)):
        near = difflib.get_close_matches(name, Settings.model_fields, n=1)
        hint = f"Did you mean {near[0]}?" if near else "docs/settings.md lists them all"
        raise SettingsError(f"{name}: no such setting ({where}). {hint}", code="settings.unknown")


@contextmanager
def _named() -> Iterator[None]:
    """Turn pydantic's findings into sentences that name the setting and never the value."""
    try:
        yield
    except ValidationError as error:
        found = [_sentence(finding["loc"], finding["msg"]) for finding in error.errors(include_input=False, include_context=False)]
        raise SettingsError("; ".join(found) + ". See docs/settings.md") from None


def _sentence(place: tuple[int | str, ...], message: str) -> str:
    said = message.removeprefix("Value error, ")
    name = ".".join(map(str, place)) if place[:1] in {("plugin",), ("retention",)} else str(place[0]) if place else ""
    return f"{name}: {said}" if name else said


def _words(table: Mapping[str, object]) -> dict[str, object]:
    return {
        key: str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int | float) else value
        for key, value in table.items()
    }


def _text(name: str, value: object) -> str:
    if isinstance(value, timedelta):
        return span(value)
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, Fault):
        return f"{value.point}:{value.action}"
    if name.endswith("_url"):
        return masked(str(value))
    if name in {"max_body", "min_free_disk"}:
        return f"{int(str(value)) / 2**20:g} MiB"
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None or value == {} else str(value)


def _type(annotation: object) -> str:
    """Return a type in the words of a person."""
    words = {bool: "true or false", int: "number", str: "text", Path: "path", timedelta: "time span", Fault: "fault", type(None): ""}
    if annotation in words:
        return words[annotation]
    options = [str(option) for option in get_args(annotation) if isinstance(option, str)]
    if options:
        return " or ".join(options)
    if get_args(annotation) and (inner := [word for word in map(_type, get_args(annotation)) if word]):
        return "names" if str(annotation).startswith("tuple") else "tables" if "Mapping" in str(annotation) else inner[0]
    return "text"
