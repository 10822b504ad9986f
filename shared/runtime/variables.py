"""Names of all ``HABEAS_`` variables, to report misspelt ones. Pure."""

from collections.abc import Collection

PREFIX = "HABEAS_"
FILE = "_FILE"
SETTINGS = frozenset(
    {
        "HABEAS_AMQP_URL",
        "HABEAS_ANTIVIRUS",
        "HABEAS_API_KEYS",
        "HABEAS_APPLE_CLIENTS",
        "HABEAS_APPLE_KEYS",
        "HABEAS_AUTOMATED_DECISIONS",
        "HABEAS_BACKUP_RETENTION",
        "HABEAS_BATCH",
        "HABEAS_BILL_AGE",
        "HABEAS_BOUNCE_PORT",
        "HABEAS_BREACH_QUERY_TIME",
        "HABEAS_CODES_OFFERED_PER_HOUR",
        "HABEAS_CODES_PER_HOUR",
        "HABEAS_COMPANY",
        "HABEAS_CONFIRMING_SOURCES",
        "HABEAS_CONSOLE_PORT",
        "HABEAS_CONSOLE_URL",
        "HABEAS_CREDENTIALS",
        "HABEAS_DATABASE_PREFIX",
        "HABEAS_DATAMAP",
        "HABEAS_DKIM_KEY",
        "HABEAS_DKIM_SELECTOR",
        "HABEAS_DROP_CLOSED",
        "HABEAS_DROP_EVERY",
        "HABEAS_DROP_KEY",
        "HABEAS_DROP_URL",
        "HABEAS_DRP_AGENTS",
        "HABEAS_DRP_BUSINESS",
        "HABEAS_DRP_CALLBACK_ALLOW",
        "HABEAS_EDITABLE_FIELDS",
        "HABEAS_ERASURE_APPROVAL",
        "HABEAS_ERASURE_APPROVERS",
        "HABEAS_ERASURE_WINDOW",
        "HABEAS_EXAMINATION_TIMEOUT",
        "HABEAS_FIDES_CLIENTS",
        "HABEAS_FIDES_DATA_USES",
        "HABEAS_FIDES_ORIGINS",
        "HABEAS_FIDES_POLICIES",
        "HABEAS_FIDES_SERVED",
        "HABEAS_GATEWAY",
        "HABEAS_GRACE",
        "HABEAS_HTTP_HOST",
        "HABEAS_HTTP_PORT",
        "HABEAS_INBOX_ADDRESS",
        "HABEAS_INBOX_FOLDER",
        "HABEAS_INBOX_IMAP",
        "HABEAS_INBOX_PER_HOUR",
        "HABEAS_INBOX_PORT",
        "HABEAS_INBOX_PROTOCOL",
        "HABEAS_INBOX_TRUST",
        "HABEAS_INCIDENT_MONTHS",
        "HABEAS_INCIDENT_PEOPLE_MONTHS",
        "HABEAS_INTAKE_URL",
        "HABEAS_LAWS_ACCEPTED",
        "HABEAS_LETTERS_PER_DAY",
        "HABEAS_LOCAL_CALLBACKS",
        "HABEAS_LOGIN_CLIENT",
        "HABEAS_LOGIN_PAGE",
        "HABEAS_LOGIN_IDENTITY",
        "HABEAS_LOGIN_ISSUER",
        "HABEAS_LOG_FORMAT",
        "HABEAS_LOG_LEVEL",
        "HABEAS_MAIL_BOUNCES",
        "HABEAS_MAIL_CONNECTIONS",
        "HABEAS_MAIL_FROM",
        "HABEAS_MAIL_LIMITS",
        "HABEAS_MAIL_REPLY_TO",
        "HABEAS_MAP_CHECK_EVERY",
        "HABEAS_MASTER_KEY",
        "HABEAS_META_SECRETS",
        "HABEAS_MODELS",
        "HABEAS_MONGO_URL",
        "HABEAS_NOTICE_CONNECTIONS",
        "HABEAS_OIDC_CLIENT",
        "HABEAS_OIDC_ISSUER",
        "HABEAS_OIDC_SECRET",
        "HABEAS_OPENDSR_CALLBACK_ALLOW",
        "HABEAS_OPENDSR_CERTIFICATE",
        "HABEAS_OPENDSR_CONTROLLERS",
        "HABEAS_OPENDSR_IDENTITIES",
        "HABEAS_OPENDSR_KEY",
        "HABEAS_OPENDSR_REQUESTS_PER_HOUR",
        "HABEAS_OPENDSR_URL",
        "HABEAS_OPS_PORT",
        "HABEAS_PACKAGE_LIFETIME",
        "HABEAS_PRELOAD_MODELS",
        "HABEAS_PROOF_CERTIFICATE",
        "HABEAS_PROOF_KEY",
        "HABEAS_PROOF_PATIENCE",
        "HABEAS_PUBLIC_REQUESTS_PER_HOUR",
        "HABEAS_PUBLIC_URL",
        "HABEAS_RECEIVERS",
        "HABEAS_RECIPIENTS",
        "HABEAS_REGISTER_MONTHS",
        "HABEAS_REQUESTS_PER_HOUR",
        "HABEAS_RESIDUAL_SCAN",
        "HABEAS_RETRY_FOR",
        "HABEAS_REVIEW",
        "HABEAS_RISC_AUDIENCES",
        "HABEAS_RISC_ISSUER",
        "HABEAS_RISC_KEYS",
        "HABEAS_SEARCH_MEMORY",
        "HABEAS_SENSITIVITY",
        "HABEAS_SESSION_IDLE",
        "HABEAS_SESSION_LENGTH",
        "HABEAS_SHOPIFY_SECRETS",
        "HABEAS_SMTP_URL",
        "HABEAS_SOURCES",
        "HABEAS_STORES",
        "HABEAS_TRACES_URL",
        "HABEAS_TRANSFER_ALLOW",
        "HABEAS_TRUSTED_CA",
        "HABEAS_TRUSTED_PROXIES",
        "HABEAS_TRUSTED_SOURCES",
        "HABEAS_TWO_DECIDERS",
        "HABEAS_WRONG_CODES_ALARM",
    }
)
"""Settings of all services. A test keeps them equal to the settings classes."""

