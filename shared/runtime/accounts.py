"""
Accounts of broker and database, and the rights of each. Pure.

Each process has an account of its own. On the broker it reads its own queues and publishes the types that
its services own; it configures nothing. The topology table decides both, so that a new event needs no second
list. In the database it writes the databases of its own services, and the parts of the vault that it needs.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.contract import topology
from shared.contract.topology import COMMAND, CONSOLE, EVENTS, PARKING, PROBE, REQUESTS, RETRY

PROCESSES: Mapping[str, tuple[str, ...]] = {
    "intake": ("intake", "incidents"),
    "verifier": ("verifier", "examiner", "login"),
    "fulfillment": ("fulfillment", "scoping"),
    "notifier": ("notifier", "codes", "campaigns", "chunks"),
    CONSOLE: (CONSOLE,),
}
"""Process → the services that run in it, and share its account."""
KEYLESS = frozenset({CONSOLE})
"""Processes without a key: they neither open the vault nor unseal second factors."""
TOPOLOGY = "topology"
"""Account that declares exchanges, queues, users and permissions; an administrator of the broker."""
ACCOUNTS = (*PROCESSES, COMMAND)
"""Accounts that every installation has, besides that of the topology."""
NOTHING = "^$"
SUBMISSIONS = "^habeas[.][a-z]+[.](submitted|withdrawn|declared)[.]v[0-9]+$"
"""Types that publishers may submit."""
DECLARED = "habeas.breach.declared.v1"


@dataclass(frozen=True, slots=True)
class Rights:
    """The rights of an account on the virtual host: regular expressions on names and routing keys."""

    write: str
    read: str = NOTHING
    configure: str = NOTHING
    topics: tuple[tuple[str, str], ...] = ()
    """Pairs of exchange and the routing keys that may be published to it."""


def rights_of(account: str) -> Rights:
    """Return the rights of *account*; an account that no installation has gets a publisher's."""
    if account in PROCESSES:
        return _of_process(account)
    return _of_command() if account == COMMAND else _of_publisher()


def definitions(
    users: Mapping[str, tuple[str, str]], vhost: str, *, clients: Collection[str] = ()
) -> dict[str, list[dict[str, Any]]]:
    """
    Return accounts and permissions as RabbitMQ imports them.

    Args:
        users: Account → user and password.
        vhost: Virtual host that they may use, and no other.
        clients: Accounts of publishers that read events as well, into queues of their own.
    """
    rights = {
        user: _of_client(user) if account in clients else rights_of(account)
        for account, (user, _) in users.items()
    }
    return {
        "users": [{"name": user, "password": password, "tags": []} for user, password in users.values()],
        "permissions": [
            {"user": user, "vhost": vhost, "configure": own.configure, "write": own.write, "read": own.read}
            for user, own in rights.items()
        ],
        "topic_permissions": [
            {"user": user, "vhost": vhost, "exchange": exchange, "write": keys, "read": NOTHING}
            for user, own in rights.items()
            for exchange, keys in own.topics
        ],
    }


VAULT_WRITERS = frozenset({"intake", "verifier", "fulfillment", COMMAND})
"""Accounts that seal, replace and discard; the notifier only opens, and adds letters."""
LETTERS_WRITER = "notifier"
"""The account that adds letters as sent to the vault, and changes and removes nothing there."""
KEYS_WRITER = "intake"
"""The account that makes and destroys the keys of cases."""
BUSINESS = frozenset({"fulfillment", COMMAND})
"""Accounts that reach the company's own databases, where these lie on the same server as ours."""
OPERATED: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(topology.LISTENS, ("republications",)),
    "intake": ("drop_state", "republications"),
    "fulfillment": (
        "certificates",
        "datamaps",
        "erasures",
        "held_records",
        "holds",
        "kept",
        "republications",
        "suppressions",
    ),
    CONSOLE: ("audits", "histories", "cases", "openings", "holds", "notices"),
}
"""Service → the collections that operators' commands write to, and no other of its database."""
OPERATING = ("find", "insert", "update", "remove", "createIndex", "listIndexes")
"""Rights of commands on them."""


UPKEEP = "upkeep"
"""Database of the watch for stalled cases, which the administrator's account alone writes."""
STAFF = "staff"
"""Database of the staff's accounts. Only operators write accounts; services add used codes and outcomes."""
STAFF_ADDITIONS = ("codes", "tries", "outcomes")
"""Collections of it that services insert into and never change."""


def staff_role(prefix: str) -> dict[str, Any]:
    """Return the role by which services use the staff's accounts, as MongoDB's `createRole` takes it."""
    name = f"{prefix}_{STAFF}"
    adding = ["find", "insert", "createIndex", "listIndexes"]
    return {
        "privileges": [
            {"resource": {"db": name, "collection": "accounts"}, "actions": ["find"]},
            *({"resource": {"db": name, "collection": one}, "actions": adding} for one in STAFF_ADDITIONS),
        ],
        "roles": [],
    }


def staff_reader_role(prefix: str) -> dict[str, Any]:
    """Return the role by which the console reads staff accounts, reports of services and stalled cases."""
    read = [(STAFF, "accounts"), (UPKEEP, "unhandled"), *((process, "reports") for process in PROCESSES)]
    return {
        "privileges": [
            {"resource": {"db": f"{prefix}_{name}", "collection": one}, "actions": ["find"]}
            for name, one in read
        ],
        "roles": [],
    }


def staff_reader_role_name(prefix: str) -> str:
    """Return the name of that role, in the database `admin`."""
    return f"{prefix}-staff-reader"


def staff_role_name(prefix: str) -> str:
    """Return the name of that role, in the database `admin`."""
    return f"{prefix}-staff"


