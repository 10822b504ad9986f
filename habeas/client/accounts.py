"""
Accounts of an installation: their files, and their users and permissions on the broker.

A folder of accounts holds a folder per account with files named after settings (``amqp_url`` …). A process
reads its own folder only, and in compose sees no other.
"""

import asyncio
import json
import secrets
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, unquote, urlsplit

from habeas.client.management import import_definitions
from habeas.client.private_files import replaced
from shared.errors import BrokerUnavailable, ConfigurationError
from shared.runtime.accounts import ACCOUNTS, TOPOLOGY, database_roles, definitions, made_roles
from shared.runtime.broker import declare
from shared.runtime.mongo import connect, translated

T = TypeVar("T")
AMQP_URL = "amqp_url"
MONGO_URL = "mongo_url"
DEFAULT_STORE = "default"
PREFIX = "habeas"
"""First part of the names of users that are made here."""
WAIT_FOR_BROKER_S = 30.0
PAUSE_S = 0.5


def users_in(folder: Path, file: str = AMQP_URL) -> dict[str, tuple[str, str]]:
    """
    Return account → user and password, from *file* of each account in *folder* but the topology's own.

    Raises ConfigurationError if one that every installation has is missing, or a file names no user.
    """
    found = {path.parent.name: _user(path) for path in sorted(folder.glob(f"*/{file}"))}
    found.pop(TOPOLOGY, None)
    missing = [account for account in ACCOUNTS if account not in found]
    if missing:
        remedy = "scripts/secrets makes them"
        raise ConfigurationError(f"{folder}: has no file {file} for {', '.join(missing)}; {remedy}")
    return found


async def grant(
    root_url: str, users: Mapping[str, tuple[str, str]], *, prefix: str, business: Iterable[str]
) -> None:
    """
    Make the *users* of the database at *root_url*, each with its roles; earlier roles are replaced.

    *users* maps accounts to user and password; *prefix* begins the names of our own databases, *business*
    names the company's on the same server. Raises StoreUnavailable or PermanentError if the database does not
    answer or refuses.
    """
    names = list(business)
    with closing(connect(root_url, app_name="habeas topology")) as client:
        for name, role in made_roles(prefix).items():
            with translated(f"make the role {name}"):
                known = await client.admin.command("rolesInfo", name)
                verb = "updateRole" if known["roles"] else "createRole"
                await client.admin.command(verb, name, **role)
        for account, (user, password) in users.items():
            with translated(f"make the user of {account}"):
                known = await client.admin.command("usersInfo", user)
                verb = "updateUser" if known["users"] else "createUser"
                roles = database_roles(account, prefix, names)
                await client.admin.command(verb, user, pwd=password, roles=roles)


def business_collections(data_map: Path, stores: str) -> dict[str, list[str]]:
    """Return the collections of *data_map* on our server, by database; none if *stores* has another one."""
    from services.fulfillment.datamap.reader import load  # noqa: PLC0415  needed by one verb alone

    if DEFAULT_STORE in json.loads(stores or "{}"):
        return {}
    found = defaultdict[str, list[str]](list)
    for one in load(data_map).collections:
        if one.store == DEFAULT_STORE:
            found[one.dataset].append(one.name)
    return found


async def create_collections(root_url: str, business: Mapping[str, Sequence[str]]) -> int:
    """Create the collections of the databases of *business* that have none at all; return their number."""
    with closing(connect(root_url, app_name="habeas topology")) as client, translated("create collections"):
        there = await client.list_database_names()
        missing = [(one, name) for one, names in business.items() if one not in there for name in names]
        for database, name in missing:
            await client[database].create_collection(name)
    return len(missing)


def _user(path: Path) -> tuple[str, str]:
    url = urlsplit(path.read_text(encoding="utf-8").strip())
    if not (url.username and url.password):
        raise ConfigurationError(f"{path}: must be amqp://user:password@host:port/vhost")
    return unquote(url.username), unquote(url.password)


