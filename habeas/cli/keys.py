"""Verbs about the keys of an installation."""

import typer

from habeas.cli.options import STATE, State, out, signer

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