COMMAND = frozenset(
    {
        "HABEAS_API_KEY",
        "HABEAS_MANAGEMENT_URL",
        "HABEAS_STAFF_ACCOUNT",
        "HABEAS_STAFF_PASSWORD",
        "HABEAS_STALLED_AFTER",
        "HABEAS_STATE",
        "HABEAS_URL",
    }
)
"""Variables that commands and examples read, and no service; a command reads them from files as well."""

COMPOSE = frozenset(
    {
        "HABEAS_CA_BUNDLE",
        "HABEAS_COMPANY_FILE",
        "HABEAS_CONSOLE",
        "HABEAS_CPUS",
        "HABEAS_DATAMAP_FOLDER",
        "HABEAS_FRONT",
        "HABEAS_GATEWAY_IMAGE",
        "HABEAS_IMAGE",
        "HABEAS_MAIL_IMAGE",
        "HABEAS_MAIL_PORT",
        "HABEAS_MONGO_IMAGE",
        "HABEAS_PORT",
        "HABEAS_PROMETHEUS",
        "HABEAS_PROMETHEUS_IMAGE",
        "HABEAS_PYTHON_IMAGE",
        "HABEAS_RABBITMQ_IMAGE",
        "HABEAS_SECRETS",
        "HABEAS_TRUSTED_CA_FILE",
        "HABEAS_STALLED_AFTER",
        "HABEAS_VERIFIER_IMAGE",
    }
)
"""Variables that docker-compose.yml itself reads. A test keeps them equal."""