def make(
    folder: Path, accounts: Iterable[str], *, amqp: str = "", mongo: str = "", prefix: str = PREFIX
) -> None:
    """
    Write the URLs of each of *accounts* into *folder*; existing passwords stay.

    *amqp* and *mongo* are the parts of the URLs behind the user; without one, no such file is written. The
    names of new users begin with *prefix*.
    """
    for account in accounts:
        for name, scheme, location in ((AMQP_URL, "amqp", amqp), (MONGO_URL, "mongodb", mongo)):
            path = folder / account / name
            if location:
                new = (f"{prefix}-{account}", secrets.token_urlsafe(24))
                user, password = _user(path) if path.exists() else new
                _write(path, f"{scheme}://{quote(user)}:{quote(password, safe='')}@{location}")


def renew_passwords(folder: Path, account: str) -> list[str]:
    """
    Write a new password into the URLs of *account*; return the names of their files.

    Raises ConfigurationError if it has none, or is the administrators'.
    """
    files = [path for name in (AMQP_URL, MONGO_URL) if (path := folder / account / name).exists()]
    if account == TOPOLOGY or not files:
        raise ConfigurationError(f"{folder}: has no account {account} whose password can be replaced here")
    for path in files:
        url = urlsplit(path.read_text(encoding="utf-8").strip())
        user, hosts = quote(_user(path)[0], safe=""), url.netloc.rpartition("@")[2]
        with replaced(path) as text:
            netloc = f"{user}:{secrets.token_urlsafe(24)}@{hosts}"
            text.write(f"{url._replace(netloc=netloc).geturl()}\n")
    return [path.name for path in files]


def administrator_file(folder: Path) -> Path:
    """Return the file of *folder* with the URL of the database's administrator."""
    return folder / TOPOLOGY / MONGO_URL


def keep_administrator(folder: Path, mongo_url: str, amqp_url: str | None = None) -> Path:
    """
    Write the URLs of the administrators for verbs about topology, accounts and keys.

    Returns the file of the database's; *amqp_url* is left out where there is no broker.
    """
    file = administrator_file(folder)
    _write(file, mongo_url)
    if amqp_url is not None:
        _write(folder / TOPOLOGY / AMQP_URL, amqp_url)
    return file


def _write(path: Path, url: str) -> None:
    """Write *url* to *path*, readable by its owner only."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(f"{url}\n", encoding="utf-8")


def vhost_of(amqp_url: str) -> str:
    """Return the virtual host that *amqp_url* names."""
    return unquote(urlsplit(amqp_url).path[1:]) or "/"


async def declare_all(
    amqp_url: str, management_url: str | None, users: Mapping[str, tuple[str, str]]
) -> list[str]:
    """
    Declare exchanges, queues and bindings, and where *management_url* is given *users* and permissions.

    The account of *amqp_url* may configure the broker, that of *management_url* is an administrator. Returns
    the queues that were not there.

    Raises:
        BrokerUnavailable: The broker did not answer.
        ConfigurationError: Something is there with other arguments, or the administrator was refused.
    """
    created = await _patiently(lambda: declare(amqp_url, console=True))
    if management_url is not None:
        defined = definitions(users, vhost_of(amqp_url))
        await _patiently(lambda: import_definitions(management_url, defined))
    return created


async def _patiently(step: Callable[[], Awaitable[T]]) -> T:
    """Repeat *step* while the broker starts."""
    deadline = time.monotonic() + WAIT_FOR_BROKER_S
    while True:
        try:
            return await step()
        except BrokerUnavailable:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(PAUSE_S)


def write_definitions(file: Path, amqp_url: str, users: Mapping[str, tuple[str, str]]) -> None:
    """
    Put a file with users and permissions in the place of *file*, for its owner alone: it holds passwords.

    Raises:
        ConfigurationError: It cannot be written.
    """
    with replaced(file) as written:
        written.write(json.dumps(definitions(users, vhost_of(amqp_url)), indent=2))
