"""
Settings that every service needs. Settings are values: read once, at start, and passed on.

Each variable ``HABEAS_X`` may instead be given as ``HABEAS_X_FILE``, the path of a file that holds the
value: the form in which container secrets arrive.
"""

import base64
import binascii
import os
import re
from collections.abc import Callable, Iterable, Sized
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from shared.contract.field_errors import message_of
from shared.errors import ConfigurationError
from shared.law import CompanyProfile
from shared.law.library import EXAMPLE, company
from shared.law.policies import law_names
from shared.mail.reply_address import LONGEST_NAME, ReplyAddresses
from shared.runtime.key_rings import FILE as KEY_FILE
from shared.runtime.key_rings import KEY_BYTES, KeyRing, RingFile, RootKey, derived_key
from shared.runtime.variables import unknown

LONGEST_RETRY = timedelta(days=14)
"""Of a message; services remember a purged case for longer."""
PRINTABLE = re.compile(r"(?!.*//[^/]*@)[^\n]{0,200}")
"""Texts that the log may hold: one line, and no URL with credentials."""


def _names(written: object) -> object:
    return law_names(written) if isinstance(written, str) else written


def _company(name: object) -> CompanyProfile:
    try:
        return company(str(name))
    except ConfigurationError as error:
        raise ValueError(str(error)) from None


