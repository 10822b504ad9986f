"""Verbs about the session of a staff account at the console, which verbs of the staff read and decide in."""

from contextlib import suppress
from typing import Annotated
from urllib.parse import urlsplit

import typer
from typer import Option

from habeas.cli import client
from habeas.cli.options import STATE, AsJson, State, has_terminal, output, printable, prompted, run
from habeas.cli.passwords import asked_password
from habeas.cli.staff import NO_CONSOLE, As, OneTimeCode
from shared.errors import ConfigurationError
from shared.runtime.hosts import is_local

NO_URL = "name the console: --console, or HABEAS_CONSOLE_URL"

app = typer.Typer()


@app.command("login")
def log_in(
    address: Annotated[str, Option("--console", help="Its address [HABEAS_CONSOLE_URL].")] = "",
    account: As = None,
    code: OneTimeCode = None,
    state: State = STATE,
    as_json: AsJson = False,
) -> None:
    """Sign in at the console: verbs of the staff read and decide in the session."""
    url = (address or state.console_url).rstrip("/")
    if not url:
        raise ConfigurationError(NO_URL)
    if not address and state.names_console:
        _confirm(state, url)
    name = account or prompted("--as", "Account")
    password = state.settings().get("HABEAS_STAFF_PASSWORD") or asked_password(
        f"Password for {printable(url)}", NO_CONSOLE
    )
    shown = code or prompted("--code", "Code that your authenticator shows")
    made = run(client.console_api.login(url, name, password, shown))
    client.console_api.LoginFile().keep(made)
    plain = {"account": made.account, "console": made.console, "ends_at": made.ends_at}
    output(plain, f"signed in as {made.account} at {made.console}", as_json=as_json)


def _confirm(state: State, url: str) -> None:
    """Have the user confirm the console that a folder names, before it is used for the first time."""
    if is_local(urlsplit(url).hostname) or url in client.console_api.LoginFile().consoles:
        return
    named = f"the folder {state} names the console {printable(url)}"
    if not has_terminal():
        raise ConfigurationError(f"{named}: name it with --console if it is yours")
    if not typer.confirm(f"{named}. Send your password there?", err=True):
        raise ConfigurationError("not signed in")


@app.command("logout")
def log_out(state: State = STATE, as_json: AsJson = False) -> None:
    """End the session at the console."""
    known = client.console_api.LoginFile()
    login = known.of(state.console_url)
    with suppress(ConfigurationError):  # it was over before
        run(client.console_api.logout(login))
    known.drop(login)
    output({"account": login.account}, f"signed out {login.account}", as_json=as_json)


@app.command("whoami")
def who_am_i(state: State = STATE, as_json: AsJson = False) -> None:
    """Show the account that is signed in at the console, its roles, and the end of its session."""
    login = state.login()
    found = run(client.console_api.whoami(login)) | {"console": login.console}
    text = f"{found['account']} ({', '.join(found['roles'])}) at {login.console} until {found['ends_at']}"
    output(found, text, as_json=as_json)
