"""Databases that options name: by URLs, or files with them, so that no password is in the process list."""

import sys
from collections.abc import Iterable
from pathlib import Path

from habeas.cli import client
from habeas.cli.passwords import asked_password

VISIBLE = (
    "other users of this machine see the password in the process list; "
    "name a file with the URL (mode 600), or leave the password out: it is asked for"
)
SCHEME = b"mongodb"


def stores_of(text: str) -> dict[str, str]:
    """Return the URLs of the stores that `--stores` names by a URL, JSON, or a file with one of them."""
    given = text.lstrip().startswith("{") or client.stores.is_url(text)
    kept = None if given else client.stores.text_in(text, "--stores")
    place = "--stores" if kept is None else f"--stores: {text}"
    urls = client.stores.store_urls(text if kept is None else kept, place)
    if kept is None:
        _warn("--stores", urls.values())
    return {name: with_asked_password(url, "--stores") for name, url in urls.items()}


def data_of(text: str | None) -> str | None:
    """Return the data that `--data` names: exports, or a URL, which may be in a file."""
    if text is None:
        return None
    if not client.stores.is_url(text):
        url: str | None = client.stores.text_in(text, "--data") if _has_url(Path(text)) else None
        return url or text
    _warn("--data", [text])
    return with_asked_password(text, "--data")


def with_asked_password(url: str, option: str) -> str:
    """
    Return *url*; a password that its user lacks is asked for.

    Raises ConfigurationError with the *option* if there is no terminal.
    """
    if not client.stores.lacks_password(url):
        return url
    place = client.stores.server(url)
    remedy = "without a terminal, name a file with the whole URL (mode 600)"
    missing = f"{option}: the URL of {place} has a user and no password: {remedy}"
    password = asked_password(f"Password of the user at {place}", missing)
    return str(client.stores.with_password(url, password))


def _has_url(file: Path) -> bool:
    if not file.is_file():
        return False
    with file.open("rb") as content:
        return content.read(len(SCHEME)) == SCHEME


def _warn(option: str, urls: Iterable[str]) -> None:
    if any(client.stores.has_password(url) for url in urls):
        print(f"habeas: {option}: {VISIBLE}", file=sys.stderr)
