"""The record of the stores that the requests in a state folder are about."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from habeas.client.stores import DEFAULT, database_in, server
from shared.errors import ConfigurationError

FILE = "stores.json"
EMBEDDED = "the embedded database"
"""Place of the default store, unless it is the operator's own."""
PORT = 27017
"""Port of a MongoDB whose URL names none."""


def places(urls: Mapping[str, str]) -> dict[str, str]:
    """Return where each store is, without user, password and options: ``shop.example:27017/shop``."""
    return {DEFAULT: EMBEDDED, **{name: place(url) for name, url in urls.items()}}


def place(url: str) -> str:
    """Return where the store of *url* is: its hosts with ports, and its database if one is named."""
    hosts = server(url).lower().split(",")
    ported = url.startswith("mongodb://")
    named = sorted(f"{host}:{PORT}" if ported and not re.search(r":\d+$", host) else host for host in hosts)
    return "/".join(filter(None, (",".join(named), database_in(url))))


def require_same(state: Path, known: Mapping[str, str], given: Mapping[str, str]) -> None:
    """
    Check that the stores *known* from earlier starts in the folder *state* are those *given*, or more.

    Raises ConfigurationError with the first other one and the remedy.
    """
    for name, place in known.items():
        other = given.get(name)
        if other is None or not _is_same(place, other):
            now = f"not at {other}" if other else "which is not named now"
            raise ConfigurationError(
                f"{state.absolute()} was started with the store {name} at {place}, {now}: name the same "
                "stores (--stores or --env-file), or another folder with --state; if the same data has a "
                f"new address, remove {state.absolute() / FILE}"
            )


def _is_same(one: str, other: str) -> bool:
    """Return whether two places have the same hosts, and no different databases."""
    (hosts, _, database), (other_hosts, _, other_database) = one.partition("/"), other.partition("/")
    return hosts == other_hosts and (not database or not other_database or database == other_database)


def recorded(state: Path) -> dict[str, str]:
    """Return the places of the stores recorded in the folder *state*; empty without a record."""
    path = state / FILE
    if not path.exists():
        return {}
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): str(place) for name, place in known.items()}
    except (ValueError, AttributeError):
        raise ConfigurationError(f"{path} is damaged: remove it, or name another folder") from None


def record(state: Path, given: Mapping[str, str]) -> None:
    """Record the places of the stores in the folder *state*, readable by its owner alone."""
    path = state / FILE
    path.touch(mode=0o600)
    path.write_text(json.dumps(given, indent=2), encoding="utf-8")