class _SecretFiles(PydanticBaseSettingsSource):
    """Reads ``HABEAS_<FIELD>_FILE``, and where that is not set the account's file in `HABEAS_CREDENTIALS`."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        del field
        variable = f"HABEAS_{field_name.upper()}_FILE"
        path = os.environ.get(variable) or self._credential(field_name)
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except OSError as error:
            raise ConfigurationError(
                f"{variable}: cannot read the file it names ({error.strerror})"
            ) from None
        except UnicodeDecodeError:
            raise ConfigurationError(f"{variable}: the file it names is no UTF-8 text") from None

    def _credential(self, field_name: str) -> Path | None:
        """Return the file in the folder of our account that is called like the setting."""
        folder, account = os.environ.get("HABEAS_CREDENTIALS"), self.settings_cls.account  # type: ignore[attr-defined]  # every one of ours has it
        if not (folder and account):
            return None
        names = (KEY_FILE, field_name) if field_name == "master_key" else (field_name,)
        return next((path for name in names if (path := Path(folder, account, name)).is_file()), None)

    def __call__(self) -> dict[str, Any]:
        fields = self.settings_cls.model_fields
        found = {name: self.get_field_value(field, name)[0] for name, field in fields.items()}
        return {
            name: self.prepare_field_value(name, fields[name], value, value_is_complex=False)
            for name, value in found.items()
            if value is not None
        }


class Settings(BaseSettings):
    """Read from ``HABEAS_*`` environment variables. Durations are ISO 8601 (``PT30S``)."""

    model_config = SettingsConfigDict(
        env_prefix="HABEAS_",
        frozen=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
        extra="ignore",
    )

    account: ClassVar[str] = ""
    """Account that the process uses on broker and database."""

    credentials: Path | None = None
    """Folder of accounts (scripts/secrets): `<account>/amqp_url` and others. A variable counts first."""

    amqp_url: SecretStr
    """Broker URL, `amqp://user:password@host:port/vhost`; of a cluster `…@host1:port,host2:port/vhost`."""

    mongo_url: SecretStr
    """MongoDB URL of Habeas' own databases; a replica set, with its members separated by commas."""

    master_key: SecretStr
    """Master key, base64 of 32 random bytes, or the key ring of an account. Losing it loses every case."""

    database_prefix: str = Field(default="habeas", pattern=r"^[a-z][a-z0-9_]{0,20}$")
    """First part of the names of Habeas' own databases."""

    company: Annotated[CompanyProfile, NoDecode, BeforeValidator(_company)] = Field(
        default=EXAMPLE, validate_default=True
    )
    """File that says who answers and from where: a copy of `policies/company.yaml` with your company."""

    laws_accepted: Annotated[frozenset[str], NoDecode, BeforeValidator(_names)] = Field(
        default=frozenset(), validate_default=True
    )
    """
    Laws that apply though a deadline of theirs was not read (verb `laws`): ids, `br-lgpd, sg-pdpa`, or `all`.
    """

    public_url: str = "http://127.0.0.1:8080"
    """Where people reach intake; letters point there."""

    http_port: int = Field(default=8080, ge=0, le=65535)
    """Port of the API and the pages of intake; 0 takes a free one."""

    ops_port: int | None = Field(default=None, ge=0, le=65535)
    """
    Port of `/livez`, `/readyz` and `/metrics`, for operators alone; 0 takes a free one. Without it they are
    on the HTTP port, and on a free one in a process that runs intake.
    """

    traces_url: str = ""
    """
    Collector that traces are sent to by OTLP over HTTP, `http://collector:4318/v1/traces`; empty: none. Needs
    the extra `traces`.
    """

    http_host: str = "127.0.0.1"
    """Address that both ports are bound to; `0.0.0.0` inside a container."""

    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] | None = Field(default=None, validate_default=True)
    """
    Proxies with a trusted `X-Forwarded-For`: JSON, `["10.0.0.0/24"]`; `[]`: none. Required where
    `HABEAS_PUBLIC_URL` is https: without it all clients would count as one.
    """

    gateway: IPv4Address | IPv6Address | None = None
    """Address of the gateway of docker compose: a trusted proxy, before which others may stand."""

    trusted_ca: Path | None = None
    """
    File of private certificate authorities (PEM), trusted beside the public ones: by broker, database, mail
    server and HTTP.
    """

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Lines below this level are not written."""

    log_format: Literal["json", "console"] = "json"
    """`json` for machines, `console` for people."""

    batch: int = Field(default=500, ge=1, le=1000)
    """Events that become durable in one write, at most."""

    retry_for: timedelta = Field(default=timedelta(hours=24), le=LONGEST_RETRY)
    """How long a message is tried again after a passing error before it is parked; 14 days at most."""

    grace: timedelta = timedelta(seconds=20)
    """How long a service may finish what it holds after SIGTERM."""

    @field_validator("trusted_proxies")
    @classmethod
    def _names_the_proxy(cls, value: object, known: ValidationInfo) -> object:
        if value is None and str(known.data.get("public_url", "")).startswith("https://"):
            raise ValueError(
                "is missing: HABEAS_PUBLIC_URL is https, so a proxy stands before intake; "
                'name its networks (["10.0.0.0/24"]), or [] if it passes addresses through'
            )
        return value

    @property
    def proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The proxies with a trusted `X-Forwarded-For`."""
        ours = () if self.gateway is None else (ip_network(self.gateway),)
        return (*(self.trusted_proxies or ()), *ours)

    @field_validator("amqp_url")
    @classmethod
    def _is_a_broker(cls, value: SecretStr) -> SecretStr:
        return _beginning_with(("amqp://", "amqps://"), value)

    @field_validator("mongo_url")
    @classmethod
    def _is_a_database(cls, value: SecretStr) -> SecretStr:
        return _beginning_with(("mongodb://", "mongodb+srv://"), value)

    @field_validator("master_key")
    @classmethod
    def _is_a_key(cls, value: SecretStr) -> SecretStr:
        root_key(value.get_secret_value())
        return value

    @property
    def root_key(self) -> RootKey:
        """The source of keys: the account's key ring, or the master key."""
        return root_key(self.master_key.get_secret_value())

    def changed_keys(self) -> Callable[[], RootKey | None]:
        """Return a function that returns the account's key ring where it was replaced since the last call."""
        if self.credentials is None or not isinstance(self.root_key, KeyRing):
            return lambda: None
        return RingFile(self.credentials / self.account / KEY_FILE).changed

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let a plain variable win over its ``_FILE``."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, _SecretFiles(settings_cls)