COMPOSE_FILES = frozenset(
    {
        "HABEAS_DKIM_KEY_FILE",
        "HABEAS_OIDC_SECRET_FILE",
        "HABEAS_OPENDSR_CERTIFICATE_FILE",
        "HABEAS_OPENDSR_KEY_FILE",
    }
)
"""Settings that docker-compose.yml takes from a file. A test keeps them equal."""

MADE_BY_COMPOSE = {
    "HABEAS_AMQP_URL": "compose makes the broker's accounts itself (scripts/secrets)",
    "HABEAS_CONSOLE_PORT": "choose the port of this machine with HABEAS_CONSOLE",
    "HABEAS_CREDENTIALS": "name the folder in HABEAS_SECRETS",
    "HABEAS_COMPANY": "name the file in HABEAS_COMPANY_FILE",
    "HABEAS_DATAMAP": "name the folder in HABEAS_DATAMAP_FOLDER",
    "HABEAS_GATEWAY": "choose the network of the gateway with HABEAS_FRONT",
    "HABEAS_HTTP_HOST": "compose binds all addresses of a container",
    "HABEAS_HTTP_PORT": "choose the port of this machine with HABEAS_PORT",
    "HABEAS_INTAKE_URL": "compose knows where intake is",
    "HABEAS_MASTER_KEY": "put it into the file keys/master_key of HABEAS_SECRETS",
    "HABEAS_MODELS": "the verifier's image carries the models",
    "HABEAS_MONGO_URL": "compose makes the database's accounts itself (scripts/secrets)",
    "HABEAS_OPS_PORT": "compose keeps the port of the health checks inside the network",
    "HABEAS_SMTP_URL": "put it into the file notifier/smtp_url of HABEAS_SECRETS",
    "HABEAS_TRUSTED_CA": "name the file on this machine in HABEAS_TRUSTED_CA_FILE",
}
"""Settings that docker-compose.yml fixes, each with the remedy if ``.env`` sets it."""

DEVELOPMENT = ("HABEAS_TEST_", "HABEAS_SCREENSHOTS", "HABEAS_DOCKERD_DIR")
"""Beginnings of variables that only tests and scripts read."""


def unknown(variables: Collection[str]) -> list[str]:
    """Describe each of *variables* with our prefix that is not known, and name the nearest known one."""
    return [_described(name) for name in sorted(variables) if name.startswith(PREFIX) and not _is_known(name)]


def _is_known(name: str) -> bool:
    known = SETTINGS | COMMAND | COMPOSE
    return name in known or name.removesuffix(FILE) in SETTINGS | COMMAND or name.startswith(DEVELOPMENT)


def _described(name: str) -> str:
    from shared.contract.suggestions import nearest_word  # noqa: PLC0415  imports all events

    nearest = nearest_word(name, sorted(SETTINGS | COMMAND | COMPOSE))
    return f"{name}: is not a setting" + (f"; did you mean {nearest}?" if nearest else "")


def without_effect(variables: Collection[str]) -> list[str]:
    """Describe each of *variables* that a ``.env`` of docker-compose.yml names in vain."""
    fixed = {name: _remedy(name) for name in sorted(variables) if name.startswith(PREFIX)}
    vain = [f"{name}: has no effect in .env; {remedy}" for name, remedy in fixed.items() if remedy]
    return vain + unknown([name for name in variables if not fixed.get(name)])


def _remedy(name: str) -> str:
    """Return the remedy for *name* in ``.env``; empty if it has an effect there, or is unknown."""
    if name in MADE_BY_COMPOSE:
        return MADE_BY_COMPOSE[name]
    setting = name.removesuffix(FILE)
    if setting in COMMAND - SETTINGS - COMPOSE or name.startswith(DEVELOPMENT):
        return "set it where the command runs"
    if name.endswith(FILE) and name not in COMPOSE | COMPOSE_FILES:
        return MADE_BY_COMPOSE.get(setting, f"give {setting} itself") if setting in SETTINGS else ""
    return ""
