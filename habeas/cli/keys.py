"""Verbs about the keys of an installation."""

from pathlib import Path

import typer

from habeas.cli.options import STATE, State, out, root_key, setting, signer
from shared import keyring
from shared.accounts import ACCOUNTS
from shared.errors import ConfigurationError

KEEPER = "keys"
"""Account whose folder holds the master key; it has no other file, and no service sees it."""

app = typer.Typer(help="Keys of the installation.", no_args_is_help=True)


@app.callback()
def _keys() -> None:
    """Keys of the installation."""


@app.command()
def show(state: State = STATE) -> None:
    """Print the fingerprint and the public key that verify packages and certificates; publish both."""
    key = signer(state).public_key
    out.print(f"fingerprint {key.fingerprint}", markup=False)
    out.print(key.pem.decode(), markup=False, end="")


@app.command()
def issue(state: State = STATE) -> None:
    """
    Write the key ring of each account, from the master key in `keys/master_key` of HABEAS_CREDENTIALS.

    A process gets the keys that its work needs, and no other; none gets the master key.
    """
    master = root_key(state, KEEPER)
    if isinstance(master, keyring.KeyRing):
        raise ConfigurationError("HABEAS_MASTER_KEY: is a key ring; the master key is needed here")
    keyring.issue(master, Path(setting("CREDENTIALS", state, KEEPER)), ACCOUNTS)
    out.print(f"{len(ACCOUNTS)} key rings are written")
