"""The operator's own databases: their URLs, and whether Habeas can use them."""

import json
import re
from collections.abc import Collection, Mapping
from contextlib import closing
from pathlib import Path
from stat import S_IRWXG, S_IRWXO, S_ISREG
from urllib.parse import quote

from shared.errors import ConfigurationError, CredentialsRefused, HabeasError, StoreUnavailable
from shared.runtime.mongo import Client, Document, connect, translated

DEFAULT = "default"
"""Name of the store of collections that name none."""
SCHEMES = ("mongodb://", "mongodb+srv://")
NEEDED = ("find", "update", "remove")
SYSTEM = frozenset({"admin", "config", "local"})
OURS = "habeas_"
OTHERS = S_IRWXG | S_IRWXO
WITHOUT_PASSWORD = re.compile("authMechanism=(MONGODB-|GSSAPI)", re.IGNORECASE)
"""Ways to sign in by a certificate or a ticket."""
SHOWN = 10
"""Names of databases in a message, at most."""


def is_url(text: str) -> bool:
    """Return whether *text* is meant as the URL of a MongoDB."""
    return text.startswith(SCHEMES)


def text_in(file: str, option: str) -> str | None:
    """
    Return the text in *file*, readable by its owner alone, or in a pipe; None if there is no such file.

    Raises ConfigurationError, with the *option* and the remedy, if others may read it.
    """
    path = Path(file)
    try:
        mode = path.stat().st_mode
        if S_ISREG(mode) and mode & OTHERS:
            raise ConfigurationError(f"{option}: {path} can be read by others: run `chmod 600 {path}`")
        return path.read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    except OSError as error:
        raise ConfigurationError(f"{option}: {path} cannot be read ({error.strerror})") from None


def _user_and_password(url: str) -> tuple[str, str]:
    """Return user and password in *url*; each is empty if it has none."""
    found = url.partition("://")[2].partition("/")[0].rpartition("@")[0]
    user, _, password = found.partition(":")
    return user, password


def has_password(url: str) -> bool:
    """Return whether *url* shows a password."""
    return bool(_user_and_password(url)[1])


def lacks_password(url: str) -> bool:
    """Return whether *url* has a user who signs in by a password, and no password."""
    user, password = _user_and_password(url)
    return bool(user) and not password and not WITHOUT_PASSWORD.search(url)


def with_password(url: str, password: str) -> str:
    """Return *url* with a *password* for its user."""
    scheme, _, rest = url.partition("://")
    user, _, place = rest.partition("@")
    return f"{scheme}://{user.removesuffix(':')}:{quote(password, safe='')}@{place}"


def store_urls(text: str, setting: str = "HABEAS_STORES") -> dict[str, str]:
    """
    Read the stores, as a URL or as a JSON object of names and URLs.

    Raises ConfigurationError, with the name of the *setting*, if it is neither.
    """
    if is_url(text):
        return {DEFAULT: text}
    try:
        urls = json.loads(text)
    except json.JSONDecodeError:
        urls = None
    if not isinstance(urls, dict) or not all(isinstance(url, str) for url in urls.values()):
        file = ", or a file with one of them" if setting.startswith("--") else ""
        raise ConfigurationError(
            f"{setting}: must be a URL, mongodb://…, or JSON of names and URLs, "
            f'{{"default": "mongodb://…"}}{file}'
        )
    wrong = ", ".join(name for name, url in urls.items() if not is_url(url))
    if wrong:
        raise ConfigurationError(f"{setting}: the URL of {wrong} must begin with {' or '.join(SCHEMES)}")
    return urls


def server(url: str) -> str:
    """Return the hosts of *url*, without user and password."""
    return re.split("[/?]", url.partition("://")[2].rpartition("@")[2])[0]


def database_in(url: str) -> str | None:
    """Return the database that the path of *url* names."""
    path = url.partition("://")[2].rpartition("@")[2].partition("/")[2]
    return path.partition("?")[0] or None


def mapped_databases(folder: Path) -> dict[str, set[str]]:
    """Return the databases that the data map in *folder* names, by store. Raises InvalidDataMap."""
    from services.fulfillment.datamap.reader import load  # noqa: PLC0415  heavy

    found: dict[str, set[str]] = {}
    for one in load(folder).collections:
        found.setdefault(one.store, set()).add(one.dataset)
    return found


async def require_usable(urls: Mapping[str, str], mapped: Mapping[str, Collection[str]]) -> None:
    """
    Check that each store answers, and that its *mapped* databases exist and can be read and changed.

    Raises ConfigurationError with the store, its server and the remedy.
    """
    for name, url in urls.items():
        try:
            await _require_usable(url, mapped.get(name, ()))
        except CredentialsRefused as error:
            raise ConfigurationError(f"store {name} at {server(url)}: {error}") from None
        except StoreUnavailable as error:
            remedy = "is MongoDB running there, and may this machine connect to it?"
            raise ConfigurationError(f"store {name} at {server(url)}: {error}; {remedy}") from None
        except HabeasError as error:
            raise ConfigurationError(f"store {name} at {server(url)}: {error}") from None


async def _require_usable(url: str, databases: Collection[str]) -> None:
    with closing(connect(url, app_name="habeas-check")) as client:
        there = await existing(client)
        privileges = await _privileges(client)
        for database in sorted(databases):
            if database not in there:
                raise ConfigurationError(absence(database, there))
            if privileges is not None:
                _require_allowed(privileges, database)


async def existing(client: Client) -> list[str]:
    """Return the names of the databases that the user can see, without those of MongoDB and of Habeas."""
    with translated("list the databases"):
        answer = await client.admin.command("listDatabases", nameOnly=True, authorizedDatabases=True)
    names = [one["name"] for one in answer["databases"]]
    return sorted(name for name in names if name not in SYSTEM and not name.startswith(OURS))


def absence(database: str, there: Collection[str]) -> str:
    """Return the message that a server lacks *database*, with those that are *there*."""
    shown = ", ".join(sorted(there)[:SHOWN])
    others = f"the user sees {shown}" if shown else "the user sees none"
    return f"it has no database {database} ({others}): correct the name in the URL or the data map"


async def _privileges(client: Client) -> list[Document] | None:
    """Return the privileges of the user; None if the server has no access control."""
    with translated("read the permissions"):
        answer = await client.admin.command("connectionStatus", showPrivileges=True)
    known = answer["authInfo"]
    return list(known["authenticatedUserPrivileges"]) if known["authenticatedUsers"] else None


def _require_allowed(privileges: list[Document], database: str) -> None:
    refused = [action for action in NEEDED if not _allows(privileges, database, action)]
    if refused:
        actions = ", ".join(refused)
        raise ConfigurationError(
            f"the user may not {actions} in {database}: grant it the role readWrite there"
        )


def _allows(privileges: list[Document], database: str, action: str) -> bool:
    return any(
        action in one["actions"]
        and ("anyResource" in one["resource"] or one["resource"].get("db") in {"", database})
        for one in privileges
    )