def duration(name: str, text: str) -> timedelta:
    """Return the duration that a setting or option states as *text*; raises ConfigurationError."""
    try:
        return TypeAdapter(timedelta).validate_python(text)
    except ValidationError:
        raise ConfigurationError(f"{name}: must be a duration, like PT10M") from None


def root_key(text: str) -> RootKey:
    """
    Read a master key, or a key ring.

    Raises:
        ValueError: It is neither.
    """
    if text.startswith("{"):
        return KeyRing.parse(text)
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("must be base64") from None
    if len(key) != KEY_BYTES:
        raise ValueError(
            f"must be base64 of exactly {KEY_BYTES} bytes; make one with `openssl rand -base64 32`"
        )
    return key


class InboxSettings(Settings):
    """Settings for reading mail and for writing letters that are answered by mail."""

    inbox_address: str = ""
    """Address people write to, `privacy@example.com`; answers get one per case; empty: no mail comes in."""

    @field_validator("inbox_address")
    @classmethod
    def _has_room_for_a_case(cls, value: str) -> str:
        name, _, domain = value.rpartition("@")
        if value and (not name or not domain or "+" in name or len(name) > LONGEST_NAME):
            raise ValueError(
                f"must be an address with {LONGEST_NAME} characters or fewer before the @, and no +"
            )
        return value

    def threads(self) -> ReplyAddresses | None:
        """Return the addresses of cases; None where no mail is taken in."""
        if not self.inbox_address:
            return None
        return ReplyAddresses(self.inbox_address, derived_key(self.root_key, "addresses of cases"))


def _beginning_with(schemes: tuple[str, ...], value: SecretStr) -> SecretStr:
    """Refuse a URL of another kind: the drivers would take an empty one for this very machine."""
    if not value.get_secret_value().startswith(schemes):
        raise ValueError(f"must begin with {' or '.join(schemes)}")
    return value


S = TypeVar("S", bound=Settings)


def load(kind: type[S]) -> S:
    """
    Read the settings *kind* from the environment.

    Raises:
        ConfigurationError: One line naming every variable that is missing, wrong or not known.
    """
    if strangers := unknown(os.environ.keys()):
        raise ConfigurationError(f"{'; '.join(strangers)} (.env.example lists all)")
    try:
        return kind()
    except ValidationError as error:
        flaws = "; ".join(
            f"HABEAS_{'.'.join(map(str, flaw['loc'])).upper()}: {message_of(flaw, own=True)}"
            for flaw in error.errors(include_url=False, include_input=False)
        )
        raise ConfigurationError(f"{flaws} (every variable is explained in .env.example)") from None
    except SettingsError as error:
        named = re.search(r'field "(\w+)"', str(error))
        variable = f"HABEAS_{named[1].upper()}" if named else "a HABEAS_ variable"
        example = _example(kind, named[1]) if named else ""
        raise ConfigurationError(
            f"{variable}: is no JSON{example} (every variable is explained in .env.example)"
        ) from None


def _example(kind: type[Settings], name: str) -> str:
    """Return the example in the description of the field *name*; empty if it has none."""
    found = re.search(r"JSON,\s+`([^`]+)`", kind.model_fields[name].description or "")
    return f": write it as {found[1]}" if found else ""


def effective(settings: Iterable[Settings]) -> dict[str, Any]:
    """Return variable → value of all *settings*; secrets, people and texts of several lines only as *set*."""
    return {f"HABEAS_{name.upper()}": _shown(value) for one in settings for name, value in sorted(iter(one))}


def _shown(value: object) -> Any:
    """Return *value* where a log may hold it. An empty value stands for itself, a collection for its size."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, SecretStr):
        return "set" if value.get_secret_value() else ""
    if isinstance(value, timedelta):
        return TypeAdapter(timedelta).dump_python(value, mode="json")
    if isinstance(value, str | Path):
        return str(value) if PRINTABLE.fullmatch(str(value)) else "set"
    return f"{len(value)} entries" if isinstance(value, Sized) else "set"