def command_role(prefix: str) -> dict[str, Any]:
    """Return the role by which the command fetches from DROP, and remembers and replays erasures."""
    return {
        "privileges": [
            {"resource": {"db": f"{prefix}_{service}", "collection": one}, "actions": [*OPERATING]}
            for service, collections in OPERATED.items()
            for one in collections
        ],
        "roles": [],
    }


def command_role_name(prefix: str) -> str:
    """Return the name of that role, in the database `admin`."""
    return f"{prefix}-{COMMAND}"


def letters_role(prefix: str) -> dict[str, Any]:
    """Return the role by which the notifier adds letters to the vault."""
    added = ({"db": f"{prefix}_vault", "collection": one} for one in ("items", "templates"))
    return {"privileges": [{"resource": one, "actions": ["insert"]} for one in added], "roles": []}


def letters_role_name(prefix: str) -> str:
    """Return the name of that role, in the database `admin`."""
    return f"{prefix}-letters"


def made_roles(prefix: str) -> dict[str, dict[str, Any]]:
    """Return the roles that are made in the database `admin`, by name."""
    return {
        staff_role_name(prefix): staff_role(prefix),
        staff_reader_role_name(prefix): staff_reader_role(prefix),
        command_role_name(prefix): command_role(prefix),
        letters_role_name(prefix): letters_role(prefix),
    }


def database_roles(account: str, prefix: str, business: Iterable[str] = ()) -> list[dict[str, str]]:
    """
    Return the roles that *account* has in MongoDB.

    Args:
        account: Its name, without the prefix of the installation.
        prefix: First part of the names of our own databases.
        business: Names of the company's databases on the same server.
    """
    own = PROCESSES.get(account, ())
    written = [f"{prefix}_{service}" for service in own]
    read = [f"{prefix}_{service}" for service in topology.inboxes() if service not in own]
    written += [f"{prefix}_vault"] if account in VAULT_WRITERS else []
    written += [f"{prefix}_keys"] if account == KEYS_WRITER else []
    written += sorted(business) if account in BUSINESS else []
    written += [f"{prefix}_{STAFF}"] if account == COMMAND else []
    sealed = [] if account in KEYLESS else [f"{prefix}_vault", f"{prefix}_keys"]
    seen = [*sealed, *(read if account == COMMAND else [])]
    staff = staff_reader_role_name(prefix) if account in KEYLESS else staff_role_name(prefix)
    return [
        *([{"role": staff, "db": "admin"}] if account in PROCESSES else []),
        *([{"role": command_role_name(prefix), "db": "admin"}] if account == COMMAND else []),
        *([{"role": letters_role_name(prefix), "db": "admin"}] if account == LETTERS_WRITER else []),
        *({"role": "readWrite", "db": name} for name in written),
        *({"role": "read", "db": name} for name in seen if name not in written),
    ]


@dataclass(frozen=True, slots=True)
class Publishers:
    """The publishers that a service accepts, by the user that the broker has checked (``user_id``)."""

    own: str
    """User of the service's own account."""
    account: str
    """Name of that account. A user that does not end with it serves all accounts of the installation."""

    def may_publish(self, user: str | None, type_: str) -> bool:
        """Return whether *user* may publish *type_*: the own account is believed in its own types alone."""
        return user in self._users_of(type_)

    def publisher_of(self, type_: str) -> str | None:
        """Return a user that may publish *type_*; None where no service does."""
        return min(self._users_of(type_), default=None)

    def _users_of(self, type_: str) -> set[str]:
        prefix = self.own.removesuffix(f"-{self.account}")
        return {self.own} if prefix == self.own else {f"{prefix}-{one}" for one in _owners_of(type_)}


def account_of(service: str) -> str:
    """Return the account that *service* uses."""
    return next((account for account, services in PROCESSES.items() if service in services), service)


def _owners_of(type_: str) -> set[str]:
    return {account_of(service) for service in topology.publishers_of(type_)}


def _of_process(process: str) -> Rights:
    services = PROCESSES[process]
    types = [type_ for service in services for type_ in topology.PUBLISHES.get(service, ())]
    delays = f"({_any_of(topology.DELAYS)})[.]({_any_of(services)})"
    exchanges, topics = [RETRY, PARKING], [(RETRY, f"^({delays}|{PROBE})$"), (PARKING, _whole(services))]
    if types:
        exchanges.append(EVENTS)
        topics.append((EVENTS, _whole(types)))
    if process == "intake":  # a declaration that a staff account signed
        exchanges.append(REQUESTS)
        topics.append((REQUESTS, _whole([DECLARED])))
    parked = map(topology.parking_of, topology.inboxes()) if process == CONSOLE else ()
    return Rights(write=_whole(exchanges), read=_whole([*services, *parked]), topics=tuple(topics))


def _of_command() -> Rights:
    return Rights(
        write=_whole([EVENTS, REQUESTS]),
        read=_whole(map(topology.parking_of, topology.inboxes())),
        topics=((EVENTS, _whole(topology.PUBLISHES[COMMAND])), (REQUESTS, SUBMISSIONS)),
    )


def _of_publisher() -> Rights:
    return Rights(write=_whole([REQUESTS]), topics=((REQUESTS, SUBMISSIONS),))


def _of_client(user: str) -> Rights:
    queue = rf"{re.escape(user)}[.].*"
    return replace(
        _of_publisher(),
        configure=f"^{queue}$",
        write=f"{_whole([REQUESTS])}|^{queue}$",
        read=f"{_whole([EVENTS])}|^{queue}$",
    )


def _whole(names: Iterable[str]) -> str:
    return f"^({_any_of(names)})$"


def _any_of(names: Iterable[str]) -> str:
    return "|".join(map(re.escape, names))
